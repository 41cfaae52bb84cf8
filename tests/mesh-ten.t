#!/bin/sh
# Two people who are never online at once, and ten relays: two are killed and start again, one silently drops a third of
# what it should pass on, one answers with garbage, one stands still for a while.  All messages arrive, once.
#   MP_MESH_MESSAGES  how many (50, more than one receipt has room for; make soak: 1,000)
# shellcheck disable=SC2154 # pid: of lib.sh
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/mesh.sh"

command -v python3 >/dev/null || skip_all "python3 is not installed"
command -v jq >/dev/null || skip_all "jq is not installed"
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE

N=${MP_MESH_MESSAGES:-50}
good='r1 r2 r3 r4 r5 r6 r7 r8'

meet a b
for n in $good drops lies; do
	as "$n" mp-keygen >/dev/null || bail "mp-keygen for $n"
	printf '%s\n' 'retry.min = 1s' 'retry.max = 1s' 'again.first = 2s' 'audit.every = 30d' \
		>"$T/$n/relay.conf"
done

# In a circle, each knows two on either side.
circle() { # NAME: its neighbours
	printf '%s\n' r1 r2 drops r3 r4 r5 lies r6 r7 r8 | awk -v me="$1" '
		{ name[NR] = $0; if ($0 == me) at = NR }
		END { for (i = 1; i <= NR; i++) { d = (i - at + NR) % NR; if (d && (d <= 2 || NR - d <= 2)) print name[i] } }'
}
for n in $good drops; do
	# shellcheck disable=SC2046 # a list
	accepts "$n" $(circle "$n")
	relay "$n"
done
start python3 "$ROOT/tests/tools/mesh.py" lie "$T/lies" "$T/lies.asked" garbage >"$T/lies.at"
wait_for [ -s "$T/lies.at" ] || bail 'lies does not listen'
printf '%s %s\n' "$(onion lies)" "$(cat "$T/lies.at")" >>"$T/routes"
python3 - "$T/drops/relay.db" <<'END'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=30)
db.execute("CREATE TRIGGER lose BEFORE INSERT ON flood WHEN new.kind = 0 AND random() % 3 = 0"
           " BEGIN SELECT RAISE(IGNORE); END")
db.commit()
END

# --- They know where to find each other: a fetch each, and what it owes, by hand.
for n in a b; do
	printf '%s\n' 'receipt.wait = 5s' 'retry.min = 1s' 'retry.max = 1s' 'route = mesh' >"$T/$n/config"
	# shellcheck disable=SC2086
	person "$n" $good drops lies
	as "$n" mp-mesh fetch -v -w 20 2>"$T/$n.first" || [ $? -eq 1 ] || sed "s/^/# /" "$T/$n.first"
done
tell a b
tell b a

# --- A writes; B is not there.  Two relays die on the way and come back, one stands still.
seq "$N" >"$T/sent"
as a mp-seal -l -t b <"$T/sent" >"$T/sealed"
half=$((N / 2))
kill -STOP "$(cat "$T/r3.pid")"
head -n "$half" "$T/sealed" | as a mp-send -w 60 || note 'some are queued'
for n in r1 r2; do
	kill -9 "$(cat "$T/$n.pid")"
	wait "$(cat "$T/$n.pid")" 2>/dev/null
done
tail -n +"$((half + 1))" "$T/sealed" | as a mp-send -w 60 || note 'some are queued'
kill -CONT "$(cat "$T/r3.pid")"
for n in r1 r2; do
	relay "$n" "$(sed 's/.*://' "$T/$n.at")"
done

# --- In turns, each for itself: what came, what is owed, what waits.
turn() {
	as "$1" mp-mesh fetch -w 20 2>>"$T/$1.err"
	as "$1" mp-due | as "$1" mp-seal | as "$1" mp-send -w 20
}
through() { # all is there, and the sender knows it
	turn b
	turn a
	[ "$(got b)" -ge "$N" ] && [ -z "$(as a mp-queue list)" ]
}
rounds=200
until through || [ "$rounds" -eq 0 ]; do
	rounds=$((rounds - 1))
done
as b mp-inbox -a -j | jq -r 'select(.class == "in" and .kind == "message").body' | sort -n >"$T/came"
ok 'all arrive, once' cmp "$T/sent" "$T/came"
is '... and the sender keeps none' "$(as a mp-queue list)" ''
ok 'garbage was asked' [ -s "$T/lies.asked" ]
ok 'the stores are sound' as a mp-store check
ok '... both' as b mp-store check

finish
