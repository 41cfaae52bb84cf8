#!/bin/sh
# Two people who are never online at once, and ten relays that audit each other as often as can be set: two are killed and
# start again, one silently drops a third of what it should pass on, one answers with garbage, one stands still for a
# while, and thirty strangers vote.  All messages arrive, once; the dropper and the liar are shut out by those who accept
# them, by audits and answers that were real; no honest one is, and nothing is left of the strangers.
#   MP_MESH_MESSAGES  how many (50, more than one receipt has room for; make soak: 1,000)
# shellcheck disable=SC2154 # pid: of lib.sh
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/mesh.sh"

for p in python3 jq sqlite3; do
	command -v "$p" >/dev/null || skip_all "$p is not installed"
done
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE

N=${MP_MESH_MESSAGES:-50}
# Two circles whose relays accept each other, each of them with one more peer in the other circle.
first='r1 r2 r3 r4'
second='r5 r6 r7 r8'
good="$first $second"

mesh() {
	python3 "$ROOT/tests/tools/mesh.py" "$@"
}
sql() { # RELAY QUERY
	sqlite3 -cmd '.timeout 60000' "$T/$1/relay.db" "$2"
}
key() { # RELAY: as a blob of SQL
	printf "x'%s'" "$(python3 -c 'import base64, sys; print(base64.b32decode(sys.argv[1][:56].upper())[:32].hex())' "$(onion "$1")")"
}

meet a b
for n in $good drops lies; do
	as "$n" mp-keygen >/dev/null || bail "mp-keygen for $n"
	printf '%s\n' 'retry.min = 1s' 'retry.max = 1s' 'again.first = 1h' 'audit.every = 1s' >"$T/$n/relay.conf"
done

# --- Strangers, at a relay where nothing else happens.
# shellcheck disable=SC2046 # a list
as r1 mp-relay accept $(onion r2) $(onion r3) $(onion r4)
sed 's/^audit.every.*/audit.every = 30d/' "$T/r1/relay.conf" >"$T/quiet.conf"
cp "$T/r1/relay.conf" "$T/loud.conf" && cp "$T/quiet.conf" "$T/r1/relay.conf"
relay r1
strangers=$(seq -f "$T/stranger.%g" 30)
# shellcheck disable=SC2086 # a list
mesh server $strangers >"$T/strangers"
# shellcheck disable=SC2086
mesh decision "$(onion r4)" blacklisted "$(($(date +%s) / 86400))" $strangers >"$T/decision"
vote() { # RELAY TIMES: prints how many were answered with 204
	yes "$(cat "$T/decision")" | head -n "$2" | mesh refused "$(cat "$T/$1.at")" POST /decisions | grep -c '^204 '
}
counts() {
	for t in $(sql r1 '.tables'); do
		echo "$t $(sql r1 "SELECT count(*) FROM $t")"
	done
	sql r1 'SELECT total(black), total(score), total(vote) FROM peer'
}
rss() {
	awk '/^VmRSS/ { print $2 }' "/proc/$(cat "$T/r1.pid")/status"
}
vote r1 20 >/dev/null
before=$(counts)
rss=$(rss)
is 'thirty strangers vote, again and again' "$(vote r1 60)" 60
is '... and no table is longer for it' "$(counts)" "$before"
sanitized || ok '... and no memory' [ "$(rss)" -lt "$((rss + 1024))" ]
kill "$(cat "$T/r1.pid")"
wait "$(cat "$T/r1.pid")"
as r1 mp-relay drop "$(onion r2)" "$(onion r3)" "$(onion r4)"
cp "$T/loud.conf" "$T/r1/relay.conf"

# --- The ten.
neighbours() { # NAME
	case $1 in
	r[1-4]) echo "$first drops r$((${1#r} + 4))" ;;
	r[5-8]) echo "$second lies r$((${1#r} - 4))" ;;
	drops) echo "$first" ;;
	esac
}
start python3 "$ROOT/tests/tools/mesh.py" lie "$T/lies" "$T/lies.asked" garbage >"$T/lies.at"
wait_for [ -s "$T/lies.at" ] || bail 'lies does not listen'
printf '%s %s\n' "$(onion lies)" "$(cat "$T/lies.at")" >>"$T/routes"
# shellcheck disable=SC2046 # a list
accepts drops $(neighbours drops)
sql drops "CREATE TABLE dropped (hash BLOB PRIMARY KEY);
	CREATE TRIGGER lose BEFORE INSERT ON flood WHEN new.kind = 0 AND random() % 3 = 0 BEGIN
		INSERT OR IGNORE INTO dropped SELECT hash FROM packet WHERE id = new.packet; SELECT RAISE(IGNORE); END"
for n in $good drops; do
	# shellcheck disable=SC2046
	[ "$n" = drops ] || accepts "$n" $(neighbours "$n")
	relay "$n"
