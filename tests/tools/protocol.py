#!/usr/bin/env python3
"""An independent reading of mp-protocol(7): Python's standard library and the openssl command.

protocol.py man FILE        the worked example in the manual's own text: recompute every line of it
                            from its inputs and print what differs; exit 1 when something does
protocol.py json FILE       the same example as a vector for tests/tools/vector.c
protocol.py check FILE...   recompute vectors
protocol.py make DIR        write the vectors anew
"""

import base64
import hashlib
import hmac
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

P = 2**255 - 19


def openssl(*args, stdin=b""):
    return subprocess.run(["openssl", *args], input=stdin, stdout=subprocess.PIPE, check=True).stdout


def public(seed):
    der = bytes.fromhex("302e020100300506032b657004220420") + seed
    return openssl("pkey", "-inform", "DER", "-pubout", "-outform", "DER", stdin=der)[-32:]


def x25519(seed, peer):
    """Agreement between an onion key's seed and another's onion key (RFC 7748, RFC 8032)."""
    y = int.from_bytes(peer, "little") & (2**255 - 1)
    u = (1 + y) * pow(1 - y, P - 2, P) % P
    return agree(hashlib.sha512(seed).digest()[:32], u.to_bytes(32, "little"))


def half(secret):
    """The public key of an X25519 secret."""
    der = bytes.fromhex("302e020100300506032b656e04220420") + secret
    return openssl("pkey", "-inform", "DER", "-pubout", "-outform", "DER", stdin=der)[-32:]


def agree(secret, public_key):
    with tempfile.TemporaryDirectory() as d:
        own, other = os.path.join(d, "own"), os.path.join(d, "other")
        with open(own, "wb") as f:
            f.write(bytes.fromhex("302e020100300506032b656e04220420") + secret)
        with open(other, "wb") as f:
            f.write(bytes.fromhex("302a300506032b656e032100") + public_key)
        return openssl("pkeyutl", "-derive", "-keyform", "DER", "-inkey", own,
                       "-peerform", "DER", "-peerkey", other)


def hkdf(ikm, salt, info):
    prk = hmac.new(salt, ikm, hashlib.sha256).digest()
    return hmac.new(prk, info + b"\1", hashlib.sha256).digest()


def pair_key(seed, own, peer, sender, recipient, key, cid):
    info = b"mariposa/1 from " + sender + b" to " + recipient
    return hkdf(key + x25519(seed, peer), cid, info)


def offer_key(recipient, key, cid):
    return hkdf(key, cid, b"mariposa/1 offer to " + recipient)


def next_key(key, cid, epoch, secret, a, b):
    """The key of an epoch: secret is that of a."""
    info = b"mariposa/1 rekey" + struct.pack(">Q", epoch) + min(a, b) + max(a, b)
    return hkdf(key + agree(secret, b), cid, info)


def onion(key):
    check = hashlib.sha3_256(b".onion checksum" + key + b"\3").digest()[:2]
    return base64.b32encode(key + check + b"\3").decode().lower() + ".onion"


def pin(key):
    spki = bytes.fromhex("302a300506032b6570032100") + key
    return "sha256//" + base64.b64encode(hashlib.sha256(spki).digest()).decode()


def card(cid, key, owner, expires):
    raw = b"\1" + cid + key + owner + struct.pack(">I", expires)
    raw += hashlib.sha256(b"mariposa/1 card" + raw).digest()[:4]
    return "MARIPOSA:" + base64.b32encode(raw).decode().rstrip("=")


def fingerprint(a, b, cid):
    digest = hashlib.sha256(b"mariposa/1 fingerprint" + min(a, b) + max(a, b) + cid).digest()
    text = base64.b32encode(digest[:20]).decode().lower()
    return " ".join(text[i:i + 4] for i in range(0, 32, 4))


def padded(n):
    if n <= 1024:
        return 1024
    e = n.bit_length() - 1
    s = e.bit_length()
    low = (1 << (e - s)) - 1
    return (n + low) & ~low


def ghash(h, data):
    """NIST SP 800-38D, section 6.4, bit by bit."""
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


def seal(key, iv, plain, aad=b"mariposa/1"):
    text = openssl("enc", "-aes-256-ctr", "-K", key.hex(), "-iv", iv.hex() + "00000002", stdin=plain)
    block = openssl("enc", "-aes-256-ecb", "-nopad", "-K", key.hex(),
                    stdin=bytes(16) + iv + b"\0\0\0\1")
    data = aad + bytes(-len(aad) % 16) + text + bytes(-len(text) % 16)
    data += struct.pack(">QQ", len(aad) * 8, len(text) * 8)
    tag = bytes(a ^ b for a, b in zip(ghash(block[:16], data), block[16:]))
    return iv + text + tag


