#!/bin/sh
# mp-mesh report, and under which names a proxy sees what a client does: a person, whose contacts are two others, three
# relays, one that only keeps what it is told, and one that answers with garbage.
# shellcheck disable=SC2154 # pid: of lib.sh
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/mesh.sh"

command -v python3 >/dev/null || skip_all "python3 is not installed"
command -v jq >/dev/null || skip_all "jq is not installed"
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE

lies() { # NAME HOW
	start python3 "$ROOT/tests/tools/mesh.py" lie "$T/$1" "$T/$1.asked" "$2" >"$T/$1.at"
	wait_for [ -s "$T/$1.at" ] || bail "$1 does not listen"
	printf '%s %s\n' "$(onion "$1")" "$(cat "$T/$1.at")" >>"$T/routes"
}

for n in spy bad; do
	as "$n" mp-keygen >/dev/null || bail "mp-keygen for $n"
done
relays r1 r2 r3
lies spy drop
lies bad garbage
for n in r1 r2 r3; do
	as "$n" mp-relay accept "$(onion bad)" "$(onion spy)" || bail "$n does not accept bad and spy"
done
meet a b
meet a c
for n in b c; do
	person "$n" r1 r2 r3
done
# All that a does goes through the proxy.
start python3 "$ROOT/tests/tools/socks.py" "$T/routes" "$T/names" >"$T/socks"
wait_for [ -s "$T/socks" ] || bail 'the proxy does not listen'
: >"$T/names"
a() {
	(
		MP_ROUTES=/dev/null MP_SOCKS=$(cat "$T/socks")
		export MP_ROUTES MP_SOCKS
		as a "$@"
	)
}

# --- What is wrong with the call.
exits 100 a mp-mesh report nobody.onion
exits 100 a mp-mesh report "$(onion bad)"
like 'nobody to tell' "$(cat "$T/err")" 'no other relay is known'
person a bad r1 r2 r3
exits 100 a mp-mesh report -f "$T/evidence"
exits 100 a mp-mesh report -f "$T/evidence" "$(onion bad)"
head -c 65537 /dev/zero >"$T/evidence"
exits 100 a mp-mesh report -f "$T/evidence" "$(onion bad)"
: >"$T/evidence"
exits 100 a mp-mesh report -f "$T/evidence" "$(onion bad)"
like 'evidence says something' "$(cat "$T/err")" 'is empty$'
exits 100 a mp-mesh report -j
exits 1 a mp-mesh report
ok '... before anybody was told' [ ! -e "$T/spy.reports" ]

# --- A relay that answers wrongly.
out() { # NAME: a has found it out
	a mp-mesh servers load 2>/dev/null
	a mp-mesh servers load 2>/dev/null
	a mp-mesh servers | grep -q "^$(onion "$1").*${TAB}out\$"
}
ok 'garbage is found out' out bad
as a mp-mesh servers add "$(onion spy)"
exits 111 env MP_SOCKS=127.0.0.1:1 MP_ROUTES=/dev/null MP_HOME="$T/a" mp-mesh report
is 'nobody heard: one line' "$(cat "$T/err")" 'mp-mesh: 0 of 4 relays took the report'
exits 111 env MP_SOCKS=127.0.0.1:1 MP_ROUTES=/dev/null MP_HOME="$T/a" mp-mesh report -v
is '... and four more with -v' "$(wc -l <"$T/err")" 5
: >"$T/names"
exits 0 a mp-mesh report
is '... in silence' "$(cat "$T/out" "$T/err")" ''
is 'each was told' "$(cut -f 2 "$T/names" | sort)" "$(for n in r1 r2 r3 spy; do onion "$n"; done | sort)"
is '... under a name of its own' "$(cut -f 1 "$T/names" | sort -u | wc -l)" 4
is 'a report has these members' "$(jq -c 'keys' "$T/spy.reports")" '["evidence","reported_server_id","reporter_id","timestamp"]'
is '... says which' "$(jq -r .reported_server_id "$T/spy.reports")" "$(onion bad)"
is '... and not who' "$(jq -r .reporter_id "$T/spy.reports")" anonymous
is '... and why' "$(jq -r .evidence "$T/spy.reports" | base64 -d)" 'wrong answers'
like '... and the hour' "$(jq -r .timestamp "$T/spy.reports")" '^20[-0-9]*T[0-9]*:00:00[.]000Z$'
for n in r1 r2; do
	like "$n notes it" "$(as "$n" mp-relay log)" "$(onion bad)${TAB}somebody reports it: wrong answers\$"