done

# --- They know where to find each other: a fetch each, and what it owes, by hand.
for n in a b; do
	printf '%s\n' 'receipt.wait = 5s' 'retry.min = 1s' 'retry.max = 1s' 'route = mesh' >"$T/$n/config"
	# shellcheck disable=SC2086
	person "$n" $good drops lies
	as "$n" mp-mesh fetch -v -w 20 2>"$T/$n.first" || [ $? -eq 1 ] || sed "s/^/# /" "$T/$n.first"
done
tell a b
tell b a

# From here on time passes for audits, as soon as what becomes of them is certain.
# shellcheck disable=SC2046
start python3 "$ROOT/tests/tools/audits.py" "$T/drops" 2 $(for n in $good; do echo "$T/$n"; done)

# --- A writes; B is not there.  Two relays die on the way and come back, one stands still.
seq "$N" >"$T/sent"
as a mp-seal -l -t b <"$T/sent" >"$T/sealed"
half=$((N / 2))
kill -STOP "$(cat "$T/r3.pid")"
head -n "$half" "$T/sealed" | as a mp-send -w 60 || note 'some are queued'
for n in r2 r6; do
	kill -9 "$(cat "$T/$n.pid")"
	wait "$(cat "$T/$n.pid")" 2>/dev/null
done
for n in $good; do
	case $n in r2 | r3 | r6) ;; *) is "thirty strangers vote at $n" "$(vote "$n" 1)" 1 ;; esac
done

# r2 died with an audit of r1's that it had taken, and will pass on when it is back.
mesh key "$T/somebody"
mesh packet "$T/somebody" >"$T/late"
late="x'$(mesh id <"$T/late")'"
R2=$(sql r1 "SELECT id FROM peer WHERE server = $(key r2)")
missed() {
	as r1 mp-relay log | grep -q "$(onion r2)${TAB}not handed over"
}
mesh packet "$T/somebody" >"$T/other"
is 'there is something for who is away' "$(mesh ask "$(cat "$T/r1.at")" POST /packets "$T/answer" "$T/other")" 204
ok '... who is missed' wait_for missed
sql r1 "UPDATE peer SET seen = $(($(date +%s) - 3600))000 WHERE id = $R2; INSERT INTO audit (hash, peer, until) VALUES ($late, $R2, 1)"
waits() {
	touch "$T/r1/run/relay-flood"
	[ "$(sql r1 "SELECT until > 1 FROM audit WHERE hash = $late")" = 1 ]
}
ok '... and not judged' wait_for waits

tail -n +"$((half + 1))" "$T/sealed" | as a mp-send -w 60 || note 'some are queued'
kill -CONT "$(cat "$T/r3.pid")"
for n in r2 r6; do
	relay "$n" "$(sed 's/.*://' "$T/$n.at")"
done
is 'who was away passes on what it had' "$(mesh ask "$(cat "$T/r2.at")" POST /packets "$T/answer" "$T/late")" 204
judged() {
	touch "$T/r1/run/relay-flood"
	[ "$(sql r1 "UPDATE audit SET until = 1 WHERE hash = $late AND came = 1;
		SELECT count(*) FROM audit WHERE hash = $late")" = 0 ]
}
ok '... and that is judged' wait_for judged

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
ok 'the stores are sound' as a mp-store check
ok '... both' as b mp-store check

# --- Who is out.
black() { # PEER RELAY ...: at all of them
	black_key=$(key "$1")
	shift
	for n in "$@"; do
		[ "$(sql "$n" "SELECT black FROM peer WHERE server = $black_key")" = 1 ] || return 1
	done
}
# shellcheck disable=SC2086 # a list
ok 'who drops a third is blacklisted by those who accept it' wait_for black drops $first
# shellcheck disable=SC2086
ok '... and so is who answers with garbage' wait_for black lies $second
note "$(for n in $first; do sql "$n" "SELECT 'audits ' || audits || ', lost ' || lost FROM peer WHERE server = $(key drops)"; done)"
audited() { # each honest one by each of its peers, once at least
	for n in $good; do
		[ "$(sql "$n" "SELECT count(*) FROM peer WHERE audits = 0 AND server NOT IN ($bad)")" = 0 ] || return 1
	done
}
bad="$(key drops), $(key lies)"
ok 'honest ones are audited' wait_for audited
for n in $good; do
	is "... and $n is content with them" \
		"$(sql "$n" "SELECT total(lost) + total(black) + total(vote) FROM peer WHERE server NOT IN ($bad)")" 0.0
	sqlite3 -cmd '.timeout 60000' "$T/$n/relay.db" .dump >"$T/dump"
	is "... and keeps nothing of a stranger" "$(grep -c -F -f "$T/strangers" "$T/dump")" 0
done
finish
