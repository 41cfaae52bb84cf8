#!/bin/sh
# Relays that audit each other: one that drops what it takes, one that passes it on with no hops left and one that answers
# with garbage are shut out by quorum; an honest one that is away for a while is not.
# shellcheck disable=SC2154 # pid: of lib.sh
. "$(dirname "$0")/lib.sh"

command -v python3 >/dev/null || skip_all "python3 is not installed"
command -v jq >/dev/null || skip_all "jq is not installed"

PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE

honest='a b c d'
liars='drop cut garbage'
command -v sqlite3 >/dev/null || skip_all "sqlite3 is not installed"

relay() { # NAME
	rm -f "$T/$1.ready"
	start env MP_HOME="$T/$1" mp-relay -l 127.0.0.1:0 -r 7 7>"$T/$1.ready" 2>>"$T/$1.log"
	echo "$pid" >"$T/$1.pid"
	wait_for [ -s "$T/$1.ready" ] || bail "the relay $1 does not listen"
	sed 's/^ready //' "$T/$1.ready" >"$T/$1.at"
}

for n in $honest $liars; do
	as "$n" mp-keygen >/dev/null || bail "mp-keygen for $n"
done
# Nothing hangs on the clock here: the test says when an audit is due and when its time is over.
for n in $honest; do
	printf '%s\n' 'retry.min = 1s' 'retry.max = 1s' 'audit.every = 30d' 'audit.patience = 1d' >"$T/$n/relay.conf"
	for m in $honest drop garbage; do
		[ "$n" = "$m" ] || as "$n" mp-relay accept "$(onion "$m")" || bail "$n does not accept $m"
	done
done
for n in $liars; do
	start python3 "$ROOT/tests/tools/mesh.py" lie "$T/$n" "$T/$n.asked" "$n" "$T/honest" >"$T/$n.at"
	wait_for [ -s "$T/$n.at" ] || bail "$n does not listen"
	printf '%s %s\n' "$(onion "$n")" "$(cat "$T/$n.at")" >>"$T/routes"
done
for n in $honest; do
	relay "$n"
	printf '%s %s\n' "$(onion "$n")" "$(cat "$T/$n.at")" >>"$T/honest"
done
cat "$T/honest" >>"$T/routes"

sql() { # RELAY QUERY
	sqlite3 -cmd '.timeout 60000' "$T/$1/relay.db" "$2"
}
# The fourth and the sixth that each of them accepts.
DROP=4
CUT=6
POSTED='until < 9000000000000000000'
judged() { # COLUMN COUNT PEER WHAT RELAY ...: at each, so many audits of the peer are judged; until then one after
	# another is due, and its time is over once it is so
	judged_column=$1
	judged_n=$2
	judged_peer=$3
	judged_what=$4
	shift 4
	judged_rc=0
	for r in "$@"; do
		[ "$(sql "$r" "UPDATE peer SET audit = 1 WHERE id = $judged_peer;
			UPDATE audit SET until = 1 WHERE $POSTED AND peer = $judged_peer AND $judged_what;
			SELECT $judged_column >= $judged_n FROM peer WHERE id = $judged_peer")" = 1 ] && continue
		touch "$T/$r/run/relay-flood"
		judged_rc=1
	done
	return $judged_rc
}
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
kill -STOP "$(cat "$T/d.pid")"
ok 'who drops loses audits' wait_for judged lost 3 $DROP 'came = 0' a b c
ok '... that have what a packet to a contact has' \
	grep -qx '/packets message recipient signature token' "$T/drop.asked"
is '... each of them' "$(grep '^/packets' "$T/drop.asked" | sort -u | wc -l)" 1
ok '... and is blacklisted by all' wait_for out_at drop a b c
like '... which is in the log' "$(as a mp-relay log)" "$(onion drop)${TAB}blacklisted by quorum"
ok 'who answers with garbage is blacklisted by all' wait_for out_at garbage a b c
ok '... it was handed packets' grep -qx /mesh "$T/garbage.asked"
is 'who was away is not' "$(peer a d '[.blacklisted, .vote]|tostring')" '[false,"none"]'
kill -CONT "$(cat "$T/d.pid")"
ok 'who comes back hears of it' wait_for out_at drop d
ok '... of both' wait_for out_at garbage d

for n in $honest; do
	as "$n" mp-relay drop "$(onion drop)"
	as "$n" mp-relay accept "$(onion cut)"
done
ok 'who cuts the way short is found by what it hands over' wait_for judged lost 3 $CUT 'came < 0' $honest
ok '... and is blacklisted by all' wait_for out_at cut $honest

for i in 1 2 3; do
	ok "honest ones pass audits on: $i" wait_for judged audits 1 $i 'came > 0' $honest
done
for n in $honest; do
	is "no honest one lost a packet for $n" \
		"$(sql "$n" "SELECT total(lost) + total(black) + total(vote) FROM peer WHERE id < $DROP")" 0.0
done
finish
