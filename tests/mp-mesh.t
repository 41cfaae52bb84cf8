#!/bin/sh
# mp-mesh: two people who are never online at once, and their relays on loopback.
# shellcheck disable=SC2154 # pid: of lib.sh
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/mesh.sh"
command -v python3 >/dev/null || skip_all "python3 is not installed"
command -v sqlite3 >/dev/null || skip_all "sqlite3 is not installed"

# --- Without what it needs.
exits 100 mp-mesh
exits 100 mp-mesh frobnicate
exits 100 mp-mesh keys more
exits 100 mp-mesh servers add
exits 100 mp-mesh servers frobnicate
exits 100 mp-mesh post -v
exits 100 mp-mesh fetch -w nonsense
home empty
exits 100 mp-mesh keys
like 'a home without a store is said' "$(cat "$T/err")" 'mp-keygen$'
meet a b
exits 100 as a mp-mesh fetch
like 'fetch without keys' "$(cat "$T/err")" 'run mp-mesh keys$'
exits 100 as a mp-mesh post
exits 1 as a mp-mesh servers
exits 0 as a mp-mesh keys
like 'the address in short' "$(cat "$T/out")" '^[0-9a-f]{64}$'
cp "$T/out" "$T/keys"
exits 0 as a mp-mesh keys
ok '... is the same once more' cmp "$T/out" "$T/keys"
exits 100 as a mp-mesh fetch
like 'fetch without servers' "$(cat "$T/err")" 'no relay to fetch from'
exits 1 as a mp-mesh servers load
is 'a home without servers owes nobody an update' "$(as a mp-due)" ''

# --- Servers.
relays r1 r2 r3 r4
exits 100 as a mp-mesh servers add nobody.onion
exits 0 as a mp-mesh servers add "$(onion r1)"
exits 100 as a mp-mesh servers add "$(onion r1)"

# Those that did not answer a moment ago are not asked again so soon; that is no lack of relays.
as away mp-keygen >/dev/null
as away mp-mesh keys >/dev/null
as away mp-mesh servers add "$(onion r1)"
exits 111 as away env MP_ROUTES=/dev/null mp-mesh servers learn
exits 100 as away mp-mesh fetch
like 'one relay is too few' "$(cat "$T/err")" 'no relay to fetch from'
as away mp-mesh servers add "$(onion r2)"
exits 111 as away env MP_ROUTES=/dev/null mp-mesh servers learn
exits 111 as away env MP_ROUTES=/dev/null mp-mesh fetch
like '... and two that did not answer come back' "$(cat "$T/err")" 'no relay answers: each is left alone'
exits 1 as a mp-mesh servers remove "$(onion r2)"
exits 0 as a mp-mesh servers list
is 'a server of which nothing is known' "$(cat "$T/out")" "$(onion r1)$TAB-$TAB-$TAB-"
exits 0 as a mp-mesh servers learn
is 'one names its peers' "$(as a mp-mesh servers | cut -f 1 | sort)" "$(for n in r1 r2 r3 r4; do onion "$n"; done | sort)"
exits 1 as a mp-mesh servers learn
exits 0 as a mp-mesh servers load
like '... and how busy it is' "$(as a mp-mesh servers)" "^$(onion r1)${TAB}-${TAB}[0-9]*0?$TAB-\$"
exits 1 as a mp-mesh servers learn b
like 'a contact who said nothing' "$(cat "$T/err")" "'b' has not said where he fetches"

