#!/bin/sh
# mp-inbox: what is new, the history, following, and hooks.
# shellcheck disable=SC2154 # pid is set by start
. "$(dirname "$0")/lib.sh"

export T
fresh_home() { # NAME: with the contacts alice and bob
	home "$1"
	mp-keygen >/dev/null
	mp-contact offer alice 2>/dev/null | cat >/dev/null
	mp-contact offer bob 2>/dev/null | cat >/dev/null
}
stow() { "$BUILD/tools/stow"; }
message() { # CONTACT TEXT [ID]
	printf 'in\tmessage\t%s\t%s\t-\t-\t%s\n' "$1" "${3:--}" "$2"
}
hex() { printf '%032x' "$1"; }
sql() { sqlite3 "$MP_HOME/store.db" "$1"; }
# As if the time of all backing off were over.
hurry() { sql 'UPDATE message SET due = 1 WHERE state = 0 AND due > 0'; }
state() { sql "SELECT state FROM message WHERE lower(hex(id)) = '$1'"; }
hook() { # NAME < script
	{ printf '#!/bin/sh\n' && cat; } >"$T/$1"
	chmod 700 "$T/$1"
}

# New, or not.
fresh_home a
exits 1 mp-inbox
is "nothing new says nothing" "$(cat "$T/out" "$T/err")" ""
{
	message alice one "$(hex 1)"
	message bob two "$(hex 2)"
	printf 'event\twarning\t-\t%s\t-\t-\tsomething happened\n' "$(hex 3)"
	printf 'was\tmessage\talice\t%s\t2026-11-20T10:00:00Z\t-\tsent\n' "$(hex 4)"
	message alice three "$(hex 5)"
} | stow
exits 0 mp-inbox
is "in order of arrival, without what we sent" "$(cut -f1,3,7 "$T/out" | tr '\t\n' ' ;')" \
	"in alice one;in bob two;event - something happened;in alice three;"
is "it is only a peek" "$(mp-inbox)" "$(cat "$T/out")"
like "a record as mp-records has it" "$(head -n 1 "$T/out")" \
	"^in${TAB}message${TAB}alice${TAB}$(hex 1)${TAB}20[-0-9]*T[0-9:]*\.[0-9]{3}Z${TAB}-${TAB}one\$"
is "-t: one contact" "$(mp-inbox -t bob | cut -f7)" two
exits 1 mp-inbox -t nobody
is "no such contact: one line" "$(cat "$T/err")" "mp-inbox: no contact 'nobody'"
is "-j: the same in NDJSON" "$(mp-inbox -j | mp-show)" "$(mp-inbox | mp-show)"
like "-j is NDJSON" "$(mp-inbox -j)" '^\{"class":"in","kind":"message","contact":"alice",'
mp-mark "$(hex 1)"
is "what is read is not new" "$(mp-inbox | cut -f7 | tr '\n' ' ')" "two something happened three "
is "-a: all, in order of arrival" "$(mp-inbox -a | cut -f1,7 | tr '\t\n' ' ;')" \
	"in one;in two;event something happened;was sent;in three;"
is "-a -t" "$(mp-inbox -a -t alice | cut -f1,7 | tr '\t\n' ' ;')" "in one;was sent;in three;"
mp-inbox | mp-mark
exits 1 mp-inbox
exits 0 mp-inbox -a
message alice x | stow
exits 111 sh -c 'mp-inbox >/dev/full'

# A reader that leaves: an error, no signal.
i=0
while [ $i -lt 3000 ]; do
	message alice "a longer text, so that the pipe is full before all of them are written $i"
	i=$((i + 1))
done | stow
mkfifo "$T/fifo"
(mp-inbox >"$T/fifo" 2>"$T/err"; echo $? >"$T/status") &
head -n 1 <"$T/fifo" >/dev/null
wait $!
is "a reader that leaves is an error" "$(cat "$T/status")" 100
is "of one line" "$(wc -l <"$T/err" | tr -d ' ')" 1

