#!/bin/sh
# What every command keeps: classes it does not know, records in either form, an output that cannot be written, the
# mail of cron, what ps shows.
# shellcheck disable=SC2154 # pid: of lib.sh
. "$(dirname "$0")/lib.sh"

meet a b
meet b c
echo hello | as b mp-seal -t a >"$T/sealed"
echo again | as b mp-seal -t a >"$T/sealed2"
as a mp-take <"$T/sealed"
as a mp-inbox -a >"$T/history"
head -c 30000000 /dev/zero >"$T/huge"
as b mp-seal -t a -f "$T/huge" >"$T/file"
sed -n 1p "$T/file" | as a mp-take
id=$(sed -n 1p "$T/file" | cut -f 4)

# --- A class that is not of the closed set; a record that was cut off.
printf 'foo\tmessage\ta\t%032d\t2026-01-01T00:00:00.000Z\t-\tx\n' 7 >"$T/foo"
printf 'in\tmessage\tb\t%032d\t2026-01-01T00:00:00.000Z\t-\tx' 7 >"$T/cut"
for c in mp-seal mp-open mp-send mp-take mp-mark mp-show; do
	for f in foo cut; do
		# shellcheck disable=SC2016 # for the inner shell
		exits 100 as a sh -c '"$1" <"$2"' - "$c" "$T/$f"
		is '... in one line that names the input' "$(sed 's/:1: .*/:1/' "$T/err")" "$c: standard input:1"
		is '... prints nothing' "$(cat "$T/out")" ''
	done
done

# --- Either form is read wherever a record is read, by columns and by name.
as b mp-seal -j -t a <"$T/cut" >"$T/sealed.j"
like 'a sealed one in NDJSON' "$(cat "$T/sealed.j")" '^\{"class":"sealed"'
# shellcheck disable=SC2016 # for the inner shell
reads() { # HOME STATUS PROGRAM
	exits "$2" as "$1" sh -c '"$1" <"$2"' - "$3" "$T/sealed.j"
}
reads a 0 mp-open
like '... and opened' "$(cat "$T/out")" "^in${TAB}message${TAB}b${TAB}"
reads a 0 mp-take
like '... and taken' "$(as a mp-inbox | tail -n 1)" "^in${TAB}message${TAB}b${TAB}.*${TAB}2026|${TAB}in"
as a mp-inbox -j | tail -n 1 >"$T/sealed.j"
reads a 0 mp-show
reads a 0 mp-mark
unlike '... and marked' "$(as a mp-inbox -j)" "$(sed 's/.*"id":"\([0-9a-f]*\)".*/\1/' "$T/sealed.j")"

# --- An output that is full, closed, or whose reader has gone: an error in one line, never a signal.
mkfifo "$T/pipe"
prints() { # HOME CMD ...: it prints; and says so when it cannot
	home "$1"
	shift
	for way in full closed gone; do
		rm -rf "$T/copy"
		cp -R "$MP_HOME" "$T/copy"
		rc=0
		case $way in
		full) MP_HOME=$T/copy "$@" >/dev/full 2>"$T/err" || rc=$? ;;
		closed) MP_HOME=$T/copy "$@" >&- 2>"$T/err" || rc=$? ;;
		gone)
			exec 5<>"$T/pipe" 6>"$T/pipe" 5>&-
			MP_HOME=$T/copy "$@" >&6 2>"$T/err" || rc=$?
			exec 6>&-
			;;
		esac
		case $rc in
		100 | 111) result 0 "$*: output $way: $rc" ;;
		*) result 1 "$*: output $way" && note "exit status $rc" ;;
		esac
		is "... one line" "$(wc -l <"$T/err" | tr -d " ")" 1
	done
	unset MP_HOME
}
in_() { # FILE CMD ...
	in_file=$1
	shift
	"$@" <"$in_file"
}
printf 'in\tmessage\ta\t-\t-\t-\thello\n' >"$T/record"
prints a mp-contact list
prints a mp-contact show b
prints a mp-inbox
prints a mp-inbox -a -j
prints a mp-file list
prints a mp-file accept "$id"
prints a mp-store export
prints b in_ "$T/record" mp-seal
prints b in_ "$T/record" mp-seal -t a
prints b in_ "$T/record" mp-show
prints a in_ "$T/sealed2" mp-open
prints a mp-otr show
prints a mp-otr file "$T/record"
as a mp-otr trust bob "$(as b mp-otr show)"
prints a mp-otr list
as b mp-seal -t a <"$T/record" | as b mp-send -w 0
prints b mp-queue list
prints b mp-queue flush -v -w 0
prints b mp-ping -w 1 a
prints b mp-mesh keys
as b mp-mesh servers add "$(onion c)"
prints b mp-mesh servers
prints b in_ "$T/sealed2" mp-mesh post
as a mp-file accept "$id" >/dev/null
prints a mp-due
for c in "$BUILD"/bin/mp-*; do
	exits 111 sh -c '"$1" -h >/dev/full' - "$c"
