#!/usr/bin/env python3
"""An independent reading of mp-mesh-protocol(7): Python's standard library and the openssl command.

mesh.py key FILE                            a new RSA key, for a person
mesh.py server FILE ...                     new Ed25519 keys, for servers; prints their names
mesh.py packet KEY [SIZE]                   a packet to KEY; what is inside is noise, as for a relay
mesh.py mark SECRET DAY I  < packet         the same packet with a token's mark
mesh.py id  < packet                        its id
mesh.py retrieval KEY SERVER CHALLENGE DEVICE CURSOR
mesh.py ack KEY DEVICE ID ...
mesh.py tokens KEY SERVER SECRET DAY N      registers tokens 0 to N-1 of the day
mesh.py batch KEY TO HOPS ATTEMPT  < packets, one a line
mesh.py decision ABOUT VALUE WINDOW KEY ...  with each server's vote
mesh.py lie HOME LOG garbage|drop|cut [ROUTES]    a server of the home's key that says nothing sensible,
                                            or that it took all and passes on nothing, or to those
                                            of ROUTES with no hops left; prints HOST:PORT when it listens
mesh.py record LOG HOME=HOST:PORT ...       stands before servers, with their keys, hands on what it
                                            is asked, and writes a line of it into LOG: connection,
                                            method, path, bytes of the request and of the answer, and
                                            the members with their lengths; prints a HOST:PORT for each
mesh.py without  < object                   it again without each of its members, one a line
mesh.py spoilt  < object                    it again with each member of a wrong kind or form
mesh.py refused HOST:PORT METHOD PATH  < bodies, one a line; prints each that is not answered with 400
mesh.py ask HOST:PORT METHOD PATH FILE [BODY]    prints the status; the answer is in FILE
mesh.py fetch HOST:PORT KEY SERVER DEVICE CURSOR DIR
                                            prints the status; DIR has the proof, the answer and, as
                                            fetched, its packets, one a line
mesh.py serve DIR                           one process for all of these: reads VERB and arguments from
                                            DIR/mesh.ask, a tab between, with - or a file for
                                            standard input in front; the output goes to DIR/mesh.answer
"""

import base64
import datetime
import functools
import hashlib
import hmac
import http.client
import http.server
import io
import itertools
import json
import os
import queue
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import traceback

PKCS8 = bytes.fromhex("302e020100300506032b657004220420")
SPKI = bytes.fromhex("302a300506032b6570032100")


def b64(data):
    return base64.b64encode(data).decode()


def openssl(*args, stdin=b""):
    return subprocess.run(["openssl", *args], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=True).stdout


