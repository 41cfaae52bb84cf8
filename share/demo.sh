#!/bin/sh
# demo.sh: two people on this machine exchange a contact card, messages and a file, by pipes; one of them introduces a
# third, and the three talk in a group.
# Installs what building needs (MP_NO_INSTALL=1 forbids it) and builds.  Needs no Tor: the two reach each
# other over loopback (mp-serve -n and MP_ROUTES), through the same TLS and the same programs.
# Everything happens in a private directory that is gone at the end; any step that fails ends the demo.
set -eu
umask 077

[ $# -eq 0 ] || {
	printf 'usage: demo.sh\n' >&2
	exit 100
}
cd "$(dirname "$0")/.."
. share/packages.sh
packages_need build run
make -s -j2 all

LC_ALL=C
PATH=$PWD/build/bin:$PATH
T=$(mktemp -d "${TMPDIR:-/tmp}/mp-demo.XXXXXX")
MP_ROUTES=$T/routes
MP_SOCKS=127.0.0.1:1
export LC_ALL PATH MP_ROUTES MP_SOCKS
servers=

clean_up() {
	status=$?
	# shellcheck disable=SC2086 # a list
	[ -z "$servers" ] || kill $servers 2>/dev/null || :
	wait
	rm -rf "$T"
	[ "$status" -eq 0 ] || printf '\nThe demo FAILED (status %d).\n' "$status" >&2
}
trap clean_up EXIT
trap 'exit 130' HUP INT TERM

title() {
	printf '\n--- %s\n\n' "$1"
}

# Runs the line as WHO, who has a home and a working directory, and shows what is printed.
run() { # WHO COMMANDLINE
	printf '%s$ %s\n' "$1" "$2"
	status=0
	(cd "$T/$1" && MP_HOME=$T/$1/.mp sh -euc "$2") >"$T/out" 2>&1 </dev/null || status=$?
	cat "$T/out"
	[ "$status" -eq 0 ] || {
		printf 'that ended with status %d\n' "$status" >&2
		exit 1
	}
}

# What the last line printed must hold this.
expect() {
	grep -qF -- "$1" "$T/out" || {
		printf 'this should have shown: %s\n' "$1" >&2
		exit 1
	}
}

# mp-serve says `ready ONION ADDR:PORT`; the other finds it there instead of through Tor.
serve() {
	printf '%s$ mp-serve -n &\n' "$1"
	mkfifo "$T/ready"
	MP_HOME=$T/$1/.mp mp-serve -n >"$T/ready" </dev/null &
	servers="$servers $!"
	if ! read -r word onion where <"$T/ready" || [ "$word" != ready ]; then
		printf 'mp-serve did not come up\n' >&2
		exit 1
	fi
	rm "$T/ready"
	printf 'ready %s %s\n' "$onion" "$where"
	printf '%s %s\n' "$onion" "$where" >>"$T/routes"
}

# What cron would do for each: whatever is owed goes out, until nobody owes anything.
settle() { # WHO ...
	rounds=0
	while [ "$rounds" -lt 15 ]; do
		rounds=$((rounds + 1)) owing=0
		for who in "$@"; do
			MP_HOME=$T/$who/.mp mp-due >"$T/due" </dev/null || continue
			owing=1
			MP_HOME=$T/$who/.mp sh -c 'mp-seal | mp-send -w 10' <"$T/due" >/dev/null 2>&1 || :
		done
		[ "$owing" -eq 1 ] || return 0
	done
}

mkdir "$T/alice" "$T/bob" "$T/carol"
: >"$T/routes"

title 'Each makes an identity and starts serving (here without Tor)'
run alice 'mp-keygen'
run bob 'mp-keygen'
serve alice
serve bob

title 'Alice makes a card; Bob, standing beside her, accepts it'
run alice 'mp-contact offer bob > card; cat card'
cp "$T/alice/card" "$T/bob/card"
run bob 'mp-contact accept alice < card | mp-seal | mp-send'
run alice 'mp-ping bob'
run bob 'mp-contact show alice'
run alice 'mp-contact list | mp-show'

title 'They write to each other'
run alice 'echo "hello Bob" | mp-seal -t bob | mp-send'
run alice 'printf "one\ntwo\n" | mp-seal -l -t bob | mp-send'
run bob 'mp-inbox'
expect 'hello Bob'
expect two
run bob 'echo "hello Alice" | mp-seal -t alice | mp-send'
run alice 'mp-inbox | mp-show'
expect 'hello Alice'

title 'Bob sends a file'
run bob 'head -c 1000000 /dev/urandom > photo.jpg'
run bob 'mp-seal -t alice -f photo.jpg | mp-send'
run alice 'mp-inbox | mp-show'
expect photo.jpg
run alice 'cksum < .mp/files/bob/photo.jpg'
run bob 'cksum < photo.jpg'
cmp "$T/alice/.mp/files/bob/photo.jpg" "$T/bob/photo.jpg"

title 'Alice hands one over on a USB stick'
run alice 'echo "by hand" | mp-seal -b -t bob > usb-stick'
cp "$T/alice/usb-stick" "$T/bob/usb-stick"
run bob 'mp-take < usb-stick'
run bob 'mp-inbox | mp-show'
expect 'by hand'

title 'Alice knows Carol, too, and introduces Bob and Carol to each other'
run carol 'mp-keygen'
serve carol
run alice 'mp-contact offer carol > card'
cp "$T/alice/card" "$T/carol/card"
run carol 'mp-contact accept alice < card | mp-seal | mp-send'
run alice 'mp-intro offer bob carol | mp-seal | mp-send'
run bob 'mp-intro list | mp-show'
run bob 'mp-intro accept $(mp-intro list | cut -f 4) | mp-seal | mp-send'
run carol 'mp-intro accept $(mp-intro list | cut -f 4) | mp-seal | mp-send'
printf '\n(mp-serve, or mp-due | mp-seal | mp-send from cron, does the rest)\n\n'
settle alice bob carol
run bob 'mp-contact show carol'
expect 'introducer: alice'
run carol 'echo "hello Bob, Alice told me of you" | mp-seal -t bob | mp-send'
run bob 'mp-inbox | mp-show'
expect 'Alice told me of you'

title 'The three in a group'
run bob 'mp-group create friends alice carol | mp-seal | mp-send'
run alice 'mp-group accept friends | mp-seal | mp-send'
run carol 'mp-group accept friends | mp-seal | mp-send'
settle alice bob carol
run carol 'mp-group show friends'
run carol 'echo "at eight?" | mp-seal -g friends | mp-send'
run alice 'mp-inbox | mp-show'
expect 'at eight?'
run bob 'mp-inbox | mp-show'
expect 'at eight?'

printf '\nAll of that worked. Next: man mp (before make install: man ./man/mp.7)\n'
