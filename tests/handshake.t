#!/bin/sh
# Somebody who sends a byte of his TLS handshake now and then keeps no place of mp-serve's socat; a
# connection of the same age on which a contact posts lives on.
# not under the sanitizers: nothing here but waiting
# shellcheck disable=SC2016,SC2034,SC2154
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || skip_all 'no python3'

meet alice bob
printf 'out\tping\talice\t-\t-\t-\t-\n' | as bob mp-seal | cut -f 7 | openssl base64 -d -A >"$T/ping"
mkfifo "$T/ready"
export T
home alice
start sh -c 'exec mp-serve -n >"$T/ready"'
read -r word onion where <"$T/ready"
is 'serves' "$word" ready
cat >"$T/client.py" <<'END'
import socket, ssl, sys, time
host, port = sys.argv[1].rsplit(":", 1)
ping = open(sys.argv[2], "rb").read()
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
kept = context.wrap_socket(socket.create_connection((host, int(port))))

def post():
    kept.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
                 b"Content-Length: %d\r\n\r\n" % len(ping) + ping)
    return kept.recv(4096).split(b"\r\n")[0].decode()

print("first", post())
slow = socket.create_connection((host, int(port)))
slow.settimeout(2)
start, ended = time.monotonic(), False
for byte in b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500):
    try:
        slow.send(bytes([byte]))
        ended = slow.recv(1) == b""
    except socket.timeout:
        pass
    except OSError:
        ended = True
    if ended or time.monotonic() - start > 60:
        break
print("slow", "ended" if ended and time.monotonic() - start > 6 else "held")
print("then", post())
END
python3 "$T/client.py" "$where" "$T/ping" >"$T/got" 2>"$T/err" || note "$(cat "$T/err")"
is 'a handshake byte by byte is ended, a connection that works is not' "$(cat "$T/got")" \
	'first HTTP/1.1 204 No Content
slow ended
then HTTP/1.1 204 No Content'
ok 'and mp-serve is as it was' kill -0 "$pid"
finish