done

# --- What is opened is printed when the input pauses.
mkfifo "$T/fifo"
start env MP_HOME="$T/a" sh -c 'exec mp-open <"$1" >"$2"' - "$T/fifo" "$T/slow"
exec 4>"$T/fifo"
cat "$T/sealed2" >&4
ok 'mp-open prints a record while its input is open' wait_for grep -qs again "$T/slow"
exec 4>&-
wait "$pid"
is '... and ends with it' "$?" 0

# --- However much there is to open and to show, memory stays.
room=160000
sanitized && room=unlimited
yes "$(cat "$T/sealed2")" | head -n 60000 >"$T/many"
ok '120 MB of sealed records in 160 MB of address space' \
	sh -c 'ulimit -v "$2"; MP_HOME=$3 mp-open <"$1" >/dev/null' - "$T/many" "$room" "$T/a"
ok '... shown' sh -c 'ulimit -v "$2"; mp-show <"$1" >/dev/null' - "$T/many" "$room"
ok '... taken' sh -c 'ulimit -v "$2"; MP_HOME=$3 mp-take <"$1"' - "$T/many" "$room" "$T/a"
rm "$T/many"

# --- A person at a terminal sees how far a file is; nobody else does.
if command -v python3 >/dev/null; then
	head -c 3000000 /dev/zero >"$T/shown"
	# shellcheck disable=SC2016 # for the inner shell
	as b python3 -c 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)' \
		sh -c 'mp-seal -t a -f "$1" >/dev/null' - "$T/shown" >"$T/out"
	like 'progress on a terminal' "$(tr '\r' '\n' <"$T/out")" '2 of 2 MiB'
	as b mp-seal -t a -f "$T/shown" >/dev/null 2>"$T/err"
	is 'none elsewhere' "$(cat "$T/err")" ''

	# ... and how much of it has arrived.
	serve_tls a
	as b mp-seal -t a -f "$T/shown" >"$T/sealed3"
	# shellcheck disable=SC2016 # for the inner shell
	as b python3 -c 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)' \
		sh -c 'mp-send <"$1" >/dev/null' - "$T/sealed3" >"$T/out"
	like 'progress of what arrived' "$(tr '\r' '\n' <"$T/out")" '^a: 2 of 2 MiB'
	as b mp-seal -t a -f "$T/shown" | as b mp-send 2>"$T/err"
	is 'and none elsewhere' "$(cat "$T/err")" ''
fi

# --- What a receiving connection costs: 12 MiB, an envelope of the largest kind included.
sed -n 2p "$T/file" | cut -f 7 | openssl base64 -d -A >"$T/body"
cat >"$T/rss" <<'END'
import os, sys
pid = os.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
usage = os.wait4(pid, 0)[2]
open(sys.argv[1], "w").write(str(usage.ru_maxrss) + "\n")
END
if command -v python3 >/dev/null && ! sanitized; then
	as a perl "$ROOT/tests/post.pl" python3 "$T/rss" "$T/kib" mp-recv <"$T/body" >"$T/answer"
	like 'a chunk is answered' "$(head -n 1 "$T/answer")" ' 20[04] '
	# What fork() left of python counts in maxrss until exec; it is below.
	note "$(cat "$T/kib") KiB"
	ok 'mp-recv stays under 12 MiB' [ "$(cat "$T/kib")" -le 12288 ]
fi
finish