def now():
    t = datetime.datetime.now(datetime.timezone.utc)
    return t.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (t.microsecond // 1000)


@functools.lru_cache(maxsize=None)
def public(path):
    return openssl("pkey", "-in", path, "-pubout", "-outform", "DER")


def sign_pss(path, data):
    return openssl("dgst", "-sha256", "-sign", path, "-sigopt", "rsa_padding_mode:pss",
                   "-sigopt", "rsa_pss_saltlen:32", stdin=data)


def sign_ed(path, data):
    with tempfile.NamedTemporaryFile() as f:
        f.write(data)
        f.flush()
        return openssl("pkeyutl", "-sign", "-inkey", path, "-rawin", "-in", f.name)


def server_name(path):
    key = public(path)[-32:]
    check = hashlib.sha3_256(b".onion checksum" + key + b"\x03").digest()[:2]
    return base64.b32encode(key + check + b"\x03").decode().lower() + ".onion"


def signed(path, content, person):
    text, time = json.dumps(content), now()
    data = ("mp mesh/1 signed\n" + time + "\n" + text).encode()
    sig = sign_pss(path, data) if person else sign_ed(path, data)
    return {"type": "signed_message", "message": {"content": text, "timestamp": time},
            "signature": b64(sig), "public_key": b64(public(path))}


def packet_id(p):
    h = hashlib.sha256()
    for k in ("recipient", "message", "signature"):
        part = base64.b64decode(p[k])
        h.update(struct.pack(">I", len(part)) + part)
    return h.digest()


def packet(key, size="4096"):
    return {"recipient": b64(public(key)), "message": b64(os.urandom(284 + int(size))),
            "signature": b64(os.urandom(284 + 361))}


def token(secret, day, i):
    which = struct.pack(">II", int(day), int(i))
    return hmac.new(bytes.fromhex(secret), b"mp mesh/1 token" + which, hashlib.sha256).digest()


def mark(p, secret, day, i):
    t = token(secret, day, i)
    handle = hashlib.sha256(b"mp mesh/1 handle" + t).digest()[:16]
    mac = hmac.new(t, b"mp mesh/1 packet" + packet_id(p), hashlib.sha256).digest()
    return {**p, "token": b64(handle + mac)}


def retrieval(key, server, challenge, device, cursor):
    time = now()
    text = "\n".join(["I AM WHO I SAY I AM", server, challenge, time, device, cursor])
    return {"public_key": b64(public(key)), "signature": b64(sign_pss(key, text.encode())),
            "challenge": challenge, "timestamp": time, "device": device, "cursor": int(cursor)}


def tokens(key, server, secret, day, n):
    return signed(key, {"type": "tokens", "to": server, "day": int(day),
                        "tokens": [b64(token(secret, day, i)) for i in range(int(n))]}, True)


def batch(key, to, hops, attempt):
    items = [{"packet": json.loads(line), "hops": int(hops), "attempt": int(attempt)}
             for line in sys.stdin]
    return signed(key, {"type": "batch", "to": to, "packets": items}, False)


def vote(key, about, value, window):
    text = "mp mesh/1 vote\n%s\n%s\n%s\n%s" % (about, value, window, server_name(key))
    return "%s.%s.%s" % (value, window, b64(sign_ed(key, text.encode())))


def decision(about, value, window, *keys):
    return {"type": "quorum_decision", "reported_server_id": about,
            "votes": {server_name(k): vote(k, about, value, window) for k in keys},
            "final_decision": value, "timestamp": now()}


def spoil(o):
    for k, v in o.items():
        for bad in (None, [], {}, True, "", 1.5, -1, "x", "=", "%%%%"):
            if (k, bad) != ("evidence", ""):
                yield {**o, k: bad}
        if isinstance(v, str):
            for bad in (v[:-1], v + "A", " " + v, v + "\n"):
                yield {**o, k: bad}
            if v.islower():
                yield {**o, k: v.upper()}


def lie(home, log, how, routes=os.devnull):
    key = home + "/lie.key"
    with open(home + "/tls/key.pem", "rb") as f:
        openssl("pkey", "-out", key, stdin=f.read())

    waiting = queue.SimpleQueue()

    def cut():
        while True:
            packets = [waiting.get()]
            while not waiting.empty():
                packets.append(waiting.get())
            for line in open(routes):
                name, where = line.split()
                items = [{"packet": p, "hops": 0, "attempt": 0} for p in packets[:256]]
                b = {"type": "batch", "to": name, "packets": items}
                try:
                    request(where, "POST", "/mesh", json.dumps(signed(key, b, False)))
                except (http.client.HTTPException, OSError):
                    pass

    threading.Thread(target=cut, daemon=True).start()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with open(log, "a") as f:
                print(self.path, file=f)
            if how == "garbage":
                answer = b'{"type": "batch_answer", "results": [1, 2, 3]}'
            elif self.path == "/mesh":
                content = json.loads(json.loads(body)["message"]["content"])
                answer = json.dumps({"type": "batch_answer", "timestamp": now(),
                                     "results": ["taken"] * len(content["packets"])}).encode()
            else:
                answer = b""
                if how == "cut":
                    waiting.put(json.loads(body))
            self.send_response(200 if answer else 204)
            if answer:
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args):
            pass

    tls_server(home, Handler).serve_forever()


