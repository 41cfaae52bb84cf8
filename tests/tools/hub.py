#!/usr/bin/env python3
"""hub.py DIR COMMAND ...: a line transport between programs, for tests.

Runs one program for each COMMAND (by sh).  Each line that one prints goes to all of them, to itself
too.  In DIR, for program N from 0: say.N, a FIFO that is its descriptor 3; out.N, what comes from its
descriptor 4; err.N; pid.N; status.N, its exit status when it has ended.  lines has everything that was sent.
A further COMMAND line written into DIR/join starts one more program.  Ends when all have ended.
"""
import os
import selectors
import signal
import subprocess
import sys

folder, commands = sys.argv[1], sys.argv[2:]
select = selectors.DefaultSelector()
people = {}
count = 0
log = open(folder + "/lines", "wb", buffering=0)


def start(command):
    global count
    n, count = count, count + 1
    say = "%s/say.%d" % (folder, n)
    os.mkfifo(say)
    # Held open for writing: the person stays until it is told to go.
    fifo = os.open(say, os.O_RDWR | os.O_NONBLOCK)
    script = "exec 3<'%s' 4>'%s/out.%d' 2>'%s/err.%d'; exec env %s" % (say, folder, n, folder, n, command)
    p = subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    os.set_blocking(p.stdout.fileno(), False)
    os.set_blocking(p.stdin.fileno(), False)
    people[n] = {"p": p, "in": b"", "out": b"", "fifo": fifo}
    select.register(p.stdout, selectors.EVENT_READ, n)
    with open("%s/pid.%d.new" % (folder, n), "w") as f:
        f.write("%d\n" % p.pid)
    os.rename("%s/pid.%d.new" % (folder, n), "%s/pid.%d" % (folder, n))


def flush(n):
    q = people[n]
    try:
        while q["out"]:
            q["out"] = q["out"][os.write(q["p"].stdin.fileno(), q["out"][:65536]):]
    except BlockingIOError:
        return
    except BrokenPipeError:
        q["out"] = b""


def gone(n):
    q = people.pop(n)
    select.unregister(q["p"].stdout)
    q["p"].stdin.close()
    status = q["p"].wait()
    os.close(q["fifo"])
    with open("%s/status.%d.new" % (folder, n), "w") as f:
        f.write("%d\n" % status)
    os.rename("%s/status.%d.new" % (folder, n), "%s/status.%d" % (folder, n))


def hear(n):
    q = people[n]
    data = os.read(q["p"].stdout.fileno(), 65536)
    if not data:
        gone(n)
        return
    q["in"] += data
    whole, lf, q["in"] = q["in"].rpartition(b"\n")
    log.write(whole + lf)
    for m in people.values():
        m["out"] += whole + lf


signal.signal(signal.SIGPIPE, signal.SIG_IGN)
os.mkfifo(folder + "/join")
join = os.open(folder + "/join", os.O_RDWR | os.O_NONBLOCK)
select.register(join, selectors.EVENT_READ, -1)
for c in commands:
    start(c)
while people:
    for key, _ in select.select(0.02 if any(q["out"] for q in people.values()) else 1):
        if key.data == -1:
            for c in os.read(join, 65536).decode().splitlines():
                start(c)
        elif key.data in people:
            hear(key.data)
    for n in list(people):
        flush(n)