# Following.
fresh_home f
message alice before | stow
start mp-inbox -f >"$T/follow" 2>"$T/err"
follower=$pid
ok "-f prints what is new already" wait_for grep -q before "$T/follow"
message alice first | stow
ok "and what comes" wait_for grep -q first "$T/follow"
mp-inbox | mp-mark
message bob second | stow
ok "and comes" wait_for grep -q second "$T/follow"
rm "$MP_HOME/run/inbox"
message bob third | stow
ok "also when run/inbox was made again" wait_for grep -q third "$T/follow"
is "each once" "$(cut -f7 "$T/follow" | tr '\n' ' ')" "before first second third "
ok "it still runs" kill -0 "$follower"
kill "$follower"
wait "$follower"
is "SIGTERM ends it well" "$?" 0
is "and in silence" "$(cat "$T/err")" ""
(
	trap '' HUP
	exec mp-inbox -f
) >"$T/nohup" &
p=$!
message alice under-nohup | stow
wait_for grep -q under-nohup "$T/nohup"
kill -HUP $p
message alice after-it | stow
ok "a signal that is ignored stays ignored" wait_for grep -q after-it "$T/nohup"
kill $p
wait $p
is "SIGTERM still ends it" "$?" 0
mp-inbox | grep -E 'nohup|after-it' | mp-mark
mkfifo "$T/fifo2"
(mp-inbox -f >"$T/fifo2"; echo $? >"$T/status") &
p=$!
head -n 1 <"$T/fifo2" >/dev/null
wait $p
is "ends when the reader leaves, without a message" "$(cat "$T/status")" 0
start mp-inbox -f -a -t bob >"$T/follow"
wait_for grep -q second "$T/follow"
message alice not-bob | stow
message bob fourth | stow
ok "-a -f -t goes on after the history" wait_for grep -q fourth "$T/follow"
is "of that contact" "$(cut -f7 "$T/follow" | tr '\n' ' ')" "second third fourth "
kill "$pid"
wait "$pid"
mp-inbox | mp-mark
exits 1 mp-inbox -f -w 1s
is "-w: the time without news is over" "$(cat "$T/out" "$T/err")" ""

# Hooks: what they get.
fresh_home h
hook dump <<'END'
printf '%s|' "$MP_KIND" "$MP_CONTACT" "$MP_ID" "$MP_TIME" "$MP_REF" "$MP_FILE" "$#" "$@"
cat | od -An -v -tx1 | tr -d ' \n'
echo
echo to-stderr >&2
END
exits 1 mp-inbox -x "$T/dump"
printf 'in\tmessage\talice\t%s\t2026-11-20T10:16:34.123Z\tclimbers\ta\\n\\0000\\0377b\n' "$(hex 1)" | stow
exits 0 mp-inbox -x "$T/dump" one 'two three'
is "body, environment, arguments" "$(cat "$T/out")" \
	"message|alice|$(hex 1)|2026-11-20T10:16:34.123Z|climbers||2|one|two three|610a00ff62"
is "its standard error is ours" "$(cat "$T/err")" to-stderr
is "exit 0 marks" "$(state "$(hex 1)")" 1
exits 1 mp-inbox -x "$T/dump"
printf 'in\tfile\tbob\t%s\t-\t-\t{"name":"x","path":"/home/a/files/bob/x y","size":1}\n' "$(hex 2)" | stow
exits 0 mp-inbox -x "$T/dump"
like "a file's path is in MP_FILE" "$(cat "$T/out")" "^file\|bob\|$(hex 2)\|[^|]*\|\|/home/a/files/bob/x y\|0\|"
like "and the JSON on standard input" "$(cat "$T/out")" "$(printf '{"name":"x"' | od -An -tx1 | tr -d ' \n')"
printf 'in\tmessage\tbob\t%s\t-\t-\t{"path":"/etc/passwd"}\n' "$(hex 3)" | stow
exits 0 env MP_FILE=leftover mp-inbox -x "$T/dump"
like "a message cannot set MP_FILE" "$(cat "$T/out")" "^message\|bob\|$(hex 3)\|[^|]*\|\|\|0\|"
printf 'event\twarning\t-\t%s\t-\t-\tlow\n' "$(hex 4)" | stow
exits 0 mp-inbox -x "$T/dump"
like "an event without a contact" "$(cat "$T/out")" "^warning\|\|$(hex 4)\|"
perl -e 'print "in\tmessage\talice\t-\t-\t-\t", "\\0001\\0000" x 32768, "\n"' | stow
exits 0 mp-inbox -x sh -- -c 'wc -c'
is "64 KiB of body, a program on PATH, arguments with a dash" "$(tr -d ' ' <"$T/out")" 65536
perl -e 'print "in\tmessage\talice\t-\t-\t-\t", "x" x 65536, "\n"' | stow
exits 0 mp-inbox -x true
message alice x | stow
exits 111 mp-inbox -x sh -- -c 'kill -PIPE $$; exit 0'
like "SIGPIPE is not ignored in a hook; a signal is a failure" "$(cat "$T/err")" 'was killed by signal 13'
hurry
exits 0 mp-inbox -x true

