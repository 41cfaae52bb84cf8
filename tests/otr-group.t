#!/bin/sh
# mp-otr over the messages of a group: the line of its manual, with files in the place of the terminal.
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/people.sh"
command -v jq >/dev/null || skip_all 'jq is not installed'

people ann ben cat
meet ann ben
meet ann cat
meet ben cat
does() { # WHO COMMAND ...: and what it owes goes out
	who=$1
	shift
	as "$who" "$@" >"$T/owed" || return
	as "$who" sh -c 'mp-seal <"$1" | mp-send -w 10' sh "$T/owed" >/dev/null
}
ok 'a group' does ann mp-group create team ben cat
settle ann ben cat
for n in ben cat; do ok "$n accepts" does $n mp-group accept team; done
settle ann ben cat

line=$(awk '/^mp-inbox -f -j \|/ { on = 1 } on && /^\.Ed/ { exit } on' "$ROOT/man/mp-otr.1")
like 'the manual has the line' "$line" 'mp-seal -l -g team'
lines=
for n in ann ben cat; do
	mkfifo "$T/tty.$n"
	printf '%s\n' "$line" | sed -e "s,3</dev/tty,3<'$T/tty.$n',; s,4>/dev/tty,4>'$T/heard.$n'," \
		-e "s/-w 10m/-w 60/; s/-n me/-n $n/" >"$T/line.$n"
	(home $n && exec setsid sh "$T/line.$n") &
	pids="$pids $!"
	lines="$lines $!"
done
exec 6<>"$T/tty.ann" 7<>"$T/tty.ben" 8<>"$T/tty.cat"
heard() { grep -Eqs -- "$2" "$T/heard.$1"; }
for n in ann ben cat; do
	ok "$n is in a session" wait_for heard $n otr-open
done
three() { [ "$(grep otr-open "$T/heard.$1" | tail -n 1 | grep -o '"member":' | wc -l)" = 3 ]; }
for n in ann ben cat; do
	ok '... of three' wait_for three $n
done
echo 'sealed twice' >&6
for n in ben cat; do
	ok "$n hears it" wait_for heard $n 'sealed twice$'
done
exec 6>&-
for n in ann ben cat; do
	ok "$n has a verified transcript" wait_for heard $n otr-verified
done
# mp-inbox goes on to wait for messages: the whole line is ended.
for p in $lines; do
	kill -- "-$p" 2>/dev/null
done
finish
