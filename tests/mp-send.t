#!/bin/sh
# mp-send: what is delivered, what stays queued, and that neither a kill nor a full disk loses anything.
. "$(dirname "$0")/lib.sh"

meet alice bob
meet alice carol
home alice

serve() { # HOME PORT: like serve_tls, but on a port that stays the same
	start env MP_HOME="$T/$1" mp-recv -l "127.0.0.1:$2"
	wait_for listens "$2" || bail "mp-recv for $1 does not listen"
}
port=$(free_port)
printf '%s 127.0.0.1:%s\n' "$(onion bob)" "$port" >>"$T/routes"
port_of_bob=$port
serve bob "$port_of_bob"
bob=$pid
got() { # what bob received, in order
	as bob mp-inbox -a -t alice | awk -F '\t' '$1 == "in" { print $7 }'
}
count() {
	got | wc -l | tr -d ' '
}
arrived() {
	[ "$(count)" -ge "$1" ]
}
queue() {
	sqlite3 -cmd '.timeout 10000' "$MP_HOME/store.db" 'SELECT count(*) FROM queue'
}

# Delivered.
echo hello | mp-seal -t bob >"$T/s"
exits 0 mp-send <"$T/s"
is "success says nothing" "$(cat "$T/out" "$T/err")" ""
is "it is there" "$(got)" 'hello\n'
is "and not queued any more" "$(queue)" 0
exits 0 mp-send -v <"$T/s"
is "the same again is not sent again" "$(cut -f 1,2,3,6,7 "$T/out")" "sent${TAB}message${TAB}bob${TAB}-${TAB}delivered before"
is "it is there once" "$(count)" 1
echo world | mp-seal -t bob >"$T/s"
exits 0 mp-send -v <"$T/s"
is "-v prints the delivery" "$(cut -f 1-3,6,7 "$T/out")" "sent${TAB}message${TAB}bob${TAB}204${TAB}-"
is "with its id and time" "$(cut -f 4,5 "$T/out")" "$(cut -f 4,5 "$T/s")"
echo json | mp-seal -j -t bob >"$T/s"
exits 0 mp-send -j <"$T/s"
like "-j as NDJSON" "$(cat "$T/out")" '^\{"class":"sent","kind":"message","contact":"bob",.*"ref":"204"'
exits 1 mp-send
is "empty input says nothing" "$(cat "$T/out" "$T/err")" ""

# Refused.
as bob mp-inbox -a >"$T/in"
exits 100 mp-send <"$T/in"
is "what was received is not sent: a line each" "$(grep -c '^mp-send: standard input:.*is not sealed$' "$T/err")" "$(wc -l <"$T/in" | tr -d ' ')"
{
	echo one | mp-seal -t bob
	echo two | mp-seal -b -t bob
	echo three | mp-seal -t bob | sed "s/$(onion bob)/$(onion carol)/"
	echo four | mp-seal -t bob | sed "s/${TAB}bob${TAB}/${TAB}bbo${TAB}/"
	echo five | mp-seal -t bob
} >"$T/in"
exits 100 mp-send <"$T/in"
is "each is one line" "$(cat "$T/err")" "mp-send: standard input:2: no contact named: a blank record is for mp-take
mp-send: standard input:3: the address is not that of 'bob'
mp-send: standard input:4: no contact 'bbo'"
is "the good ones go" "$(got | tail -n 2 | tr '\n' ' ')" 'one\n five\n '
is "nothing is left" "$(queue)" 0

exits 100 mp-send operand
exits 100 mp-send -w x

# As lines come.
n=$(count)
: >"$T/log"
(
	tail -f "$T/log" 2>/dev/null &
	echo $! >"$T/tail.pid"
	wait
) | mp-seal -l -t bob | mp-send -v >"$T/sent" 2>"$T/err" &
pids="$pids $!"
echo first >>"$T/log"
ok "a line arrives while the pipe is open" wait_for arrived $((n + 1))
echo second >>"$T/log"
ok "so does the next" wait_for arrived $((n + 2))
said() { [ "$(wc -l <"$T/sent")" -eq "$1" ]; }
ok "each is reported when it was delivered" wait_for said 2
kill "$(cat "$T/tail.pid")"
wait $!
is "in order" "$(got | tail -n 2 | tr '\n' ' ')" "first second "

# Waiting costs nothing: a second of processor time would be its death.
exits 1 sh -c 'sleep 2.5 | (ulimit -t 1; mp-send)'
echo idle | mp-seal -t bob >"$T/s"
exits 0 sh -c '{ cat "$1"; sleep 2.5; } | (ulimit -t 1; mp-send)' - "$T/s"

# Two at once on one store.
n=$(count)
for i in 1 2; do
	seq -f "$i-%03g" 150 | mp-seal -l -t bob >"$T/s$i"
done
mp-send <"$T/s1" &
one=$!
mp-send <"$T/s2" &
two=$!
wait $one
is "two at once: the one" "$?" 0
wait $two
is "and the other" "$?" 0
got | tail -n +$((n + 1)) >"$T/got"
is "each message once" "$(sort "$T/got" | uniq | wc -l | tr -d ' ') $(wc -l <"$T/got" | tr -d ' ')" "300 300"
for i in 1 2; do
	ok "in order ($i)" sh -c 'grep "^$1-" "$2" | sort -c' - $i "$T/got"
done