def layout(cid, header, body):
    plain = cid + struct.pack(">II", len(header), len(body)) + header + body
    return plain + bytes(padded(len(plain)) - len(plain))


def u64(n):
    return struct.pack(">Q", n)


def content(link):
    """The hash of what a message or file says."""
    if "body" in link:
        data = b"mariposa/1 message" + bytes.fromhex(link["body"])
    else:
        data = (b"mariposa/1 file" + bytes.fromhex(link["transfer"]) + u64(link["size"]) +
                bytes.fromhex(link["sha256"]) + link["name"].encode())
    return hashlib.sha256(data).digest()


def members(group, onions):
    return hashlib.sha256(b"mariposa/1 members" + group + b"".join(sorted(onions))).digest()


def chain(v):
    """A vector of what one member says to a group, with its hashes filled in."""
    group, sender, h = (bytes.fromhex(v[k]) for k in ("group", "sender", "before"))
    links = []
    for link in v["links"]:
        said = content(link)
        h = hashlib.sha256(h + group + sender + u64(link["n"]) + said).digest()
        links.append({**link, "content": said.hex(), "h": h.hex()})
    onions = [bytes.fromhex(o) for o in v["onions"]]
    return {**v, "members": members(group, onions).hex(), "links": links}


INPUTS = ("seed of S", "seed of X", "key", "contact id", "IV", "header", "body", "expiry",
          "message id", "epoch", "secret of S", "secret of X")


def derive(v):
    """Everything in the worked example that follows from its inputs."""
    s_seed, x_seed, key, cid = (bytes.fromhex(v[n]) for n in
                                ("seed of S", "seed of X", "key", "contact id"))
    s, x = public(s_seed), public(x_seed)
    send = pair_key(s_seed, s, x, s, x, key, cid)
    assert send == pair_key(x_seed, x, s, s, x, key, cid)
    proof = hmac.new(send, b"initial-contact" + bytes.fromhex(v["message id"]), hashlib.sha256)
    plain = layout(cid, v["header"].encode(), v["body"].encode())
    epoch, s_half, x_half = int(v["epoch"]), *(half(bytes.fromhex(v[n])) for n in
                                               ("secret of S", "secret of X"))
    later = next_key(key, cid, epoch, bytes.fromhex(v["secret of S"]), s_half, x_half)
    assert later == next_key(key, cid, epoch, bytes.fromhex(v["secret of X"]), x_half, s_half)
    return {
        "onion key of S": s.hex(),
        "onion key of X": x.hex(),
        "address of S": onion(s),
        "address of X": onion(x),
        "TLS pin of X": pin(x),
        "K(S to X)": send.hex(),
        "K(X to S)": pair_key(x_seed, x, s, x, s, key, cid).hex(),
        "K0": offer_key(x, key, cid).hex(),
        "proof": proof.hexdigest(),
        "card": card(cid, key, x, int(v["expiry"])),
        "fingerprint": fingerprint(s, x, cid),
        "envelope": seal(send, bytes.fromhex(v["IV"]), plain).hex(),
        "half of S": s_half.hex(),
        "half of X": x_half.hex(),
        "key, epoch 1": later.hex(),
        "K, epoch 1": pair_key(s_seed, s, x, s, x, later, cid).hex(),
    }


