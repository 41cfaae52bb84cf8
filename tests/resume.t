#!/bin/sh
# A file of many chunks is cut at random places, on both sides, again and again: it goes on where it
# stopped, arrives once, whole and right.
. "$(dirname "$0")/lib.sh"

bob=
port=$(free_port)
meet alice bob
printf '%s 127.0.0.1:%s\n' "$(onion bob)" "$port" >>"$T/routes"
home alice

serve() {
	start env MP_HOME="$T/bob" mp-recv -l "127.0.0.1:$port"
	bob=$pid
	wait_for listens "$port" || bail "mp-recv does not listen"
}
slay() { # PID
	kill -9 "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}
queue() {
	sqlite3 -cmd '.timeout 10000' "$MP_HOME/store.db" 'SELECT count(*) FROM queue'
}
chunks() { # that bob has
	sqlite3 -cmd '.timeout 10000' "$T/bob/store.db" 'SELECT coalesce(max(next), 0) FROM transfer'
}

seed=${MP_TEST_SEED:-$$}
note "MP_TEST_SEED=$seed"
pause() { # up to 0.1 s
	seed=$(((seed * 1103515245 + 12345) % 2147483648))
	sleep "0.0$((seed / 65536 % 10))$((seed / 1024 % 10))"
}

head -c 20971520 /dev/urandom >"$T/big"
mp-seal -t bob -f "$T/big" >"$T/sealed"
serve

# The sender is killed, also while it still takes the input; then the receiver; then both.
i=0
seen=0 went_back=0
while [ "$i" -lt 12 ] && { [ "$i" -eq 0 ] || [ "$(queue)" -gt 0 ]; }; do
	if [ "$i" -lt 3 ]; then
		mp-send <"$T/sealed" &
	else
		mp-queue flush &
	fi
	pid=$!
	pause
	case $((i % 3)) in
	0) slay "$pid" ;;
	1) slay "$bob" && slay "$pid" && serve ;;
	2)
		slay "$bob"
		pause
		slay "$pid"
		serve
		;;
	esac
	now=$(chunks)
	[ "$now" -ge "$seen" ] || went_back=$((went_back + 1))
	seen=$now
	i=$((i + 1))
done
note "after $i cuts bob has $seen of 81 chunks"
is "what was taken stays taken" "$went_back" 0
ok "the input again brings the rest" sh -c 'mp-send -w 50 <"$1"' - "$T/sealed"
is "nothing is left to send" "$(queue)" 0
is "one file arrived" "$(as bob mp-inbox | cut -f 1,2,3)" "in${TAB}file${TAB}alice"
is "it lies in one place" "$(ls "$T/bob/files/alice")" big
ok "it is right" cmp -s "$T/big" "$T/bob/files/alice/big"
is "its hash is said" "$(as bob mp-inbox | cut -f 7 | sed 's/.*sha256": *"\([0-9a-f]*\)".*/\1/')" \
	"$(sha256sum <"$T/big" | cut -d ' ' -f 1)"
is "no piece is left in the spool" "$(ls "$T/bob/spool")" ""
is "alice's store is whole" "$(sqlite3 -cmd '.timeout 10000' "$T/alice/store.db" 'PRAGMA integrity_check')" ok
is "bob's too" "$(sqlite3 -cmd '.timeout 10000' "$T/bob/store.db" 'PRAGMA integrity_check')" ok
is "the history says sent" "$(sqlite3 -cmd '.timeout 10000' "$MP_HOME/store.db" "SELECT state FROM message WHERE kind = 'file'")" 12
ok "again: bob has it and says so" sh -c 'mp-send -w 20 <"$1"' - "$T/sealed"
is "still one" "$(ls "$T/bob/files/alice")" big
finish