# Away: queued, and delivered later.
kill "$bob"
wait "$bob" 2>/dev/null
n=$(count)
seq -f "later-%g" 3 | mp-seal -l -t bob >"$T/s"
exits 111 mp-send -v -w 2 <"$T/s"
is "a peer who is away: queued" "$(cut -f 1,2,3,6 "$T/out" | sort -u)" "queued${TAB}message${TAB}bob${TAB}connect"
is "no noise" "$(cat "$T/err")" ""
is "three of them" "$(queue)" 3
exits 111 mp-send -w 1 <"$T/s"
is "the same again is not queued twice" "$(queue)" 3
exits 1 mp-send
is "not tried before the time" "$(queue)" 3
serve bob "$port_of_bob"
bob=$pid
exits 0 mp-send <"$T/s"
is "given again they go" "$(queue)" 0
is "in order, once" "$(got | tail -n +$((n + 1)) | tr '\n' ' ')" "later-1 later-2 later-3 "

# Told to end.
kill -STOP "$bob"
echo stuck | mp-seal -t bob >"$T/s"
mp-send <"$T/s" 2>"$T/err" &
pid=$!
pids="$pids $pid"
ok "a post is under way" wait_for sh -c '[ "$(sqlite3 "$1" "SELECT count(*) FROM lane WHERE lease_pid > 0")" = 1 ]' - "$MP_HOME/store.db"
kill "$pid"
wait "$pid"
is "SIGTERM leaves it queued: 111" "$?" 111
is "no lease is left" "$(sqlite3 -cmd '.timeout 10000' "$MP_HOME/store.db" 'SELECT count(*) FROM lane WHERE lease_pid > 0')" 0
kill -CONT "$bob"
exits 0 mp-queue flush
is "a flush delivers it" "$(got | tail -n 1)" 'stuck\n'

# Killed at any time: what was in the queue goes, what was not is given again, all arrives once.
n=$(count)
i=0
while [ "$i" -lt 20 ]; do
	seq -f "kill-$i-%02g" 30 | mp-seal -l -t bob >"$T/s"
	mp-send <"$T/s" &
	pid=$!
	sleep "0.0$((i * 3 % 10))$i"
	kill -9 "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	# Every other time what is queued goes first.
	[ $((i % 2)) -eq 0 ] && mp-queue flush
	mp-send <"$T/s" || note "status $? after kill $i"
	i=$((i + 1))
done
is "20 kills: nothing is left" "$(queue)" 0
got | tail -n +$((n + 1)) >"$T/got"
is "every message arrived once" "$(sort -u "$T/got" | wc -l | tr -d ' ') $(wc -l <"$T/got" | tr -d ' ')" "600 600"
is "the store is whole" "$(sqlite3 -cmd '.timeout 10000' "$MP_HOME/store.db" 'PRAGMA integrity_check')" ok
is "the history says sent" "$(sqlite3 -cmd '.timeout 10000' "$MP_HOME/store.db" "SELECT count(*) FROM message WHERE dir = 1 AND state <> 12 AND CAST(body AS TEXT) LIKE 'kill%'")" 0

# What cannot be said.
echo x | mp-seal -t bob >"$T/s"
exits 111 sh -c 'mp-send -v <"$1" >/dev/full' - "$T/s"
is "a full stdout is one line" "$(cat "$T/err")" "mp-send: cannot write standard output: No space left on device"
echo y | mp-seal -t bob >"$T/s"
exits 100 sh -c 'mp-send -v <"$1" >&-' - "$T/s"
exits 0 sh -c 'mp-send <"$1" >&-' - "$T/s"

# A closed standard input is an error, not whatever is opened next.
exits 100 timeout 10 sh -c 'exec mp-send <&-'
is "which is said" "$(cat "$T/err")" "mp-send: standard input: cannot read: Bad file descriptor"
exits 100 timeout 10 sh -c 'exec mp-seal -t bob <&-'

# A full disk: one line, 111, the store whole, and what was queued can be delivered.
meet erin bob
as erin sh -c 'head -c 45000 /dev/urandom | base64 | tr -d "\n" >"$1"; for i in 1 2 3 4 5 6 7 8 9 10; do
	mp-seal -t bob <"$1" || exit; done' - "$T/text" >"$T/in"
for i in 1 2 3 4 5 6; do cat "$T/in"; done | awk -F '\t' 'BEGIN { OFS = FS } { $4 = sprintf("%032x", NR); print }' >"$T/many"
cat >"$T/full.sh" <<'END'
T=$1
mkdir "$T/small" && mount -t tmpfs -o size=6m tmpfs "$T/small" && cp -R "$T/erin" "$T/small" || exit 99
MP_HOME=$T/small/erin
export MP_HOME
mp-send -w 0 <"$T/many" >"$T/out" 2>"$T/err"
echo $? >"$T/status"
sqlite3 -cmd '.timeout 10000' "$MP_HOME/store.db" 'PRAGMA integrity_check' >"$T/whole"
sqlite3 -cmd '.timeout 10000' "$MP_HOME/store.db" 'SELECT count(*) FROM queue' >"$T/queued"
umount "$T/small"
END
if unshare -rm sh "$T/full.sh" "$T"; then
	is "a full disk is 111" "$(cat "$T/status")" 111
	is "and one line" "$(cat "$T/err")" "mp-send: the disk is full: nothing was stored"
	is "the store is whole" "$(cat "$T/whole")" ok
else
	note "no small disk can be mounted here"
fi
finish
