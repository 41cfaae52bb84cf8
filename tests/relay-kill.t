#!/bin/sh
# relay-kill: packets pour into a relay that is killed with -9 in the middle of them, and its peer, too: what was
# answered with 204 arrives, once, and what was acknowledged stays so.
# MP_RELAY_KILLS: how often each is killed (25 under soak).
# shellcheck disable=SC2154 # pid: of lib.sh
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/mesh.sh"

command -v python3 >/dev/null || skip_all "python3 is not installed"
command -v sqlite3 >/dev/null || skip_all "sqlite3 is not installed"

PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE
MP_ROUTES=$T/routes
export MP_ROUTES
: >"$T/routes"
tool=$ROOT/tests/tools/mesh.py
ONE=0000000000000001

relays a b
python3 "$tool" key "$T/ann.key"

again() { # NAME: killed, and there again at the same place
	kill -9 "$(cat "$T/$1.pid")"
	wait "$(cat "$T/$1.pid")" 2>/dev/null
	relay "$1" "$(sed 's/.*://' "$T/$1.at")"
}
drained() { # NAME: what is there for ann, in $T/there
	python3 "$tool" drain "$(cat "$T/$1.at")" "$T/ann.key" "$(onion "$1")" $ONE >"$T/there" && sort "$T/there" >"$T/there.sorted"
}
more() { # COUNT: so many have been taken
	[ "$(wc -l <"$T/taken")" -ge "$1" ]
}

ok 'ann polls at b' drained b
: >"$T/taken"
start python3 "$tool" pour "$(cat "$T/a.at")" "$T/ann.key" "$T/taken"
pour=$pid
round=0
while [ "$round" -lt "${MP_RELAY_KILLS:-3}" ]; do
	round=$((round + 1))
	ok "packets pour into a, $round" wait_for more $(($(wc -l <"$T/taken") + 20))
	again a
	ok '... which was killed' wait_for more $(($(wc -l <"$T/taken") + 5))
	again b
done
kill "$pour"
wait "$pour" 2>/dev/null
note "$(wc -l <"$T/taken") packets"
sort "$T/taken" >"$T/taken.sorted"
arrived() {
	drained b && [ -z "$(comm -23 "$T/taken.sorted" "$T/there.sorted")" ]
}
ok 'all that was taken is at b' wait_for arrived
is '... once' "$(uniq -d "$T/there.sorted")" ''

while read -r id; do
	set -- "$@" "$id"
	[ $# -lt 400 ] || break
done <"$T/there"
python3 "$tool" ack "$T/ann.key" $ONE "$@" >"$T/ack"
is 'an acknowledgement is taken' "$(python3 "$tool" ask "$(cat "$T/b.at")" POST /acks "$T/answer" "$T/ack")" 204
again b
drained b
printf '%s\n' "$@" | sort >"$T/said"
is '... and stands, though b was killed' "$(comm -12 "$T/said" "$T/there.sorted")" ''
for n in a b; do
	kill "$(cat "$T/$n.pid")"
	wait "$(cat "$T/$n.pid")"
	is "$n ends with 0" $? 0
	is "... and its database is sound" "$(sqlite3 "$T/$n/relay.db" 'PRAGMA integrity_check')" ok
done
finish