# --- A fetch makes the boxes; contacts hear of it.
person b r1 r2 r3 r4
exits 1 as a mp-mesh fetch
exits 1 as b mp-mesh fetch -v
like 'two relays at least are asked' "$(cat "$T/err")" '^mp-mesh: 0 new from 2 relays$'
is '... and no more' "$(as b mp-mesh servers | cut -f 2 | sort | uniq -c | tr -s ' \n' ' ')" ' 2 - 2 fetch '
as a mp-due >"$T/due"
is 'an update is owed' "$(cut -f 1-3,7 "$T/due")" "out${TAB}contact-update${TAB}b${TAB}{}"
as a mp-due >"$T/due2"
is '... under one id' "$(cut -f 4 "$T/due2")" "$(cut -f 4 "$T/due")"
echo 'out	contact-update	b	-	-	-	{}' | as a mp-seal 2>"$T/err"
like 'one that nobody owes is not sealed' "$(cat "$T/err")" 'this contact-update is owed no more'
echo hello | as a mp-seal -t b >"$T/sealed"
exits 111 as a sh -c 'mp-mesh post <"$1"' - "$T/sealed"
like 'a contact without address' "$(cat "$T/out")" "^failed${TAB}message${TAB}b${TAB}.*${TAB}address${TAB}"
tell b a
tell a b
exits 1 as a mp-mesh servers learn b
as a mp-mesh servers remove "$(as b mp-mesh servers | awk '$2 == "fetch" { print $1; exit }')"
exits 0 as a mp-mesh servers learn b
is 'where a contact fetches is learnt from him' "$(as a mp-mesh servers | wc -l)" 4

# --- Post and fetch, by hand.
exits 0 as a sh -c 'mp-mesh post <"$1"' - "$T/sealed"
like 'a relay has it' "$(cat "$T/out")" "^sent${TAB}message${TAB}b${TAB}.*${TAB}mesh${TAB}-\$"
exits 0 as a sh -c 'mp-mesh post -j <"$1"' - "$T/sealed"
like '... in NDJSON' "$(cat "$T/out")" '^\{"class":"sent"'
exits 1 as a sh -c 'mp-mesh post </dev/null'
ok 'it is fetched' wait_for fetches b 1
like '... as it was' "$(as b mp-inbox)" "^in${TAB}message${TAB}a${TAB}.*${TAB}hello.n\$"
exits 1 as b mp-mesh fetch
is '... once, though it came twice, by two relays' "$(got b)" 1
acked() { # all relays have let it go
	for n in r1 r2 r3 r4; do
		[ "$(as "$n" mp-relay status | jq .held)" -eq 0 ] || return 1
	done
}
ok '... and no relay holds it' wait_for acked
role() {
	as "$1" mp-mesh servers | awk -v r="$2" '$2 == r { print $1 }'
}
is 'a relay that is posted to is no relay that is fetched from' \
	"$( (role a post && role a fetch) | sort | uniq -d)" ''
printf 'in\tmessage\tb\t-\t-\t-\tx\n' >"$T/record"
exits 100 as a sh -c 'mp-mesh post <"$1"' - "$T/record"
printf 'sealed\tmessage\tnobody\t-\t-\t-\tAAAA\n' >"$T/record"
exits 100 as a sh -c 'mp-mesh post <"$1"' - "$T/record"
printf 'sealed\tmessage\tb\t-\t-\t-\tAAAA\n' >"$T/record"
exits 0 as a sh -c 'mp-mesh post <"$1"' - "$T/record"
ok 'what is for nobody is fetched, and let go' wait_for sh -c '! MP_HOME=$1 mp-mesh fetch' - "$T/b"
ok '... everywhere' wait_for acked
is '... without a message' "$(got b)" 1

# --- As a route: the onion at first, which is not there, then the mesh.
echo route | as a mp-seal -t b >"$T/sealed"
exits 0 as a sh -c 'mp-send -v <"$1"' - "$T/sealed"
like 'mp-send hands over to the mesh' "$(cat "$T/out")" "^sent${TAB}message${TAB}b${TAB}.*${TAB}mesh${TAB}-\$"
like '... and keeps it' "$(as a mp-queue list)" "^queued${TAB}message${TAB}b${TAB}.*${TAB}mesh${TAB}a relay has it"
exits 0 as a sh -c 'mp-send -v <"$1"' - "$T/sealed"
like '... once' "$(as a mp-queue list | wc -l)" '^1$'
ok '... until' wait_for fetches b 2
as b mp-due >"$T/due"
is 'a receipt is owed for both, and an update that nobody has confirmed' "$(cut -f 2-3 "$T/due")" \
	"contact-update${TAB}a