done
audited() { grep -q "^/packets" "$T/bad.asked"; }
ok '... and audits' wait_for audited
exits 1 a mp-mesh report
as a mp-mesh servers remove "$(onion bad)"
as a mp-mesh servers add "$(onion bad)"
exits 1 a mp-mesh report
as a mp-mesh servers remove "$(onion spy)"
ok 'forgotten and found out again' out bad
as a mp-mesh servers add "$(onion spy)"
exits 0 a mp-mesh report
is '... it is reported again' "$(wc -l <"$T/spy.reports")" 2

# --- By hand, with evidence.
echo 'it lost my mail' >"$T/evidence"
exits 0 a mp-mesh report -f "$T/evidence" "$(onion bad)" "$(onion r2)"
is 'two by hand' "$(tail -n 2 "$T/spy.reports" | jq -r .reported_server_id)" "$(onion bad)
$(onion r2)"
is '... in these words' "$(tail -n 1 "$T/spy.reports" | jq -r .evidence | base64 -d)" 'it lost my mail'
exits 0 a mp-mesh report "$(onion r2)"
is '... or in none' "$(tail -n 1 "$T/spy.reports" | jq -r .evidence)" ''
day=$(($(date +%s) / 86400))
for v in blacklisted whitelisted; do
	python3 "$ROOT/tests/tools/mesh.py" decision "$(onion r1)" $v $day "$T/spy/lie.key" >"$T/$v"
done
votes() {
	jq -nc --slurpfile one "$1" --slurpfile two "$2" '{votes: ($one + $two)}' >"$T/evidence"
}
votes "$T/blacklisted" "$T/blacklisted"
exits 100 a mp-mesh report -f "$T/evidence" "$(onion spy)"
like 'votes that prove nothing are not sent' "$(cat "$T/err")" 'no contradiction'
votes "$T/blacklisted" "$T/whitelisted"
exits 100 a mp-mesh report -f "$T/evidence" "$(onion r2)"
exits 0 a mp-mesh report -f "$T/evidence" "$(onion spy)"
for n in r1 r2; do
	like "those that do convince $n" "$(as "$n" mp-relay log)" "$(onion spy)${TAB}it contradicts itself\$"
done

as a mp-mesh servers remove "$(onion spy)"

# --- Names at the proxy: no relay sees that one person fetches and posts, or posts to two people.
for n in b c; do
	as "$n" mp-mesh fetch 2>/dev/null
	tell "$n" a
	echo hello | as a mp-seal -t "$n" >"$T/for.$n"
done
post() {
	a sh -c 'mp-mesh post <"$1"' - "$T/for.$1" >"$T/sent"
}
: >"$T/names"
a mp-mesh fetch 2>/dev/null
mv "$T/names" "$T/fetched"
like 'who is fetched from is asked under a name' "$(cat "$T/fetched")" "^[0-9a-f]{32}${TAB}.*[.]onion\$"
for n in b c b; do
	ok "a post for $n" post "$n"
done
is 'what is posted to is one relay' "$(cut -f 2 "$T/names" | sort -u | wc -l)" 1
is '... under a name for each contact' "$(cut -f 1 "$T/names" | sort -u | wc -l)" 2
is '... which stays' "$(sed -n 1p "$T/names")" "$(sed -n 3p "$T/names")"
is '... and is none under which is fetched' \
	"$( (cut -f 1 "$T/names" | sort -u && cut -f 1 "$T/fetched" | sort -u) | sort | uniq -d)" ''
ok 'the store is sound' as a mp-store check
finish