# A real file, from a real contact.
meet him her
head -c 300000 /dev/urandom >"$T/a file.bin"
as him mp-seal -t her -f "$T/a file.bin" >"$T/sealed"
as her mp-take <"$T/sealed"
home her
exits 0 mp-inbox -x sh -- -c 'case $MP_KIND in file) cp "$MP_FILE" "$T/copy" ;; esac'
ok "MP_FILE is the file that came" cmp "$T/a file.bin" "$T/copy"

# What its exit status does.
fresh_home s
message alice giveup "$(hex 1)" | stow
message bob good "$(hex 2)" | stow
hook status <<'END'
[ "$(cat)" = giveup ] && exit 100
exit 0
END
exits 100 mp-inbox -x "$T/status"
is "100 gives it up" "$(state "$(hex 1)")" 2
is "the next one is worked on" "$(state "$(hex 2)")" 1
like "and it is said" "$(cat "$T/err")" "^mp-inbox: alice: hook exited 100 on $(hex 1): given up\$"
exits 1 mp-inbox
like "it stays in the history" "$(mp-inbox -a)" giveup

message alice again "$(hex 3)" | stow
message alice next "$(hex 4)" | stow
hook fail <<'END'
echo "$MP_ID"
[ "$(cat)" = again ] && exit 3
exit 0
END
exits 111 mp-inbox -x "$T/fail"
like "another status is tried again" "$(cat "$T/err")" "^mp-inbox: alice: hook exited 3 on $(hex 3): again in 30 s\$"
is "what backs off does not hold up the next" "$(state "$(hex 4)")" 1
exits 1 mp-inbox -x "$T/fail"
is "not before its time" "$(cat "$T/out")" ""
like "it stays new" "$(mp-inbox)" again
try=2
for wait in 60 120 240 480 960 1920 3600 3600; do
	hurry
	mp-inbox -x "$T/fail" >/dev/null 2>"$T/err"
	rc=$?
	is "try $try: 111, $wait s" "$rc $(sed -n 's/.*again in \([0-9]*\) s$/\1/p' "$T/err")" "111 $wait"
	try=$((try + 1))
done
due=$(sql "SELECT due - 1000 * strftime('%s', 'now') FROM message WHERE state = 0")
ok "it is due in about an hour ($due ms)" [ "$due" -gt 3590000 -a "$due" -lt 3602000 ]
hurry
exits 100 mp-inbox -x "$T/fail"
like "the tenth try is the last" "$(cat "$T/err")" 'given up$'
is "then it is given up" "$(state "$(hex 3)")" 2

# A program that is not there uses up no tries.
message alice patient "$(hex 5)" | stow
exits 100 mp-inbox -x "$T/missing"
exits 100 mp-inbox -x missing-program-of-mp
is "no such program: one line" "$(cat "$T/err")" "mp-inbox: cannot run 'missing-program-of-mp': not found on PATH"
: >"$T/plain"
exits 100 mp-inbox -x "$T/plain"
printf '#!/nonexistent/interpreter\n' >"$T/noexec"
chmod 700 "$T/noexec"
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do mp-inbox -x "$T/noexec" >/dev/null 2>&1; done
exits 100 mp-inbox -x "$T/noexec"
is "one that cannot be started gives no message up" "$(state "$(hex 5)")" 0
exits 0 mp-inbox -x true

# Time.
fresh_home t
message alice slow "$(hex 1)" | stow
hook hang <<'END'
sleep 600 &
echo $! >"$T/grandchild"
echo $$ >"$T/child"
sleep 600
END
export T
exits 111 timeout 20 mp-inbox -w 1s -x "$T/hang"
like "took too long" "$(cat "$T/err")" 'took too long on .*: again in 30 s'
dead() { ! kill -0 "$(cat "$1")" 2>/dev/null || grep -q '^State:.Z' "/proc/$(cat "$1")/status"; }
ok "it was killed" wait_for dead "$T/child"
ok "and its children" wait_for dead "$T/grandchild"
printf 'hook.timeout = 1s\n' >"$MP_HOME/config"
hurry
exits 111 timeout 20 mp-inbox -x "$T/hang"
rm "$MP_HOME/config"
hurry
hook daemon <<'END'
sleep 30 &
echo $! >"$T/daemon.pid"
exit 0
END
before=$(date +%s)
exits 0 mp-inbox -x "$T/daemon"
ok "nothing that it leaves running is waited for" [ $(($(date +%s) - before)) -lt 10 ]
ok "and it may run on" kill -0 "$(cat "$T/daemon.pid")"
kill "$(cat "$T/daemon.pid")"

