#!/bin/sh
# Relays that audit each other: one that drops what it takes and one that answers with garbage are shut out by quorum; an
# honest one that is away for a while is not.
# shellcheck disable=SC2154 # pid: of lib.sh
. "$(dirname "$0")/lib.sh"

command -v python3 >/dev/null || skip_all "python3 is not installed"
command -v jq >/dev/null || skip_all "jq is not installed"

PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE

honest='a b c d e'
liars='drop garbage'

relay() { # NAME
	rm -f "$T/$1.ready"
	start env MP_HOME="$T/$1" mp-relay -l "127.0.0.1:${2:-0}" -r 7 7>"$T/$1.ready" 2>>"$T/$1.log"
	echo "$pid" >"$T/$1.pid"
	wait_for [ -s "$T/$1.ready" ] || bail "the relay $1 does not listen"
	sed 's/^ready //' "$T/$1.ready" >"$T/$1.at"
}

for n in $honest $liars; do
	as "$n" mp-keygen >/dev/null || bail "mp-keygen for $n"
done
for n in $honest; do
	printf '%s\n' 'retry.min = 1s' 'retry.max = 2s' 'audit.every = 2s' 'audit.patience = 20s' >"$T/$n/relay.conf"
	for m in $honest drop; do
		[ "$n" = "$m" ] || as "$n" mp-relay accept "$(onion "$m")" || bail "$n does not accept $m"
	done
done
for n in $honest; do
	relay "$n"
done
for n in $liars; do
	start python3 "$ROOT/tests/tools/mesh.py" lie "$T/$n" "$T/$n.asked" "$n" >"$T/$n.at"
	wait_for [ -s "$T/$n.at" ] || bail "$n does not listen"
done
for n in $honest $liars; do
	printf '%s %s\n' "$(onion "$n")" "$(cat "$T/$n.at")" >>"$T/routes"
done

peer() { # RELAY PEER FILTER
	as "$1" mp-relay status | jq -r ".peers[] | select(.server == \"$(onion "$2")\") | $3"
}
out_at() { # PEER RELAY ...: all of them shut it out
	out_who=$1
	shift
	for r in "$@"; do
		[ "$(peer "$r" "$out_who" .blacklisted)" = true ] || return 1
	done
}

# One of the honest ones is away all the time that the others judge.
kill -STOP "$(cat "$T/e.pid")"
ok 'who drops is blacklisted by all' wait_for out_at drop a b c d
like '... which is in the log' "$(as a mp-relay log)" "$(onion drop)${TAB}blacklisted by quorum"
ok '... it took audits' grep -qx /packets "$T/drop.asked"
is 'who was away is not' "$(peer a e '[.blacklisted, .vote]|tostring')" '[false,"none"]'
kill -CONT "$(cat "$T/e.pid")"

for n in $honest; do
	as "$n" mp-relay drop "$(onion drop)"
	as "$n" mp-relay accept "$(onion garbage)"
done
ok 'who answers with garbage is blacklisted by all' wait_for out_at garbage $honest
ok '... it was handed packets' grep -qx /mesh "$T/garbage.asked"
for n in a b c d; do
	for m in a b c d; do
		[ "$n" = "$m" ] || [ "$(peer "$n" "$m" .blacklisted)" = false ] || ok "$m, honest, stays at $n" false
	done
done
audited() {
	[ "$(peer a b '.audits - .lost')" -ge 1 ]
}
ok 'honest ones pass audits' wait_for audited
finish
