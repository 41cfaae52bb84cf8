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
                                            of ROUTES with no hops left; prints HOST:PORT when it listens.
                                            LOG gets the paths; what is reported goes to another file beside it
mesh.py record LOG HOME=HOST:PORT ...       stands before servers, with their keys, hands on what it
                                            is asked, and writes a line of it into LOG: connection,
                                            method, path, bytes of the request and of the answer, and
                                            the members with their lengths; prints a HOST:PORT for each
mesh.py without  < object                   it again without each of its members, one a line
mesh.py spoilt  < object                    it again with each member of a wrong kind or form
mesh.py malformed ack|tokens|batch|decision|retrieval|report KEY SERVER [CHALLENGE]
                                            such objects with one thing wrong inside what is signed, one
                                            a line; the signature is right but where that is the thing
mesh.py pour HOST:PORT KEY FILE             posts small packets to KEY until it is killed, each until it is
                                            taken; FILE gets the id of each that was, a line
mesh.py drain HOST:PORT KEY SERVER DEVICE   prints the ids of all that is there for KEY
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
import time
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


def signed(path, content, person, time=None):
    text = content if isinstance(content, str) else json.dumps(content)
    time = time or now()
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


def retrieval(key, server, challenge, device, cursor, time=None):
    time = time or now()
    text = "\n".join(["I AM WHO I SAY I AM", server, challenge, time, device, cursor])
    return {"public_key": b64(public(key)), "signature": b64(sign_pss(key, text.encode())),
            "challenge": challenge, "timestamp": time, "device": device, "cursor": json.loads(cursor)}


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


ID, DAY = "ab" * 32, 86400
NOBODY = "a" * 52


def contents(kind, server):
    """What is signed, and what may stand in no member of it."""
    today = int(datetime.datetime.now(datetime.timezone.utc).timestamp()) // DAY
    key = b64(bytes(32))
    if kind == "ack":
        return {"type": "ack", "device": "0" * 16, "packets": [ID]}, {
            "type": ("acks", "tokens", 1), "device": ("0" * 15, "0" * 17, "A" * 16, "g" * 16, 0, None),
            "packets": ([], ID, {}, [ID[:-1]], [ID + "0"], [ID.upper()], [1], [ID, None], [ID] * 501),
            "junk": ("x" * 40000,)}
    if kind == "tokens":
        return {"type": "tokens", "to": server, "day": today, "tokens": [key]}, {
            "type": ("token",), "to": (server.upper(), server[:-6], NOBODY + "aaad.onion", 1, None),
            "day": (-1, "1", 1.5, today - 2, today + 9, 1 << 60, None),
            "tokens": ([], key, [b64(bytes(31))], [b64(bytes(33))], [key + "="], [1], [key] * 513)}
    return {"type": "batch", "to": server, "packets": [], "acks": [], "decisions": []}, {
        "type": ("ack", None), "to": (server.upper(), NOBODY + "aaad.onion", 1, None),
        "packets": ({}, "x", 1, [{}] * 257), "acks": ({}, 1, [{}] * 257), "decisions": ("x", [{}] * 257)}


def malformed_signed(kind, key, server):
    person = kind != "batch"
    good, bad = contents(kind, server)
    for k, values in bad.items():
        for v in values:
            yield signed(key, {**good, k: v}, person)
    for k in good:
        if not isinstance(good[k], list) or person:
            yield signed(key, {m: v for m, v in good.items() if m != k}, person)
    for text in ("", "x", "[]", "1", json.dumps(good) + "{}", '{"type":"%s","type":"%s"}' % (kind, kind)):
        yield signed(key, text, person)
    yield signed(key, good, person, "2026-01-01")
    yield signed(key, good, person, "2026-01-01T00:00:00." + "0" * 30 + "Z")
    if not person:
        yield signed(key, good, person, "2026-01-01T00:00:00Z")
        yield signed(key, good, person, "2999-01-01T00:00:00Z")
    o = signed(key, good, person)
    yield {**o, "message": {**o["message"], "timestamp": "2026-01-01T00:00:00.000Z"}}
    yield {**o, "message": {**o["message"], "content": o["message"]["content"] + " "}}
    yield {**o, "signature": b64(bytes(256 if person else 64))}
    yield {**o, "public_key": b64(SPKI + bytes(32))}


