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
mesh.py lie HOME LOG garbage|drop          a server of the home's key that says it took all, or
                                            says nothing sensible; prints HOST:PORT when it listens
mesh.py without  < object                   it again without each of its members, one a line
mesh.py spoilt  < object                    it again with each member of a wrong kind or form
mesh.py refused HOST:PORT METHOD PATH  < bodies, one a line; prints each that is not answered with 400
"""

import base64
import datetime
import hashlib
import hmac
import http.client
import http.server
import json
import os
import ssl
import struct
import subprocess
import sys
import tempfile

SPKI = bytes.fromhex("302a300506032b6570032100")


def b64(data):
    return base64.b64encode(data).decode()


def openssl(*args, stdin=b""):
    return subprocess.run(["openssl", *args], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=True).stdout


def now():
    t = datetime.datetime.now(datetime.timezone.utc)
    return t.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (t.microsecond // 1000)


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


def lie(home, log, how):
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
            self.send_response(200 if answer else 204)
            if answer:
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args):
            pass

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.minimum_version = ssl.TLSVersion.TLSv1_3
    tls.load_cert_chain(home + "/tls/cert.pem", home + "/tls/key.pem")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    print("127.0.0.1:%d" % server.server_port, flush=True)
    server.serve_forever()


def refused(where, method, path):
    """On one connection, as long as it lasts."""
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    c = http.client.HTTPSConnection(where, context=tls, timeout=60)
    for line in sys.stdin.buffer:
        for attempt in (1, 2):
            try:
                c.request(method, path, line[:-1], {"Content-Type": "application/json"})
                answer = c.getresponse()
                answer.read()
                break
            except (http.client.HTTPException, OSError):
                c.close()
                if attempt == 2:
                    raise
        if answer.status != 400:
            print(answer.status, line[:200])


def main(verb, *args):
    if verb == "key":
        openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", args[0])
    elif verb == "server":
        for path in args:
            openssl("genpkey", "-algorithm", "ED25519", "-out", path)
            print(server_name(path))
    elif verb == "refused":
        refused(*args)
    elif verb == "lie":
        lie(*args)
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