receipt${TAB}a"
as b mp-due | as b mp-seal | as b mp-send
is '... by the mesh, too, for which there is none' "$(as b mp-queue list | cut -f 2)" contact-update
is '... once' "$(as b mp-due)" ''
fetched() { # NAME: nothing is in its queue after a fetch
	as "$1" mp-mesh fetch
	[ -z "$(as "$1" mp-queue list)" ]
}
ok '... it comes' wait_for fetched a
as a mp-due | as a mp-seal | as a mp-send
ok '... and so does the update' wait_for fetched b

# --- By onion and by mesh: once.
serve_tls b
echo both | as a mp-seal -t b >"$T/sealed"
exits 0 as a sh -c 'mp-mesh post <"$1"' - "$T/sealed"
exits 0 as a sh -c 'mp-send -v <"$1"' - "$T/sealed"
like 'who can be reached gets it by onion' "$(cat "$T/out")" "${TAB}204${TAB}-\$"
is '... at once' "$(got b)" 3
seen() { # b has fetched what the relays have
	as b mp-mesh fetch
	acked
}
ok '... and by the mesh' wait_for seen
is '... which is the same' "$(got b)" 3
echo 'route = mesh' >"$T/a/config"
echo mesh | as a mp-seal -t b >"$T/sealed"
exits 0 as a sh -c 'mp-send -v <"$1"' - "$T/sealed"
like 'route = mesh: no onion is asked' "$(cat "$T/out")" "${TAB}mesh${TAB}-\$"
echo 'route = onion' >"$T/a/config"
kill "$pid"
wait "$pid"
echo onion | as a mp-seal -t b >"$T/sealed"
exits 111 as a sh -c 'mp-send -w 1 <"$1"' - "$T/sealed"
echo 'route = neither' >"$T/a/config"
exits 100 as a mp-send
rm "$T/a/config"

# --- Relays that are away, and one that answers wrongly.
stop() {
	kill "$(cat "$T/$1.pid")"
	wait "$(cat "$T/$1.pid")"
}
name_of() {
	for n in r1 r2 r3 r4; do
		[ "$(onion "$n")" != "$1" ] || echo "$n"
	done
}
gone=$(name_of "$(role a post)")
stop "$gone"
echo failover | as a mp-seal -t b >"$T/sealed"
exits 0 as a sh -c 'mp-mesh post <"$1"' - "$T/sealed"
like 'a relay that is away: the next one' "$(as a mp-mesh servers)" "^$(onion "$gone")${TAB}-${TAB}[0-9]*${TAB}away\$"
answers() { # NAME FILE: in its place, at its port
	start socat "OPENSSL-LISTEN:$(sed 's/.*://' "$T/$1.at"),bind=127.0.0.1,reuseaddr,fork,cert=$T/$1/tls/cert.pem,key=$T/$1/tls/key.pem,verify=0,openssl-min-proto-version=TLS1.3" \
		"SYSTEM:cat '$2'"
	wait_for listens "$(sed 's/.*://' "$T/$1.at")"
}
printf 'HTTP/1.1 507 Full\r\nContent-Length: 0\r\nConnection: close\r\n\r\n' >"$T/full"
answers "$gone" "$T/full"
db() {
	sqlite3 -cmd '.timeout 60000' "$T/a/store.db" "$1"
}
posts_to_it() { # and b fetches at RELAYS, as far as a knows
	db "UPDATE meshserver SET role = 0, until = 0, retry = 0, fails = 0; UPDATE letterbox SET relays = $1;
		UPDATE meshserver SET role = 1, until = 9000000000000 WHERE lower(hex(onion)) = '$(onion_hex "$gone")'"
}
onion_hex() {
	python3 -c 'import base64, sys; print(base64.b32decode(sys.argv[1][:56].upper())[:32].hex())' "$(onion "$1")"
}
posts_to_it "x''"
echo full | as a mp-seal -t b >"$T/sealed"
exits 0 as a sh -c 'mp-mesh post <"$1"' - "$T/sealed"
like 'a full box, said by who cannot know: the next one' "$(cat "$T/out")" "^sent${TAB}message${TAB}b${TAB}.*${TAB}mesh${TAB}-\$"
posts_to_it "x'$(onion_hex "$gone")'"
exits 111 as a sh -c 'mp-mesh post <"$1"' - "$T/sealed"
like '... by who can: it is said' "$(cat "$T/out")" "^failed${TAB}message${TAB}b${TAB}.*${TAB}507${TAB}"
printf 'cover.post = 1s\nroute = mesh\n' >"$T/a/config"
echo waits | as a mp-seal -t b >"$T/sealed"
exits 111 as a sh -c 'mp-send -w 1 <"$1"' - "$T/sealed"
exits 0 as a mp-mesh cover -v -c 2
is '... in a slot of cover: the next slot is not lost to it' "$(cat "$T/err")" \
	"mp-mesh: nothing was posted: unexpected answer 507
