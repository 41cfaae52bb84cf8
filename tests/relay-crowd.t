#!/bin/sh
# Two hundred clients who say nothing and two hundred who say next to nothing: a relay serves an honest one all the
# same, by its listener and under socat, which starts two processes for each: so they are fewer there, but under soak.
# MP_RELAY_CROWD: silent, slow, and how many of them at once ("200 200 300" under soak).
# shellcheck disable=SC2154 # pid: of lib.sh
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || skip_all "python3 is not installed"
command -v socat >/dev/null || skip_all "socat is not installed"

PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE

crowd() { # SILENT SLOW HELD: at $port, until go()
	start python3 "$ROOT/tests/tools/crowd.py" "$port" "$@" >"$T/crowd" 2>"$T/crowd.err"
	crowd=$pid
	wait_for grep -q held "$T/crowd" || sed 's/^/# /' "$T/crowd.err"
}

go() {
	kill "$crowd"
	wait "$crowd"
	note "put out: $(sed -n 's/^again //p' "$T/crowd")"
}

post() { # FILE: the status
	curl -sk -m 600 --tlsv1.3 -o "$T/answer" -w '%{http_code}' -H 'Content-Type: application/json' \
		--data-binary @"$1" "https://127.0.0.1:$port/packets"
}

as a mp-keygen >/dev/null || bail 'mp-keygen'
python3 "$ROOT/tests/tools/mesh.py" key "$T/ann.key"
for n in 1 2 3; do
	python3 "$ROOT/tests/tools/mesh.py" packet "$T/ann.key" >"$T/packet.$n"
done

start env MP_HOME="$T/a" mp-relay -l 127.0.0.1:0 -r 7 7>"$T/ready"
wait_for [ -s "$T/ready" ] || bail 'no relay'
server=$pid
port=$(sed 's/.*://' "$T/ready")
crowd 200 200 400
is 'the listener takes a packet' "$(post "$T/packet.1")" 204
is '... and another' "$(post "$T/packet.2")" 204
go
kill "$server"
wait "$server"
is '... and ends with 0 when it is asked' "$?" 0

port=$(free_port)
tls=$T/a/tls
start env MP_HOME="$T/a" socat "OPENSSL-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork,max-children=512,nodelay,cert=$tls/cert.pem,key=$tls/key.pem,verify=0,openssl-min-proto-version=TLS1.3" \
	EXEC:mp-relay 2>"$T/socat.err"
server=$pid
wait_for listens "$port" || bail 'socat does not listen'
# shellcheck disable=SC2086 # words
crowd ${MP_RELAY_CROWD:-40 40 60}
is 'under socat, too' "$(post "$T/packet.3")" 204
go
kill "$server"
is 'all are there' "$(as a mp-relay status | jq .packets)" 3
finish
