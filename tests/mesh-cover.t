#!/bin/sh
# mp-mesh cover: what relays see of posts and fetches in slots, whether there is something to send or not.
# Between everybody and the three relays stands one who writes down sizes and forms.
# shellcheck disable=SC2154 # pid: of lib.sh
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/mesh.sh"

command -v python3 >/dev/null || skip_all 'no python3 here'

# --- Without what it needs.
meet a b
exits 100 as a mp-mesh cover
like 'without a setting' "$(cat "$T/err")" 'neither cover.post nor cover.fetch is set'
exits 100 as a mp-mesh cover -c 0
exits 100 as a mp-mesh cover more
printf 'cover.post = 1s\ncover.fetch = 5s\n' >"$T/a/config"
exits 100 as a mp-mesh cover
like 'more posts than are fetched' "$(cat "$T/err")" 'cover.fetch is more than 4 times cover.post'
printf 'cover.post = 1s\ncover.fetch = 1s\n' >"$T/a/config"
exits 100 as a mp-mesh cover
like 'without keys' "$(cat "$T/err")" 'run mp-mesh keys$'

# --- The relays, and who stands before them.
relays r1 r2 r3
: >"$T/log"
start python3 "$ROOT/tests/tools/mesh.py" record "$T/log" "$T/r1=$(cat "$T/r1.at")" "$T/r2=$(cat "$T/r2.at")" \
	"$T/r3=$(cat "$T/r3.at")" >"$T/stands"
three() {
	[ "$(wc -l <"$T/stands")" -eq 3 ]
}
wait_for three || bail 'nobody stands before the relays'
{
	for n in r1 r2 r3; do onion $n; done
} | paste -d ' ' - "$T/stands" >"$T/routes"
person a r1 r2 r3
person b r1 r2 r3
exits 1 as a mp-mesh fetch
exits 1 as b mp-mesh fetch
tell a b
tell b a
# The tokens that they gave each other are registered by the next fetch.
exits 1 as a mp-mesh fetch
exits 1 as b mp-mesh fetch

# --- What is to go by mesh waits for a slot, also while there is none.
sends() { # TEXT
	echo "$1" | as a mp-seal -t b >"$T/sealed"
	exits 111 as a sh -c 'mp-send -v -w 1 <"$1"' - "$T/sealed"
}
posts() {
	grep -c ' POST /packets ' "$T/log"
}
sends first
like 'a message waits for a process that does not run' "$(cat "$T/out")" \
	"^queued${TAB}message${TAB}b${TAB}.*${TAB}cover${TAB}waits for mp-mesh cover, which does not run\$"
like '... and stays' "$(as a mp-queue list)" "${TAB}cover${TAB}waits for mp-mesh cover, which does not run\$"
is '... and nothing was posted' "$(posts)" 0
echo 'route = mesh' >>"$T/a/config"
sends second
like 'no onion is asked' "$(cat "$T/out")" "${TAB}cover${TAB}"
exits 0 as a mp-mesh cover -v -c 3
like 'each slot is said' "$(grep -c '^mp-mesh: posted: ' "$T/err")" '^3$'
is '... each has one packet' "$(posts)" 3
slots() { # CUT: as many acknowledgements as pages, but for so many at most
	awk -v cut="$1" '$4 == 2048 { n[$3]++ } END { d = n["/messages"] - n["/acks"]; print (d >= 0 && d <= cut) }' "$T/log"
}
is '... and each fetch an acknowledgement' "$(slots 0)" 1
is 'the messages took the first of them' "$(grep '^mp-mesh: posted: ' "$T/err")" \
	"mp-mesh: posted: a message for b
mp-mesh: posted: a message for b
mp-mesh: posted: a fake"
is '... and relays have them' "$(as a mp-queue list | cut -f 6 | sort -u)" mesh
ok '... and they arrive' wait_for fetches b 2
is '... in order' "$(as b mp-inbox | cut -f 7 | tr -d '\n')" 'first\nsecond\n'