def malformed_decision(key, server):
    o = decision(server, "blacklisted", "20000", key)
    voter, said = next(iter(o["votes"].items()))
    value, window, sig = said.split(".")
    for v in ("", value, value + "." + window, ".%s.%s" % (window, sig), "%s..%s" % (value, sig),
              "whitelisted.%s.%s" % (window, sig), "greylisted.%s.%s" % (window, sig),
              "%s.0%s.%s" % (value, window, sig), "%s.-1.%s" % (value, sig), "%s.+1.%s" % (value, sig),
              "%s.20001.%s" % (value, sig), "%s.99999999.%s" % (value, sig), said + "A", said[:-1],
              said + ".", "%s.%s.%s" % (value, window, b64(bytes(64))), 1, None, [said]):
        yield {**o, "votes": {voter: v}}
    for v in ({}, [], {voter.upper(): said}, {voter[:-6]: said}, {server: said},
              {voter: said, server: said}, {"%d" % i: said for i in range(257)}):
        yield {**o, "votes": v}
    for v in ("blacklisted ", "Blacklisted", "none"):
        yield {**o, "final_decision": v}
    yield {**o, "reported_server_id": voter}
    yield {**o, "timestamp": "2026-02-30T00:00:00Z"}


def malformed_retrieval(key, server, challenge):
    d = "0" * 16
    for device, cursor in ((d[1:], "0"), (d + "0", "0"), ("A" * 16, "0"), (d, "-1"), (d, "1.5"), (d, '"0"'),
                           (d, "9007199254740993")):
        yield retrieval(key, server, challenge, device, cursor)
    for time in ("2026-01-01", "2026-01-01T00:00:00.000", "2026-13-01T00:00:00.000Z"):
        yield retrieval(key, server, challenge, d, "0", time)
    raw = bytearray(base64.b64decode(challenge))
    for i in (0, 7, 8, 23, 24, 39):
        raw[i] ^= 1
        yield retrieval(key, server, b64(raw), d, "0")
        raw[i] ^= 1
    yield retrieval(key, server, b64(raw[:-1]), d, "0")
    yield retrieval(key, server, b64(raw + b"x"), d, "0")
    yield retrieval(key, server.upper(), challenge, d, "0")
    yield {**retrieval(key, server, challenge, d, "0"), "device": d[:-1] + "1"}
    yield {**retrieval(key, server, challenge, d, "0"), "timestamp": "2026-01-01T00:00:00.000Z"}


def malformed(kind, key, server, challenge=None):
    if kind == "decision":
        return malformed_decision(key, server)
    if kind == "retrieval":
        return malformed_retrieval(key, server, challenge)
    if kind == "report":
        o = {"reporter_id": "anonymous", "reported_server_id": server, "timestamp": now(), "evidence": ""}
        return ({**o, k: v} for k, v in (("evidence", b64(bytes(65537))), ("reporter_id", "x" * 600),
                                         ("reporter_id", "nobody"), ("reported_server_id", "anonymous")))
    return malformed_signed(kind, key, server)


def pour(where, key, path):
    with open(path, "a") as f:
        while True:
            p = packet(key, "400")
            while True:
                try:
                    if request(where, "POST", "/packets", json.dumps(p))[0] == 204:
                        break
                except (http.client.HTTPException, OSError):
                    time.sleep(0.05)
            print(packet_id(p).hex(), file=f, flush=True)


def drain(where, key, server, device):
    cursor, more = 0, True
    while more:
        challenge = json.loads(request(where, "GET", "/challenge")[1])["challenge"]
        proof = retrieval(key, server, challenge, device, str(cursor))
        status, answer = request(where, "GET", "/messages", json.dumps(proof))
        if status != 200:
            sys.exit("status %d" % status)
        page = json.loads(answer)
        cursor, more = page["cursor"], page["more"]
        for p in page["packets"]:
            print(packet_id(p).hex())


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
                print(self.path, *([] if self.path == "/mesh" else sorted(json.loads(body))), file=f)
            if self.path == "/reports":
                with open(os.path.splitext(log)[0] + ".reports", "ab") as f:
                    f.write(body + b"\n")
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
    elif verb in ("refused", "ask", "fetch", "lie", "record", "serve", "pour", "drain"):
        {"refused": refused, "ask": ask, "fetch": fetch, "lie": lie, "record": record, "serve": serve, "pour": pour,
         "drain": drain}[verb](*args)
    elif verb == "malformed":
        for o in malformed(*args):
            print(json.dumps(o))
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