def from_manual(path):
    """The block behind the line `.\\" worked example`: names, two blanks or more, values; lines
    that begin with a blank go on with the value before."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    block = re.search(r'^\.\\" worked example\n\.Bd[^\n]*\n(.*?)^\.Ed', text, re.S | re.M)
    values, name = {}, None
    for line in block.group(1).splitlines():
        line = line.replace("\\-", "-")
        if line.startswith(" "):
            values[name] += line.strip()
        else:
            name, value = re.split(r"  +", line, maxsplit=1)
            values[name] = value
    return values


def check_manual(path):
    have = from_manual(path)
    want = derive(have)
    wrong = [n for n in want if have.get(n) != want[n]]
    for n in wrong:
        print(f"{n}: the manual has {have.get(n)}, not {want[n]}")
    unknown = [n for n in have if n not in want and n not in INPUTS]
    for n in unknown:
        print(f"{n}: nothing recomputes it")
    return 1 if wrong or unknown else 0


def as_vector(v, about="the worked example of mp-protocol(7)"):
    d = derive(v)
    return {
        "about": about, "expect": "open", "kind": "pair",
        "from_seed": v["seed of S"], "to_seed": v["seed of X"],
        "from_onion": d["address of S"], "to_onion": d["address of X"], "pin": d["TLS pin of X"],
        "key": v["key"], "contact_id": v["contact id"],
        "seal_key": d["K(S to X)"], "offer_key": d["K0"],
        "card": d["card"], "expires": int(v["expiry"]), "fingerprint": d["fingerprint"],
        "iv": v["IV"], "header": v["header"], "body": v["body"].encode().hex(),
        "envelope": d["envelope"], "epoch": int(v["epoch"]),
        "rekey_secret_from": v["secret of S"], "rekey_secret_to": v["secret of X"],
        "rekey_half_from": d["half of S"], "rekey_half_to": d["half of X"],
        "rekey_key": d["key, epoch 1"], "rekey_seal_key": d["K, epoch 1"],
    }


# The vectors: fixed inputs, so that making them again changes nothing.
S, X = bytes(range(32)), bytes(range(32, 64))
KEY, CID, IV = bytes(range(64, 96)), bytes(range(96, 128)), bytes(range(128, 140))
MID = "000102030405060708090a0b0c0d0e0f"
TIME = "2026-11-20T10:16:34.123Z"


def header(kind, **fields):
    return json.dumps({"type": kind, "id": MID, "time": TIME, **fields}, separators=(",", ":"))


def vector(about, expect, head, body=b"", kind="pair", plain=None, key=None, aad=b"mariposa/1"):
    s, x = public(S), public(X)
    right = offer_key(x, KEY, CID) if kind == "offer" else pair_key(S, s, x, s, x, KEY, CID)
    if plain is None:
        plain = layout(CID, head.encode(), body)
    return {
        "about": about, "expect": expect, "kind": kind, "from_seed": S.hex(), "to_seed": X.hex(),
        "from_onion": onion(s), "to_onion": onion(x), "key": KEY.hex(), "contact_id": CID.hex(),
        "seal_key": right.hex(), "iv": IV.hex(), "header": head, "body": body.hex(),
        "envelope": seal(key or right, IV, plain, aad).hex(),
    }


def vectors():
    s, x = public(S), public(X)
    send = pair_key(S, s, x, s, x, KEY, CID)
    proof = hmac.new(send, b"initial-contact" + bytes.fromhex(MID), hashlib.sha256).hexdigest()
    forged = hmac.new(offer_key(x, KEY, CID), b"initial-contact" + bytes.fromhex(MID),
                      hashlib.sha256).hexdigest()
    ping = header("ping")
    text = header("message")
    good = layout(CID, text.encode(), b"hello")
    used = 40 + len(text) + 5
    contact = dict(sender=onion(s), nickname="S")
    people = [{"onion": onion(public(bytes([i]) * 32)), "nickname": f"person {i}"} for i in range(3)]
    keys = [{"onion": p["onion"], "id": bytes([i] * 32).hex(), "key": bytes([64 + i] * 32).hex()}
            for i, p in enumerate(people)]
    group = dict(group="ab" * 32, n=2, h="cd" * 32, members="ef" * 32,
                 seen=[{"member": "01" * 8, "n": 2**53, "h": "23" * 32}])
    transfer = "6162636465666768696a6b6c"
    chunk = dict(size=3000, chunk=3, chunks=3, step=1024, sha256=hashlib.sha256(b"").hexdigest())
    head = json.dumps({"type": "file", "id": transfer + "00000003", "time": TIME, **chunk},
                      separators=(",", ":"))
    yield "ping", vector("a ping, padded to the least", "open", ping)
    yield "message", vector("a message longer than the least", "open", text, b"0123456789" * 200)
    yield "reply", vector("a reply", "open", header("file-status", re=MID, file=transfer + "00000000",
                                                    answer="from", **{"from": 2}))
    yield "chunk", vector("the last chunk of a file", "open", head, bytes(range(256)) * 3 + bytes(184))
    yield "initial-contact", vector("under K0, with its proof", "open",
                                    header("initial-contact", proof=proof, **contact), kind="offer")
    yield "forged-proof", vector("a proof from the card alone", "proof",
                                 header("initial-contact", proof=forged, **contact), kind="offer")
    yield "reflected", vector("sealed under K(X to S), sent to X", "refused", text, b"hello",
                              key=pair_key(S, s, x, x, s, KEY, CID))
    yield "other-id", vector("the second half of the contact id differs", "refused", text, b"hello",
                             plain=CID[:16] + bytes(16) + good[32:])
    yield "padding-byte", vector("a padding byte is not zero", "refused", text, b"hello",
                                 plain=good[:-1] + b"\1")
    yield "padded-more", vector("zeros to 1088 instead of 1024", "refused", text, b"hello",
                                plain=good + bytes(64))
    yield "padded-less", vector("no zeros", "refused", text, b"hello", plain=good[:used])
    yield "header-overrun", vector("the header ends behind the end", "refused", text, b"hello",
                                   plain=good[:32] + struct.pack(">II", 985, 0) + good[40:])
    yield "length-overflow", vector("lengths whose sum is 2^32", "refused", text, b"hello",
                                    plain=good[:32] + struct.pack(">II", 2**32 - 40, 40) + good[40:])
    yield "other-version", vector("AAD mariposa/2", "refused", text, b"hello", aad=b"mariposa/2")
    yield "group-message", vector("a message to a group", "open", header("message", **group), b"hello")
    del group["seen"]
    yield "group-part", vector("a message to a group without what was seen", "malformed",
                               header("message", **group), b"hello")
    yield "introduction", vector("an introduction of three", "open",
                                 header("introduction-request", introduction="0f" * 16, people=people))
    yield "contacts", vector("temporary contacts for three", "open",
                             header("introduction-contacts", introduction="0f" * 16, contacts=keys))
    yield "twice", vector("somebody is introduced twice", "malformed",
                          header("introduction-request", introduction="0f" * 16,
                                 people=people + people[:1]))
    yield "unknown-type", vector("a type that there is not", "malformed", header("no-such-type"))
    yield "ping-body", vector("a ping with a body", "malformed", ping, b"x")
    yield "chunk-short", vector("a chunk one byte too short", "malformed", head, bytes(951))


def chains():
    message = {"n": 1, "body": b"hello".hex()}
    file = {"n": 2, "transfer": "6162636465666768696a6b6c00000000", "size": 2**40 + 5,
            "sha256": hashlib.sha256(b"").hexdigest(), "name": "r\u00e9sum\u00e9.pdf"}
    last = {"n": 3, "body": bytes(range(256)).hex()}
    first = {"about": "the first three words of S", "kind": "chain", "group": bytes(range(160, 192)).hex(),
             "sender": public(S).hex(), "before": bytes(32).hex(),
             "onions": [public(bytes([i]) * 32).hex() for i in range(33)], "links": [message, file, last]}
    yield "first", chain(first)
    yield "last", chain({**first, "about": "the last that there can be, in a group of one",
                         "before": bytes([255] * 32).hex(), "onions": [public(S).hex()],
                         "links": [{**message, "n": 2**53}]})


def recompute(v):
    """A vector that opens must be what its inputs make."""
    if v["kind"] == "chain":
        return chain(v) == v
    s, x = public(bytes.fromhex(v["from_seed"])), public(bytes.fromhex(v["to_seed"]))
    key, cid = bytes.fromhex(v["key"]), bytes.fromhex(v["contact_id"])
    if v["kind"] == "offer":
        want = offer_key(x, key, cid)
    else:
        want = pair_key(bytes.fromhex(v["to_seed"]), x, s, s, x, key, cid)
    made = seal(want, bytes.fromhex(v["iv"]), layout(cid, v["header"].encode(), bytes.fromhex(v["body"])))
    same = made.hex() == v["envelope"]
    return want.hex() == v["seal_key"] and same == (v["expect"] in ("open", "proof", "malformed"))


def main(argv):
    if len(argv) < 3:
        sys.exit(__doc__)
    if argv[1] == "man":
        return check_manual(argv[2])
    if argv[1] == "json":
        print(json.dumps(as_vector(from_manual(argv[2])), indent=1))
        return 0
    if argv[1] == "make":
        made = [(f"envelope-{name}", v) for name, v in vectors()]
        made += [(f"chain-{name}", v) for name, v in chains()]
        for name, v in made:
            with open(os.path.join(argv[2], f"{name}.json"), "w", encoding="utf-8") as f:
                f.write(json.dumps(v, indent=1) + "\n")
        return 0
    wrong = 0
    for path in argv[2:]:
        with open(path, encoding="utf-8") as f:
            if not recompute(json.load(f)):
                print(f"{path}: not what its inputs make")
                wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv))
