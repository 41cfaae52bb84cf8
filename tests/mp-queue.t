#!/bin/sh
# mp-queue: what waits and why, flushing, cancelling.
. "$(dirname "$0")/lib.sh"

meet alice bob
meet alice carol
port=$(free_port)
printf '%s 127.0.0.1:%s\n' "$(onion bob)" "$port" >>"$T/routes"
printf '%s 127.0.0.1:1\n' "$(onion carol)" >>"$T/routes"
home alice
id() { # NTH: of the list
	mp-queue list | sed -n "$1p" | cut -f 4
}
state() { # ID: of the message
	sqlite3 -cmd '.timeout 10000' "$MP_HOME/store.db" "SELECT state FROM message WHERE dir = 1 AND lower(hex(id)) = '$1'"
}

exits 1 mp-queue list
is "an empty queue is a clean no" "$(cat "$T/out" "$T/err")" ""
exits 1 mp-queue flush

echo one | mp-seal -t bob | mp-send -w 0
echo two | mp-seal -t carol | mp-send -w 0
echo three | mp-seal -t bob | mp-send -w 0
head -c 300000 /dev/urandom >"$T/file"
mp-seal -t bob -f "$T/file" | mp-send -w 0
exits 0 mp-queue list
is "all of it, in order, a file as one" "$(cut -f 1,2,3 "$T/out" | tr '\t\n' ' ,')" \
	"queued message bob,queued message carol,queued message bob,queued file bob,"
is "not tried yet" "$(head -n 1 "$T/out" | cut -f 6,7)" "-${TAB}due now"
exits 111 mp-queue flush -v -w 1
is "a flush tries and says why not" "$(cut -f 1,3,6 "$T/out" | tr '\t\n' ' ,')" \
	"queued bob connect,queued carol connect,queued bob connect,queued bob connect,"
exits 0 mp-queue list
like "the list says why, how often and when" "$(head -n 1 "$T/out")" \
	"${TAB}connect${TAB}.*; 1 tries failed, next at 20[0-9-]*T[0-9:.]*Z\$"
like "of a file how much" "$(sed -n 4p "$T/out")" "; 3 chunks; "
exits 0 mp-queue list -j
is "NDJSON" "$(head -n 1 "$T/out" | cut -c 1-18)" '{"class":"queued",'

# Cancelled.
two=$(id 2)
three=$(id 3)
file=$(id 4)
exits 0 mp-queue cancel "$three" "$file"
is "two are left" "$(mp-queue list | wc -l | tr -d ' ')" 2
is "no chunk stays behind" "$(sqlite3 -cmd '.timeout 10000' "$MP_HOME/store.db" "SELECT count(*) FROM queue WHERE kind = 'file'")" 0
is "the history says cancelled" "$(state "$three") $(state "$file")" "14 14"
is "and keeps the text" "$(mp-inbox -a | grep -c "^was.*$three.*three")" 1
exits 1 mp-queue cancel "$three"
is "again: it is not there" "$(cat "$T/err")" "mp-queue: '$three' is not in the queue"
exits 100 mp-queue cancel nonsense
exits 100 mp-queue cancel
exits 100 mp-queue list operand
exits 100 mp-queue frobnicate
exits 100 mp-queue
exits 100 mp-queue list -v

# Delivered by a flush, of one or of all.
start env MP_HOME="$T/bob" mp-recv -l "127.0.0.1:$port"
wait_for listens "$port" || bail "mp-recv does not listen"
exits 111 mp-queue flush -w 1 "$two"
is "a flush of one id speaks of that one" "$(mp-queue list | cut -f 3)" carol
is "and delivers what else is due" "$(as bob mp-inbox | cut -f 7)" 'one\n'
exits 1 mp-queue flush -w 1 00112233445566778899aabbccddeeff
is "an id that is not there" "$(cat "$T/err")" "mp-queue: '00112233445566778899aabbccddeeff' is not in the queue"

# What failed stays until it is told to go.
echo four | mp-seal -t bob | mp-send -w 0
sqlite3 -cmd '.timeout 10000' "$MP_HOME/store.db" "UPDATE queue SET added = 1, expires = 2592000000 WHERE contact = (SELECT id FROM contact WHERE name = 'bob')"
mp-send
exits 0 mp-queue list
is "too old: failed" "$(grep bob "$T/out" | cut -f 1,6,7)" "failed${TAB}expired${TAB}not delivered in time; given up"
four=$(grep bob "$T/out" | cut -f 4)
is "the history says failed" "$(state "$four")" 13
exits 111 mp-queue flush -w 1
is "a flush of all leaves it" "$(as bob mp-inbox | wc -l | tr -d ' ')" 1
exits 0 mp-queue flush -v -w 20 "$four"
is "told by id it goes" "$(cut -f 1,3,6 "$T/out")" "sent${TAB}bob${TAB}204"
is "and is there" "$(as bob mp-inbox | tail -n 1 | cut -f 7)" 'four\n'
is "the history says sent" "$(state "$four")" 12

exits 111 sh -c 'mp-queue list >/dev/full'
is "a full stdout is one line" "$(wc -l <"$T/err" | tr -d ' ')" 1
finish