# --- It runs until it is told to end, once in a home.
start env MP_HOME="$T/a" mp-mesh cover -v 2>"$T/cover"
cover=$pid
said() { # COUNT ERE
	[ "$(grep -Ec "$2" "$T/cover")" -ge "$1" ]
}
ok 'fakes are posted with nothing to send' wait_for said 2 'posted: a fake'
ok '... and fetched' wait_for said 2 'fetched: 0 new'
exits 1 as a mp-mesh cover
like 'a second one does not run' "$(cat "$T/err")" 'mp-mesh cover runs already'
sends third
like '... and mail waits for a slot' "$(as a mp-queue list)" "(${TAB}cover${TAB}waits for a slot of mp-mesh cover|${TAB}mesh${TAB}a relay has it.*)\$"
ok '... and gets one' wait_for said 1 'posted: a message for b'
ok '... and arrives' wait_for fetches b 3
as b mp-due | as b mp-seal | as b mp-send
ok 'a slot fetches what is no fake' wait_for said 1 'fetched: [1-9]'
gone() {
	[ -z "$(as a mp-queue list)" ]
}
ok '... a receipt' wait_for gone
kill "$cover"
wait "$cover"
is 'SIGTERM ends it' "$?" 0

# --- Killed at any point it leaves nothing behind: neither a stream, nor the lock, nor a lane that nobody can have.
start env MP_HOME="$T/a" mp-mesh cover -v 2>"$T/cover2"
cover=$pid
both() {
	ps -o pid= --ppid "$cover" >"$T/children"
	grep -q 'posted: ' "$T/cover2" && [ "$(wc -l <"$T/children")" -eq 3 ]
}
ok 'a post stream, a fetch stream and their keeper' wait_for both
kill -9 "$cover"
wait "$cover" 2>/dev/null
none_left() {
	while read -r p; do
		! kill -0 "$p" 2>/dev/null || return 1
	done <"$T/children"
}
ok '... end with it' wait_for none_left
sends fourth
exits 0 as a mp-mesh cover -c 1
like 'the next one goes on' "$(as a mp-queue list)" "${TAB}mesh${TAB}a relay has it"
ok '... and it arrives' wait_for fetches b 4

# --- Fakes never show, and are gone from the relays once they were fetched.
ok 'what is left is fetched' wait_for fetches a 0
acked() {
	for n in r1 r2 r3; do
		[ "$(as "$n" mp-relay status | jq .held)" -eq 0 ] || return 1
	done
}
ok '... and no relay holds a fake' wait_for acked
exits 1 as a mp-mesh fetch
boxed() { # SQL: of the packets that came into a box
	for n in r1 r2 r3; do
		sqlite3 "$T/$n/relay.db" "SELECT hex(hash) FROM packet WHERE place > 0 AND $1"
	done | sort -u | wc -l
}
is 'each came by a token of its recipient' "$(boxed 'token = 0') $(boxed 'token = 1')" "0 $(posts)"
is 'none is in the inbox' "$(as a mp-inbox -a | grep -c "^in${TAB}")" 0

# --- What a relay, and who sees only sizes, can tell.
grep ' POST /packets ' "$T/log" >"$T/posts"
a_posts() { # those of b go on one connection for all
	awk 'NR == FNR { n[$1]++; next } n[$1] == 1' "$T/posts" "$T/posts"
}
is 'real and fake are of one form' "$(cut -d ' ' -f 2- "$T/posts" | sort -u)" \
	'POST /packets 7211 0 recipient:392,message:5840,signature:860,token:64'
n=$(grep -hc 'posted: ' "$T/cover")
ok "each post has a connection of its own" [ "$(a_posts | wc -l)" -ge $((n + 3)) ]
is 'each fetch in a slot is of one size' \
	"$(awk '$4 == 2048 { print $2, $3, $4, $3 == "/acks" ? 0 : $5 }' "$T/log" | sort -u)" \
	"GET /messages 2048 65536
POST /acks 2048 0"
# Cover was ended twice, maybe between the two.
is '... whether something came or not' "$(slots 2)" 1
as a mp-store check >"$T/out"
is 'the store is sound' "$(cat "$T/out")" ''
finish
