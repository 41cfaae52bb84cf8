#!/usr/bin/env python3
"""A client and a server of session chat written from mp-chat-protocol(7) alone: Python's standard library and the
openssl command.

chat.py client WHERE KEY USER PASSWORD TEXT   accepts the first invitation, prints the first text, says TEXT
chat.py server KEY USER PASSWORD TEXT         a server for one user, and a creator who says TEXT; prints its
                                              port, then what the user says
chat.py hostile WHERE KEY USER PASSWORD       each wrong frame there is: TAP, one test each
"""

import base64
import hashlib
import hmac
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time

P = 2**255 - 19
DIR = tempfile.TemporaryDirectory()
X_SECRET = bytes.fromhex("302e020100300506032b656e04220420")
X_PUBLIC = bytes.fromhex("302a300506032b656e032100")
ED_SECRET = bytes.fromhex("302e020100300506032b657004220420")
ED_PUBLIC = bytes.fromhex("302a300506032b6570032100")
TYPES = {"login": 0x0000, "init_req": 0x0000, "init_res": 0x0010, "close_req": 0x0100, "close_res": 0x0110,
         "msg_req": 0x0200, "msg_res": 0x0210, "invite_req": 0x0300, "invite_res": 0x0310,
         "status_req": 0x0400, "status_res": 0x0410}


def openssl(*args, stdin=b""):
    return subprocess.run(["openssl", *args], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=True).stdout


def put(data):
    f = tempfile.NamedTemporaryFile(dir=DIR.name, delete=False)
    f.write(data)
    f.close()
    return f.name


def x_public(secret):
    return openssl("pkey", "-inform", "DER", "-pubout", "-outform", "DER", stdin=X_SECRET + secret)[-32:]


def x25519(secret, public):
    return openssl("pkeyutl", "-derive", "-keyform", "DER", "-inkey", put(X_SECRET + secret), "-peerform", "DER",
                   "-peerkey", put(X_PUBLIC + public))


def ed_public(seed):
    return openssl("pkey", "-inform", "DER", "-pubout", "-outform", "DER", stdin=ED_SECRET + seed)[-32:]


def ed_to_x(key):
    y = int.from_bytes(key, "little") & (2**255 - 1)
    return ((1 + y) * pow(1 - y, P - 2, P) % P).to_bytes(32, "little")


def sign(seed, data):
    return openssl("pkeyutl", "-sign", "-rawin", "-keyform", "DER", "-inkey", put(ED_SECRET + seed), "-in", put(data))


def verify(key, data, signature):
    openssl("pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey", put(ED_PUBLIC + key), "-in",
            put(data), "-sigfile", put(signature))


def hkdf(ikm, salt, info):
    prk = hmac.new(salt or bytes(32), ikm, hashlib.sha256).digest()
    return hmac.new(prk, info + b"\1", hashlib.sha256).digest()


def ghash(h, data):
    h, y = int.from_bytes(h, "big"), 0
    for i in range(0, len(data), 16):
        y ^= int.from_bytes(data[i:i + 16], "big")
        z, v = 0, h
        for bit in range(127, -1, -1):
            if y >> bit & 1:
                z ^= v
            v = v >> 1 ^ (0xe1 << 120 if v & 1 else 0)
        y = z
    return y.to_bytes(16, "big")


def pad(data):
    return data + bytes(-len(data) % 16)


def gcm(key, iv, aad, data, decrypt=False):
    """The other form of data, and the whole tag (NIST SP 800-38D)."""
    h = openssl("enc", "-aes-256-ecb", "-nopad", "-K", key.hex(), stdin=bytes(16))
    j0 = iv + b"\0\0\0\1" if len(iv) == 12 else ghash(h, pad(iv) + struct.pack(">QQ", 0, len(iv) * 8))
    count = j0[:12] + struct.pack(">I", (int.from_bytes(j0[12:], "big") + 1) & 0xffffffff)
    other = openssl("enc", "-aes-256-ctr", "-K", key.hex(), "-iv", count.hex(), stdin=data) if data else b""
    text = data if decrypt else other
    s = ghash(h, pad(aad) + pad(text) + struct.pack(">QQ", len(aad) * 8, len(text) * 8))
    mask = openssl("enc", "-aes-256-ecb", "-nopad", "-K", key.hex(), stdin=j0)
    return other, bytes(a ^ b for a, b in zip(s, mask))


