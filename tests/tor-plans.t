#!/bin/sh
# An introduction and a group, start to end, between three homes that each run mp-serve, over a Tor network of our own.
# shellcheck disable=SC2154 # failed, pid: of lib.sh
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/people.sh"

umask 077

PATH=$PATH:/usr/sbin
command -v tor >/dev/null || skip_all 'tor is not installed'
command -v jq >/dev/null || skip_all 'jq is not installed'
unset MP_SOCKS # each home finds its own tor

tell() {
	[ "$failed" -ne 0 ] || return 0
	for f in "$T"/*.err "$T"/*/tor/log; do
		[ -s "$f" ] && printf '# %s\n' "$f" && tail -n 15 "$f" | sed 's/^/#   /'
	done
	for n in alice bob carol; do
		as "$n" mp-queue list | sed "s/^/# queue of $n: /"
	done
}
trap 'tell; sh "$ROOT/tests/tornet.sh" stop "$T/net" 2>/dev/null; cleanup' EXIT

sh "$ROOT/tests/tornet.sh" start "$T/net" $$ || bail 'no Tor network'

up() {
	timeout 90 head -n 1 "$T/$1.ready" >"$T/$1.line"
	grep -q "^ready $(onion "$1") " "$T/$1.line"
}

# The cards go by hand; everything after that goes by Tor.
for n in bob carol; do meet alice $n; done
for n in alice bob carol; do
	printf 'tor.include = %s/net/client.torrc\nretry.min = 1s\nretry.max = 3s\n' "$T" >"$T/$n/config"
	mkfifo "$T/$n.ready"
	# shellcheck disable=SC2016 # for the inner shell
	start env MP_HOME="$T/$n" sh -c 'exec mp-serve -v >"$1.ready" 2>>"$1.err"' sh "$T/$n"
done
for n in alice bob carol; do ok "$n is up" up $n; done

does() { # WHO COMMAND ...: and what it owes goes out
	who=$1
	shift
	as "$who" "$@" >"$T/owed" && as "$who" sh -c 'mp-seal <"$1" | mp-send -w 60' sh "$T/owed" >/dev/null
}
new() { # WHO PATTERN: is there such a new record?
	as "$1" mp-inbox | grep -q "$2"
}
knows() { # WHO WHOM
	contacts "$1" | grep -qx "$2 active alice"
}
both_know() {
	knows bob carol && knows carol bob
}
all_in() {
	for who in alice bob carol; do
		as $who mp-group show team 2>/dev/null | grep -Eqx 'state +active' || return 1
	done
}

# --- Alice introduces bob and carol.
ok 'alice offers an introduction' does alice mp-intro offer bob carol
for who in bob carol; do
	ok "$who is asked" wait_for new $who "^event${TAB}introduction-request${TAB}alice"
	ok "$who accepts" does $who mp-intro accept "$(as $who mp-intro list | cut -f 4)"
done
ok 'they know each other' wait_for both_know
is 'by one fingerprint' "$(as bob mp-contact show carol | grep ^fingerprint)" "$(as carol mp-contact show bob | grep ^fingerprint)"
like 'and are not verified' "$(as bob mp-contact show carol)" '^verified: no$'
exits 0 as bob mp-ping -w 60 carol

# --- Bob makes a group of the three.
ok 'bob makes a group' does bob mp-group create team alice carol
for who in alice carol; do
	ok "$who is asked" wait_for new $who "^event${TAB}group-chat-request${TAB}bob"
	ok "$who accepts" does $who mp-group accept team
done
ok 'all three are in it' wait_for all_in
for who in alice bob carol; do
	# shellcheck disable=SC2016 # for the inner shell
	ok "$who says something" as $who sh -c 'echo "I am $1" | mp-seal -g team | mp-send -w 60' sh $who
done
for who in alice bob carol; do
	for whom in alice bob carol; do
		[ $who = $whom ] ||
			ok "$who hears $whom" wait_for new $who "^in${TAB}message${TAB}$whom${TAB}.*${TAB}team${TAB}I am $whom"
	done
done
ok 'carol leaves' does carol mp-group leave team
for who in alice bob; do
	ok "$who hears of it" wait_for new $who "^event${TAB}group-member-left${TAB}carol"
done
for n in alice bob carol; do ok "the store of $n is sound" as $n mp-store check; done
finish