# Two at once: each message once.
fresh_home two
i=0
while [ $i -lt 60 ]; do
	message alice "$i"
	message bob "$i"
	i=$((i + 1))
done | stow
hook count <<'END'
printf '%s %s\n' "$MP_CONTACT" "$(cat)"
END
for i in 1 2 3 4; do
	mp-inbox -x "$T/count" >"$T/count.$i" 2>&1 &
	ours="${ours:-} $!"
done
# shellcheck disable=SC2086 # a list
wait $ours
# Whoever found the contacts taken went away; the rest is for whoever comes last.
mp-inbox -x "$T/count" >"$T/count.5"
is "four at once: each message once" "$(cat "$T"/count.[1-5] | sort | uniq -c | awk '$1 == 1' | wc -l | tr -d ' ')" 120
is "and no more" "$(cat "$T"/count.[1-5] | wc -l | tr -d ' ')" 120
fresh_home order
i=0
while [ $i -lt 20 ]; do
	message alice "$i"
	i=$((i + 1))
done | stow
exits 0 mp-inbox -x cat
is "in order" "$(cat "$T/out")" "012345678910111213141516171819"

# Killed at work: the hook dies too, the next run tries again.
fresh_home k
message alice important "$(hex 1)" | stow
hook linger <<'END'
echo $$ >"$T/child"
exec sleep 600
END
rm -f "$T/child"
start mp-inbox -x "$T/linger"
wait_for [ -s "$T/child" ]
exits 1 mp-inbox -x true
is "while it is worked on nobody else takes it" "$(state "$(hex 1)")" 0
kill -9 "$pid"
wait "$pid" 2>/dev/null
ok "the hook dies with it" wait_for dead "$T/child"
exits 0 mp-inbox -x true
is "and the message is done by the next run" "$(state "$(hex 1)")" 1

# Told to end: the hook gets SIGTERM, and what it answers counts.
message alice polite "$(hex 2)" | stow
hook polite <<'END'
trap 'kill $! 2>/dev/null; exit 0' TERM
sleep 600 &
echo $$ >"$T/child"
wait
END
rm -f "$T/child"
start mp-inbox -f -x "$T/polite"
wait_for [ -s "$T/child" ]
kill "$pid"
wait "$pid"
is "-f -x ends well" "$?" 0
is "a hook that finishes is believed" "$(state "$(hex 2)")" 1
message alice rude "$(hex 3)" | stow
rm -f "$T/child"
start mp-inbox -x "$T/linger" 2>"$T/err"
wait_for [ -s "$T/child" ]
kill "$pid"
wait "$pid"
is "one that does not: 111" "$?" 111
like "was stopped" "$(cat "$T/err")" 'was stopped on .*: again in 0 s'
exits 0 mp-inbox -x true

# Following with a hook.
start mp-inbox -f -x "$T/count" >"$T/hooked"
message alice hooked-1 | stow
ok "-f -x runs it for what comes" wait_for grep -q hooked-1 "$T/hooked"
message bob hooked-2 | stow
ok "and comes" wait_for grep -q hooked-2 "$T/hooked"
kill "$pid"
wait "$pid"
exits 100 timeout 10 mp-inbox -f -x "$T/missing"

# Usage.
exits 100 mp-inbox extra
exits 100 mp-inbox -z
exits 100 mp-inbox -a -x true
exits 100 mp-inbox -j -x true
exits 100 mp-inbox -t alice -x true
exits 100 mp-inbox -w 1s
exits 100 mp-inbox -f -w soon
exits 100 mp-inbox -w 0 -x true
exits 100 mp-inbox -x
exits 100 env MP_HOME="$T/none" mp-inbox
exits 100 env MP_HOME="$T/none" mp-inbox -x true
finish
