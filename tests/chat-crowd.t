#!/bin/sh
# A crowd on one chat server: every message reaches every member once and in order, also when the server is killed in
# the middle and started again; what a client weighs.  MP_CROWD: clients, sessions, messages ("1000 50 100000" under soak).
# not under the sanitizers: so many clients of a slow server
# shellcheck disable=SC2154 # of lib.sh and chat.sh
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/chat.sh"

# shellcheck disable=SC2086 # words
set -- ${MP_CROWD:-200 10 4000}
clients=$1 sessions=$2 messages=$3
size=$((clients / sessions))
crowd=$BUILD/tools/chat-crowd

rss() { # PID: KiB
	sed -n 's/^VmRSS:[[:blank:]]*\([0-9]*\) kB/\1/p' "/proc/$1/status"
}
figure() { # NAME FILE
	sed -n "s/.*$1 \\([0-9.]*\\).*/\\1/p" "$2"
}
go() { # OUT
	# shellcheck disable=SC2016 # for the inner shell
	start sh -c 'out=$1; shift; exec "$@" >"$out" 2>&1' sh "$1" \
		"$crowd" run "$where" "$T/key" "$clients" "$sessions" "$messages" "$size" 8
	going=$pid
	wait_for grep -qs sending "$1" || note "$(cat "$1")"
}

ok "$clients users" "$crowd" users "$clients"
chat_server
alone=$(rss "$chatd")
go "$T/quiet"
full=$(rss "$chatd")
wait "$going"
is "$messages messages in $sessions sessions of $size arrive, once and in order" "$?" 0
note "$(cat "$T/quiet")"
is 'all deliveries' "$(figure deliveries "$T/quiet")" $((messages * (size - 1)))
is 'no connection broke' "$(figure reconnections "$T/quiet")" 0
{
	echo 'clients | memory of the server | each'
	echo "0 | $alone KiB | -"
	echo "$clients | $full KiB | $(((full - alone) / clients)) KiB"
} >"$T/table"
note "$(cat "$T/table")"
ok 'a client weighs less than 64 KiB' [ $(((full - alone) / clients)) -lt 64 ]

go "$T/killed"
# In the middle: when a part of it has been stored.
half() {
	[ "$(sqlite3 -cmd '.timeout 5000' "$T/chatd/chatd.db" \
		"SELECT sum(seq) FROM session WHERE sid IN (SELECT sid FROM member)")" -ge $((messages + messages / 4)) ]
}
ok 'a part is stored' wait_for half
kill -9 "$chatd"
wait "$chatd" 2>/dev/null
ok 'it was in the middle' kill -0 "$going"
chat_again
wait "$going"
is 'after kill -9 and a restart: all of them, once and in order' "$?" 0
note "$(cat "$T/killed")"
is 'everybody had to come again' "$(figure reconnections "$T/killed" | awk -v n="$clients" '{ print ($1 >= n) }')" 1
is 'all deliveries' "$(figure deliveries "$T/killed")" $((messages * (size - 1)))
kill "$chatd"
wait "$chatd"
is 'the server ends well' "$?" 0
finish