class Link:
    """One end of a connection."""

    def __init__(self, sock, key):
        self.sock, self.uid = sock, 0
        self.key_out = self.key_in = key
        self.sqn_out = self.sqn_in = 0

    def frame(self, typ, payload, sid=0, uid=None, sqn=None, behind=b"", ver=0x0100, rsv=0, rnd=None, add=0):
        if sqn is None:
            self.sqn_out += 1
            sqn = self.sqn_out
        typ = TYPES.get(typ, typ)
        head = struct.pack(">HHHHQQ6sH", ver, typ, (32 + len(payload) + 12 + len(behind) + add) & 0xffff, sqn, sid,
                           self.uid if uid is None else uid, rnd or os.urandom(6), rsv)
        text, tag = gcm(self.key_out, head[6:8] + head[24:30], head, payload)
        return head + text + tag[:12] + behind

    def send(self, *args, **names):
        self.sock.sendall(self.frame(*args, **names))

    def read(self, n):
        data = b""
        while len(data) < n:
            more = self.sock.recv(n - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def recv(self):
        """typ, sid, uid, payload, etk"""
        head = self.read(32)
        ver, typ, size, sqn, sid, uid, rnd, rsv = struct.unpack(">HHHHQQ6sH", head)
        assert ver == 0x0100 and rsv == 0 and sqn > self.sqn_in
        self.sqn_in = sqn
        return typ, sid, uid, head, self.read(size - 32)

    def open(self, head, rest):
        text, tag = gcm(self.key_in, head[6:8] + head[24:30], head, rest[:-12], True)
        assert tag[:12] == rest[-12:]
        return text

    def get(self, want=None):
        while True:
            typ, sid, uid, head, rest = self.recv()
            text = self.open(head, rest)
            if want is None or typ == TYPES[want]:
                return sid, uid, text, typ

    def transfer(self, secret, other, request, server):
        shared = x25519(secret, other)
        up = hkdf(shared, request, b"mp-chat/1 client to server")
        down = hkdf(shared, request, b"mp-chat/1 server to client")
        self.key_out, self.key_in = (down, up) if server else (up, down)


def oaep(mode, key, data):
    return openssl("pkeyutl", mode, *(["-pubin"] if mode == "-encrypt" else []), "-inkey", key, "-in", put(data),
                   "-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256", "-pkeyopt",
                   "rsa_mgf1_md:sha256")


def server_pem(path):
    der = base64.b64decode([line for line in open(path) if not line.startswith("untrusted")][0])
    return put(openssl("pkey", "-pubin", "-inform", "DER", "-pubout", stdin=der))


def dial(where):
    host, port = where.rsplit(":", 1)
    s = socket.create_connection((host, int(port)), 20)
    return s


def login_text(user, password, public, when=None):
    stamp = int(time.time() * 1000) if when is None else when
    return f"{stamp}\n{user}\n{password}\n{public.hex()}\n".encode().ljust(512)


def log_in(where, keyfile, user, password):
    tk, c = os.urandom(32), os.urandom(32)
    link = Link(dial(where), tk)
    text = login_text(user, password, x_public(c))
    etk = oaep("-encrypt", server_pem(keyfile), tk)
    link.send("login", text, behind=etk)
    _, _, answer, typ = link.get()
    request, random, uid = answer.decode().splitlines()
    assert typ == TYPES["init_res"] and request == hashlib.sha256(text).hexdigest()
    link.transfer(c, bytes.fromhex(random), bytes.fromhex(request), False)
    link.uid = int(uid, 16)
    return link


def digest(label, sid, uid, number, data):
    return hashlib.sha512(label + struct.pack(">QQQ", sid, uid, number) + data).digest()


def scalar(seed):
    return hashlib.sha512(seed).digest()[:32]


def text_key(session, sid, epoch, uid):
    return hkdf(session, struct.pack(">QI", sid, epoch), b"mp-chat/1 from" + struct.pack(">Q", uid))


def seal_text(seed, sid, uid, number, epoch, session, text):
    plain = os.urandom(16) + struct.pack(">QI", int(time.time() * 1000), len(text)) + text
    plain += bytes(-len(plain) % 256)
    iv = os.urandom(12)
    aad = b"mp-chat/1 text" + struct.pack(">QQQI", sid, uid, number, epoch)
    body, tag = gcm(text_key(session, sid, epoch, uid), iv, aad, plain)
    out = b"\2" + struct.pack(">I", epoch) + iv + body + tag
    return out + sign(seed, digest(b"mp-chat/1 text", sid, uid, number, out))


def open_text(key, sid, uid, number, sessions, data):
    verify(key, digest(b"mp-chat/1 text", sid, uid, number, data[:-64]), data[-64:])
    epoch = struct.unpack(">I", data[1:5])[0]
    aad = b"mp-chat/1 text" + struct.pack(">QQQI", sid, uid, number, epoch)
    plain, tag = gcm(text_key(sessions[epoch], sid, epoch, uid), data[5:17], aad, data[17:-80], True)
    assert data[0] == 2 and tag == data[-80:-64] and len(plain) % 256 == 0
    n = struct.unpack(">I", plain[24:28])[0]
    assert not any(plain[28 + n:])
    return plain[28:28 + n]


def seal_key(seed, sid, uid, number, epoch, session, members):
    e = os.urandom(32)
    big_e = x_public(e)
    out = b"\1" + struct.pack(">I", epoch) + big_e + struct.pack(">H", len(members))
    for m_uid, key, name in members:
        k = hkdf(x25519(e, ed_to_x(key)), struct.pack(">QI", sid, epoch), b"mp-chat/1 wrap" + big_e + key)
        out += struct.pack(">Q", m_uid) + key + bytes([len(name)]) + name + b"".join(gcm(k, bytes(12), b"", session))
    return out + sign(seed, digest(b"mp-chat/1 key", sid, uid, number, out))


def open_key(seed, own, creator, sid, uid, number, data):
    verify(creator, digest(b"mp-chat/1 key", sid, uid, number, data[:-64]), data[-64:])
    epoch, n = struct.unpack(">I", data[1:5])[0], struct.unpack(">H", data[37:39])[0]
    at, members, session = 39, {}, None
    for _ in range(n):
        m_uid, key = struct.unpack(">Q", data[at:at + 8])[0], data[at + 8:at + 40]
        end = at + 41 + data[at + 40]
        members[m_uid] = (data[at + 41:end], key)
        if m_uid == own:
            k = hkdf(x25519(scalar(seed), data[5:37]), struct.pack(">QI", sid, epoch),
                     b"mp-chat/1 wrap" + data[5:37] + key)
            session, tag = gcm(k, bytes(12), b"", data[end:end + 32], True)
            assert tag == data[end + 32:end + 48]
        at = end + 48
    assert at == len(data) - 64 and session
    return epoch, session, members


def client(where, keyfile, user, password, say):
    link = log_in(where, keyfile, user, password)
    seed = os.urandom(32)
    sid, creator, payload, _ = link.get("invite_req")
    assert payload == b"" and creator
    link.send("invite_res", f"Accept\n{ed_public(seed).hex()}\n".encode(), sid=sid)
    link.send("status_req", b"Follow\n0\n", sid=sid)
    status = link.get("status_res")[2].decode().splitlines()
    assert status[0] == "Session"
    keys = {int(line.split()[0], 16): line.split() for line in status[2:]}
    assert keys[creator][3] == "creator" and keys[link.uid][3] == "member"
    creator_key = bytes.fromhex(keys[creator][2])
    sessions, members = {}, {}
    while True:
        m_sid, sender, data, _ = link.get("msg_req")
        assert m_sid == sid
        seq, number = struct.unpack(">QQ", data[:16])
        if data[16] == 1:
            epoch, session, members = open_key(seed, link.uid, creator_key, sid, sender, number, data[16:])
            sessions[epoch] = session
        else:
            name, key = members[sender]
            print(name.decode() + ": " + open_text(key, sid, sender, number, sessions, data[16:]).decode())
        link.send("msg_res", f"OK\n{seq}\n".encode(), sid=sid)
        if data[16] == 2:
            break
    epoch = max(sessions)
    content = seal_text(seed, sid, link.uid, 1, epoch, sessions[epoch], say.encode())
    link.send("msg_req", struct.pack(">Q", 1) + content, sid=sid)
    assert link.get("msg_res")[2] == b"OK\n1\n"
    # Once more: it is the same message.
    link.send("msg_req", struct.pack(">Q", 1) + content, sid=sid)
    assert link.get("msg_res")[2] == b"OK\n1\n"


def server(keyfile, user, password, say):
    pem = os.path.join(DIR.name, "server.pem")
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", pem)
    with open(keyfile + ".new", "w") as f:
        f.write(base64.b64encode(openssl("pkey", "-in", pem, "-pubout", "-outform", "DER")).decode() + "\n")
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    os.rename(keyfile + ".new", keyfile)
    listener.settimeout(60)
    sid, creator, seed, session, state = 0x1234567890abcdef, 77, os.urandom(32), os.urandom(32), "invited"
    key, uid = b"", 5
    while True:
        link = Link(listener.accept()[0], b"")
        link.sock.settimeout(30)
        _, _, _, head, rest = link.recv()
        tk = oaep("-decrypt", pem, rest[-256:])
        link.key_out = link.key_in = tk
        text = link.open(head, rest[:-256])
        stamp, name, word, random = text.decode().rstrip(" ").splitlines()
        assert len(text) == 512 and abs(int(stamp) - time.time() * 1000) < 120000
        assert (name, word) == (user, password)
        s, request = os.urandom(32), hashlib.sha256(text).digest()
        link.send("init_res", f"{request.hex()}\n{x_public(s).hex()}\n{uid:016x}\n".encode())
        link.transfer(s, bytes.fromhex(random), request, True)
        link.send("invite_req", b"", sid=sid, uid=creator)
        try:
            while True:
                f_sid, f_uid, data, typ = link.get()
                assert f_uid == uid
                if typ == TYPES["invite_res"]:
                    word, line = data.decode().splitlines()
                    assert word == "Accept" and f_sid == sid
                    state, key = "member", bytes.fromhex(line)
                elif typ == TYPES["status_req"] and f_sid == sid:
                    last = 2 if state == "member" else 0
                    link.send("status_res", (f"Session\n{last}\n{creator:016x} carol {ed_public(seed).hex()} creator\n"
                              f"{uid:016x} {user} {key.hex() or '-'} {state}\n").encode(), sid=sid)
                    if data.startswith(b"Follow\n"):
                        members = [(creator, ed_public(seed), b"carol"), (uid, key, user.encode())]
                        for seq, content in ((1, seal_key(seed, sid, creator, 1, 1, session, members)),
                                             (2, seal_text(seed, sid, creator, 2, 1, session, say.encode()))):
                            if seq > int(data.split()[1]):
                                link.send("msg_req", struct.pack(">QQ", seq, seq) + content, sid=sid, uid=creator)
                elif typ == TYPES["msg_req"]:
                    number = struct.unpack(">Q", data[:8])[0]
                    print(open_text(key, sid, uid, number, {1: session}, data[8:]).decode(), flush=True)
                    link.send("msg_res", f"OK\n{number}\n".encode(), sid=sid)
                elif typ == TYPES["msg_res"]:
                    assert data in (b"OK\n1\n", b"OK\n2\n")
        except EOFError:
            link.sock.close()


def hostile(where, keyfile, user, password):
    count = 0
    pem = server_pem(keyfile)
    witness = log_in(where, keyfile, user, password)

    def closed(link, name, patience=15):
        nonlocal count
        count += 1
        link.sock.settimeout(patience)
        try:
            got = link.sock.recv(65536)
        except ConnectionResetError:
            got = b""
        except socket.timeout:
            got = None
        print(f"{'ok' if got == b'' else 'not ok'} - {name}: silence and a closed connection", flush=True)

    def raw(name, data, patience=15, shut=False):
        link = Link(dial(where), bytes(32))
        try:
            link.sock.sendall(data)
            if shut:
                link.sock.shutdown(socket.SHUT_WR)
        except (ConnectionResetError, BrokenPipeError):
            pass
        closed(link, name, patience)

    def first(etk=None, text=None, tk=bytes(range(32)), **names):
        text = text or login_text(user, password, x_public(os.urandom(32)))
        return Link(None, tk).frame("login", text, behind=etk or oaep("-encrypt", pem, tk), **names)

    raw("64 KiB of noise", b"\1\0" + os.urandom(65534))
    raw("noise that does not begin like a frame", os.urandom(1) + b"\xff" * 65535)
    raw("another protocol", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    good = first()
    raw("1 byte short", good[:-1], shut=True)
    raw("half a header, and then nothing", good[:16], patience=20)
    raw("a mac with one bit wrong", good[:32 + 512] + bytes([good[32 + 512] ^ 1]) + good[32 + 513:])
    raw("a payload with one bit wrong", good[:40] + bytes([good[40] ^ 1]) + good[41:])
    raw("a header with one bit wrong", good[:25] + bytes([good[25] ^ 1]) + good[26:])
    raw("an etk with one bit wrong", good[:-9] + bytes([good[-9] ^ 1]) + good[-8:])
    raw("an etk cut short", first(etk=oaep("-encrypt", pem, bytes(32))[:200]))
    raw("an etk of another key", first(etk=oaep("-encrypt", pem, bytes(32))))
    raw("an unknown version", first(ver=0x0200))
    raw("a reserved field that is not zero", first(rsv=1))
    raw("a login with number 2", first(sqn=2))
    raw("a login with number 0", first(sqn=0))
    raw("a login with a session", first(sid=5))
    raw("a login with a user id", first(uid=5))
    raw("a login of yesterday", first(text=login_text(user, password, bytes(32), int(time.time() - 86400) * 1000)))
    raw("a login without padding", first(text=login_text(user, password, bytes(32)).rstrip(b" ")))
    raw("a wrong password", first(text=login_text(user, "wrong", x_public(bytes(32)))))
    raw("a user that is none", first(text=login_text("nobody", password, x_public(bytes(32)))))
    raw("a length below a header's", first(add=-(512 + 256 + 20)))
    raw("every type first but the login", b"".join(good[:2] + struct.pack(">H", 0x0400) + good[4:] for _ in range(1)))
    raw("a random value that agrees on nothing", first(text=login_text(user, password, bytes(32))))
    again = first()
    seen = Link(dial(where), bytes(range(32)))
    seen.sock.sendall(again)
    seen.get()
    raw("a login seen before", again)

    def after(name, make):
        link = log_in(where, keyfile, user, password)
        link.sock.sendall(make(link))
        closed(link, name)

    after("an old number", lambda k: k.frame("status_req", b"", sqn=1))
    after("an equal number", lambda k: k.frame("status_req", b"x", sqn=1))
    after("number 0", lambda k: k.frame("status_req", b"", sqn=0))
    after("number 65535", lambda k: k.frame("status_req", b"", sqn=65535))
    after("another user's id", lambda k: k.frame("status_req", b"", uid=k.uid ^ 1))
    after("an unknown type", lambda k: k.frame(0x0500, b""))
    after("an answer where a request belongs", lambda k: k.frame("status_res", b""))
    after("an invitation from a client", lambda k: k.frame("invite_req", b"", sid=1))
    after("a message without a session", lambda k: k.frame("msg_req", bytes(7) + b"\1x"))
    after("a message with number 0", lambda k: k.frame("msg_req", bytes(8) + b"x", sid=1))
    after("a message without content", lambda k: k.frame("msg_req", bytes(7) + b"\1", sid=1))
    after("a status request of no form", lambda k: k.frame("status_req", b"Hello\n"))
    after("an init request of no form", lambda k: k.frame("init_req", b"x\n"))
    after("an answer of no form", lambda k: k.frame("invite_res", b"Perhaps\n", sid=1))
    after("a close request with content", lambda k: k.frame("close_req", b"x", sid=1))
    after("the old key", lambda k: Link(None, bytes(32)).frame("status_req", b"", sqn=9, uid=k.uid))
    # The witness was there all the time.
    count += 1
    witness.send("status_req", b"")
    answer = witness.get("status_res")[2]
    print(f"{'ok' if answer.startswith(b'Sessions') else 'not ok'} - no other client notices")
    print(f"1..{count}")


if __name__ == "__main__":
    {"client": client, "server": server, "hostile": hostile}[sys.argv[1]](*sys.argv[2:])