mp-mesh: posted: a fake"
like '... and the message waits, with the reason' "$(as a mp-queue list)" "^queued${TAB}message${TAB}b${TAB}.*${TAB}507${TAB}"
as a mp-queue list | cut -f 4 | xargs -n 1 env MP_HOME="$T/a" mp-queue cancel
rm "$T/a/config"
kill "$pid"
wait "$pid"
relay "$gone" "$(sed 's/.*://' "$T/$gone.at")"
ok '... and what was posted arrives' wait_for fetches b 6
liar=$(name_of "$(role b fetch | head -n 1)")
stop "$liar"
exits 1 as b mp-mesh fetch -v
like 'one that does not answer is said by -v, and no failure' "$(cat "$T/err")" "^mp-mesh: $(onion "$liar"): no answer"
printf 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\nConnection: close\r\n\r\n{"type":"load"}' >"$T/lie"
answers "$liar" "$T/lie"
as b mp-mesh fetch 2>"$T/err"
like 'a wrong answer is said' "$(cat "$T/err")" "^mp-mesh: $(onion "$liar"): answers wrongly"
as b mp-mesh fetch 2>"$T/err"
like '... and again: it is asked no more' "$(cat "$T/err")" 'answers wrongly, and is asked no more'
like '... is out' "$(as b mp-mesh servers)" "^$(onion "$liar")$TAB-$TAB.*${TAB}out\$"
exits 1 as b mp-mesh fetch
is '... and another is fetched from' "$(role b fetch | wc -l)" 2

# --- One that takes what is posted and keeps it from everybody: no receipt comes, and it is posted to no more.
kill "$pid"
wait "$pid"
relay "$liar" "$(sed 's/.*://' "$T/$liar.at")"
stop "$gone"
start python3 "$ROOT/tests/tools/mesh.py" lie "$T/$gone" "$T/kept" takes >"$T/keeper.at"
wait_for [ -s "$T/keeper.at" ] || bail 'the keeper does not listen'
grep -v "^$(onion "$gone") " "$T/routes" >"$T/routes.new"
mv "$T/routes.new" "$T/routes"
printf '%s %s\n' "$(onion "$gone")" "$(cat "$T/keeper.at")" >>"$T/routes"
printf '%s\n' 'receipt.wait = 1s' 'route = mesh' >"$T/a/config"
posts_to_it "x''"
db "UPDATE meshserver SET until = (CAST(strftime('%s', 'now') AS INTEGER) + 6 * 86400) * 1000 WHERE role = 1"
echo kept | as a mp-seal -t b >"$T/sealed"
exits 0 as a sh -c 'mp-send <"$1"' - "$T/sealed"
ok 'one keeps what is posted to him' grep -q '^/packets' "$T/kept"
turned() {
	as a mp-due >/dev/null
	[ "$(role a post)" != "$(onion "$gone")" ]
}
ok '... when no receipt comes, another is posted to' wait_for turned
before=$(grep -c '^/packets' "$T/kept")
exits 0 as a mp-queue flush
is '... and he no more' "$(grep -c '^/packets' "$T/kept")" "$before"
arrived() {
	as b mp-mesh fetch -w 20
	as b mp-inbox -a | grep -q "${TAB}kept"
}
ok '... and what he kept arrives' wait_for arrived
ok 'the store is sound' as a mp-store check
ok '... and the other' as b mp-store check
finish