def tls_server(home, handler):
    """Prints where it listens."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.minimum_version = ssl.TLSVersion.TLSv1_3
    tls.load_cert_chain(home + "/tls/cert.pem", home + "/tls/key.pem")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    print("127.0.0.1:%d" % server.server_port, flush=True)
    return server


def form(body):
    o = json.loads(body) if body else {}
    return ",".join("%s:%d" % (k, len(v) if isinstance(v, str) else -1) for k, v in o.items())


def record(log, *servers):
    lines, lock, count = open(log, "a", buffering=1), threading.Lock(), itertools.count()

    def handler(where):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                self.number, self.mine = next(count), {}

            def finish(self):
                super().finish()
                for c in self.mine.values():
                    c.close()

            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, answer = request(where, self.command, self.path, body or None, self.mine)
                with lock:
                    print(self.number, self.command, self.path, len(body), len(answer), form(body),
                          file=lines)
                self.send_response(status)
                if answer:
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                try:
                    self.wfile.write(answer)
                except OSError:  # the client was stopped meanwhile
                    pass

            do_POST = do_GET

            def log_message(self, *args):
                pass

        return Handler

    threads = []
    for s in servers:
        home, where = s.split("=")
        server = tls_server(home, handler(where))
        threads.append(threading.Thread(target=server.serve_forever))
        threads[-1].start()
    threads[0].join()


connections = {}


def request(where, method, path, body=None, connections=connections):
    """On one connection, as long as it lasts: status and answer."""
    for fresh in (where not in connections, True):
        if fresh:
            tls = ssl.create_default_context()
            tls.minimum_version = ssl.TLSVersion.TLSv1_3
            tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
            connections[where] = http.client.HTTPSConnection(where, context=tls, timeout=300)
        c = connections[where]
        try:
            c.request(method, path, body, {"Content-Type": "application/json"})
            answer = c.getresponse()
            return answer.status, answer.read()
        except (http.client.HTTPException, OSError):
            c.close()
            del connections[where]
            if fresh:
                raise


def refused(where, method, path):
    lines = sys.stdin.readlines()
    if not lines:
        print("nothing to be refused")
    for line in lines:
        status, _ = request(where, method, path, line.rstrip("\n").encode(errors="surrogateescape"))
        if status != 400:
            print(status, line[:200])


def ask(where, method, path, out, body=None):
    status, answer = request(where, method, path, open(body, "rb").read() if body else None)
    with open(out, "wb") as f:
        f.write(answer)
    print(status)


def fetch(where, key, server, device, cursor, out):
    _, answer = request(where, "GET", "/challenge")
    proof = json.dumps(retrieval(key, server, json.loads(answer)["challenge"], device, cursor))
    with open(out + "/proof", "w") as f:
        f.write(proof)
    status, answer = request(where, "GET", "/messages", proof)
    with open(out + "/answer", "wb") as f:
        f.write(answer)
    with open(out + "/fetched", "w") as f:
        for p in json.loads(answer)["packets"] if status == 200 else []:
            print(json.dumps(p), file=f)
    print(status)


def serve(home):
    """What went wrong is the answer."""
    while True:
        with open(home + "/mesh.ask") as f:
            source, *args = f.read().rstrip("\n").split("\t")
        said, sys.stdout = sys.stdout, io.StringIO()
        sys.stdin = io.StringIO() if source == "-" else open(source, errors="surrogateescape")
        try:
            main(*args)
        except Exception:
            print(traceback.format_exc())
        text, sys.stdout = sys.stdout.getvalue(), said
        sys.stdin.close()
        with open(home + "/mesh.answer", "w") as f:
            f.write(text)


def main(verb, *args):
    if verb == "key":
        openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", args[0])
    elif verb == "server":
        for path in args:
            openssl("pkey", "-inform", "DER", "-out", path, stdin=PKCS8 + os.urandom(32))
            print(server_name(path))
    elif verb in ("refused", "ask", "fetch", "lie", "record", "serve"):
        {"refused": refused, "ask": ask, "fetch": fetch, "lie": lie, "record": record,
         "serve": serve}[verb](*args)
    elif verb == "id":
        print(packet_id(json.load(sys.stdin)).hex())
    elif verb == "mark":
        print(json.dumps(mark(json.load(sys.stdin), *args)))
    elif verb == "ack":
        print(json.dumps(signed(args[0], {"type": "ack", "device": args[1],
                                          "packets": list(args[2:])}, True)))
    elif verb == "without":
        o = json.load(sys.stdin)
        for k in o:
            print(json.dumps({m: v for m, v in o.items() if m != k}))
    elif verb == "spoilt":
        for o in spoil(json.load(sys.stdin)):
            print(json.dumps(o))
    else:
        print(json.dumps({"packet": packet, "retrieval": retrieval, "tokens": tokens, "batch": batch,
                          "decision": decision}[verb](*args)))


main(*sys.argv[1:])
