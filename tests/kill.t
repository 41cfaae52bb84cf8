#!/bin/sh
# kill -9 at random points of mp-send, mp-recv and mp-inbox -x, with restarts: nothing acknowledged is lost, nothing
# is stored twice, both stores are sound.  MP_KILLS (50) and MP_SEED (from the clock, printed) may be given;
# `make soak` gives 1,000.
# shellcheck disable=SC2154 # pid: of lib.sh
. "$(dirname "$0")/lib.sh"

kills=${MP_KILLS:-50}
seed=${MP_SEED:-$(($(date +%s) % 100000))}
note "MP_KILLS=$kills MP_SEED=$seed"

# The next number from 0 to $1 - 1, in $random: a generator that is the same everywhere.
state=$seed
draw() {
	state=$(((state * 1103515245 + 12345) % 2147483648))
	random=$((state / 65536 % $1))
}

# Runs the command, kill -9 after so many microseconds; 137 when that came before its end.
kill_after() { # MICROSECONDS CMD ...
	perl -MTime::HiRes=ualarm -e '$us = shift; defined($p = fork) or exit 99; if (!$p) { exec @ARGV; exit 127 }
		$SIG{ALRM} = sub { kill 9, $p }; ualarm $us + 1; 1 while waitpid($p, 0) != $p;
		exit($? & 127 ? 128 + ($? & 127) : $? >> 8)' "$@"
}

microseconds() { # CMD ...: how long it takes
	perl -MTime::HiRes=time -e '$t = time; system @ARGV; printf "%d\n", 1e6 * (time - $t)' "$@"
}

receiver=
listen() {
	# Those of earlier calls are gone: nobody need wait for them.
	MP_HOME=$T/b mp-recv -l "127.0.0.1:$port" 2>>"$T/recv.err" &
	receiver=$!
	# shellcheck disable=SC2034 # lib.sh ends them
	pids=$receiver
}

cat >"$T/hook" <<'END'
#!/bin/sh
cat >>"$LOG.texts"
printf '%s\n' "$MP_ID" >>"$LOG"
END
chmod +x "$T/hook"
LOG=$T/hooked
export LOG
: >"$T/hooked"

meet a b
printf 'retry.min = 1s\nretry.max = 1s\n' >"$T/a/config"
as b mp-inbox | cut -f 4 | as b mp-mark
port=$(free_port)
printf '%s 127.0.0.1:%s\n' "$(onion b)" "$port" >"$T/routes"
listen
wait_for listens "$port" || bail 'no listener'

# Three messages of which each is known by its number, sealed into $T/sealed.
sent=0
seal() {
	for _ in 1 2 3; do
		sent=$((sent + 1))
		printf 'message %d\n' "$sent"
	done | tee -a "$T/texts" | as a mp-seal -l -t b >"$T/sealed" || bail 'cannot seal'
	sent=$(wc -l <"$T/texts")
}

# Until mp-send says that it has them: what it was killed over is given to it again.
send() {
	rc=0
	MP_HOME=$T/a "$@" mp-send -v -w 5 <"$T/sealed" >>"$T/reports" 2>>"$T/send.err" || rc=$?
	[ "$rc" -eq 0 ] || [ "$rc" -eq 111 ]
}

: >"$T/texts"
seal
ok 'a first round without a kill' send env
takes_send=$(MP_HOME=$T/a microseconds sh -c 'exec mp-send -w 5 <"$1" >/dev/null' sh "$T/sealed")
takes_inbox=$(MP_HOME=$T/b microseconds mp-inbox -x "$T/hook")

note "mp-send takes $takes_send us, mp-inbox $takes_inbox us"
n_send=0 n_recv=0 n_inbox=0 wrong=0 round=0
while [ $((n_send + n_recv + n_inbox)) -lt "$kills" ] && [ "$round" -lt $((kills * 20)) ]; do
	round=$((round + 1))
	seal
	draw 3
	case $random in
	0)
		tries=0
		draw "$takes_send"
		until send kill_after "$random"; do
			# A kill, or a failure that is none of ours.
			[ "$rc" -eq 137 ] || { wrong=$((wrong + 1)) && break; }
			n_send=$((n_send + 1))
			# Faster than a loaded machine: then it is let alone.
			tries=$((tries + 1))
			random=9000000
			[ "$tries" -ge 3 ] || draw $((takes_send * 2))
		done
		;;
	1)
		draw "$takes_send"
		(
			send env
		) &
		sender=$!
		if perl -MTime::HiRes=usleep -e 'usleep $ARGV[0]; exit !kill 9, $ARGV[1]' "$random" "$receiver"; then
			n_recv=$((n_recv + 1))
		fi
		wait "$receiver" 2>/dev/null
		listen
		wait_for listens "$port" || bail 'the listener does not come back'
		wait "$sender" || wrong=$((wrong + 1))
		;;
	2)
		send env || wrong=$((wrong + 1))
		draw "$takes_inbox"
		rc=0
		MP_HOME=$T/b kill_after "$random" mp-inbox -x "$T/hook" 2>>"$T/inbox.err" || rc=$?
		case $rc in
		137) n_inbox=$((n_inbox + 1)) ;;
		0 | 1) ;;
		*) wrong=$((wrong + 1)) ;;
		esac
		;;
	esac
done
note "killed: mp-send $n_send, mp-recv $n_recv, mp-inbox $n_inbox; messages: $sent"
ok "$kills kills" [ $((n_send + n_recv + n_inbox)) -ge "$kills" ]
is 'each of them hit something' "$((n_send > 0)) $((n_recv > 0)) $((n_inbox > 0))" '1 1 1'
is 'nothing failed but what was killed' "$wrong" 0

# --- Now in peace.
empty() {
	as a mp-queue flush -w 5 2>>"$T/send.err"
	as a mp-queue list >"$T/queue"
	[ $? -eq 1 ]
}
ok 'the queue runs empty' wait_for empty
as b mp-inbox -a | awk -F '\t' '$1 == "in" && $2 == "message" { print $7 }' >"$T/stored"
is 'every message arrived, in whatever order the restarts made' "$(sort "$T/stored" | uniq)" "$(sort "$T/texts")"
is 'none is stored twice' "$(sort "$T/stored" | uniq -d)" ''
as b mp-inbox -a | cut -f 4 | sort -u >"$T/ids"
is 'what mp-send called sent is there' "$(awk -F '\t' '$1 == "sent" { print $4 }' "$T/reports" | sort -u | comm -23 - "$T/ids")" ''
ok 'mp-send called some sent' grep -q '^sent' "$T/reports"
done_with() {
	as b mp-inbox -x "$T/hook" 2>>"$T/inbox.err"
	as b mp-inbox >"$T/new"
	[ $? -eq 1 ]
}
ok 'the hooks come to an end' wait_for done_with
as b mp-inbox -a | awk -F '\t' '$1 == "in" && $2 == "message" { print $4 }' | sort >"$T/ids"
sort -u "$T/hooked" >"$T/hooked.ids"
is 'the hook ran for every message' "$(comm -23 "$T/ids" "$T/hooked.ids")" ''
for n in a b; do
	ok "the store of $n is sound" as "$n" mp-store check
done
[ "$failed" -eq 0 ] || note "$(tail -n 5 "$T"/*.err)"
finish
