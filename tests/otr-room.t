#!/bin/sh
# mp-otr in a room of a relay: the line of mp-room's manual, with files in the place of the terminal, for three people
# (or MP_ROOM_PEOPLE), a process each; what it took is printed.
# shellcheck disable=SC2154 # pid: of lib.sh
. "$(dirname "$0")/lib.sh"

command -v socat >/dev/null || skip_all "socat is not installed"
N=${MP_ROOM_PEOPLE:-3}
people=$(seq "$N")

as r mp-keygen >/dev/null || bail 'mp-keygen'
start env MP_HOME="$T/r" mp-relay -l 127.0.0.1:0 -r 7 7>"$T/ready"
wait_for [ -s "$T/ready" ] || bail 'the relay does not listen'
printf '%s %s\n' "$(onion r)" "$(sed 's/^ready //' "$T/ready")" >>"$T/routes"

line=$(awk '/^socat -t/ { on = 1 } on && /^\.Ed/ { exit } on' "$ROOT/man/mp-room.1" | sed 's/\\e/\\/g')
like 'the manual has the line' "$line" 'EXEC:.mp-room -r cafe@SERVER'
began=$(date +%s%N)
for n in $people; do
	mkfifo "$T/tty.$n"
	printf '%s\n' "$line" | sed -e "s,3</dev/tty,-w 60 3<\"$T/tty.$n\"," -e "s,4>/dev/tty,4>\"$T/heard.$n\"," \
		-e "s/SERVER/$(onion r)/; s/-n alice/-n p$n/" >"$T/line.$n"
	(home "p$n" && exec sh "$T/line.$n") 2>"$T/err.$n" &
	eval "pid$n=$!"
	pids="$pids $!"
	# The writing end of each person's descriptor 3, in a process of its own.
	mkfifo "$T/more.$n"
	(exec 3>"$T/tty.$n" && while cat "$T/more.$n" >&3 && [ ! -e "$T/gone.$n" ]; do :; done) &
	pids="$pids $!"
done
says() { # N TEXT
	printf '%s\n' "$2" >"$T/more.$1"
}
leaves() { # N
	: >"$T/gone.$1"
	: >"$T/more.$1"
}
heard() { grep -Eqs -- "$2" "$T/heard.$1"; }
members() { grep otr-open "$T/heard.$1" 2>/dev/null | tail -n 1 | grep -o '"member":"[^"]*"' | sort; }
all() { # COMMAND ...: with each N before the rest
	all_do=$1
	shift
	for n in $people; do
		"$all_do" "$n" "$@" || return 1
	done
}
has_members() { [ "$(members "$1" | wc -l)" -eq "$2" ]; }
same_members() { [ "$(members "$1")" = "$(members 1)" ]; }
ok "$N people have a session" wait_for all has_members "$N"
took=$((($(date +%s%N) - began) / 1000000))
ok '... the same' all same_members
session=$(grep otr-open "$T/heard.1" | tail -n 1 | grep -o '"session":"[^"]*"')
posted() { sqlite3 "$T/r/rooms.db" "SELECT count(*), sum(length(text)) FROM line" | sed 's/|/ lines, /'; }
note "$N people: $((N * (N - 1) / 2)) key exchanges, $took ms from the first start, $(posted) bytes sealed at the relay"

texts=${MP_ROOM_TEXTS:-6}
i=0
while [ "$i" -lt "$texts" ]; do
	says $((i % N + 1)) "text $i of $texts"
	i=$((i + 1))
done
has_texts() { # all but one's own
	own=$((texts / N + ($1 <= texts % N)))
	[ "$(grep -c "text [0-9]* of" "$T/heard.$1")" -eq $((texts - own)) ]
}
ok 'everybody hears what the others say' wait_for all has_texts
is 'the relay has nothing of it, nor a nickname' "$(cat "$T/r"/rooms.db* | grep -aoE 'text [0-9]|mpotr|"p[0-9]' | sort -u)" ''

leaves 1
ok 'one leaves: all saw the same' wait_for all heard "otr-verified.*$session"
digest() { grep otr-verified "$T/heard.$1" | grep -F "$session" | grep -o '"digest":"[^"]*"'; }
same_digest() { [ "$(digest "$1")" = "$(digest 1)" ]; }
ok '... the very same' all same_digest
wait "$pid1"
is '... he ends in order' $? 0
others=${people#1}
others_published() { for n in $others; do heard "$n" "otr-published.*${TAB}p1:" || return 1; done; }
ok 'his last line, the published key, is there' wait_for others_published
others_have() { for n in $others; do has_members "$n" $((N - 1)) || return 1; done; }
if [ "$N" -gt 2 ]; then
	ok 'the others have a new session' wait_for others_have
fi
note "with $texts texts and one who left: $(posted) bytes"
for n in $others; do
	leaves "$n"
done
for n in $others; do
	eval "wait \$pid$n"
	ok "person $n ends in order" [ $? -eq 0 ]
done
is 'without a complaint' "$(cat "$T"/err.*)" ''
finish
