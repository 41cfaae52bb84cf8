#!/bin/sh
# The commands that have nothing to do with a network make no socket at all, under any circumstances.
# not under the sanitizers: strace
. "$(dirname "$0")/lib.sh"

command -v strace >/dev/null || skip_all "no strace here"
strace -f -o "$T/trace" true 2>/dev/null || skip_all "strace may not trace here"

quiet() { # NAME CMD: no system call of the network family
	quiet_name=$1
	shift
	strace -f -e trace=%network -o "$T/trace" "$@" >"$T/out" 2>"$T/err"
	is "$quiet_name: no socket" "$(grep -E '(socket|connect|sendto|sendmsg)\(' "$T/trace")" ""
}
meet a b
echo hello | as a mp-seal -t b >"$T/sealed"
as a mp-inbox -a >"$T/records"
strace -f -e trace=%network -o "$T/trace" perl -MSocket -e 'socket(my $s, PF_INET, SOCK_STREAM, 0)'
ok "the test would see one" grep -q 'socket(' "$T/trace"

home new
quiet mp-keygen mp-keygen
home a
quiet "mp-contact offer" mp-contact offer x
cp "$T/out" "$T/card"
quiet "mp-contact list" mp-contact list
quiet "mp-contact show" mp-contact show b
home new
quiet "mp-contact accept" sh -c 'mp-contact accept alice <"$1"' - "$T/card"
quiet "mp-contact remove" mp-contact remove alice
home a
quiet mp-seal sh -c 'echo text | mp-seal -t b'
quiet "mp-seal -f" mp-seal -t b -f "$T/card"
home b
quiet mp-open sh -c 'mp-open <"$1"' - "$T/sealed"
like "it did open it" "$(cat "$T/out")" hello
quiet mp-take sh -c 'mp-take <"$1"' - "$T/sealed"
quiet mp-inbox mp-inbox
like "there was something" "$(cat "$T/out")" hello
quiet "mp-inbox -x" mp-inbox -x cat
quiet "mp-inbox -f" mp-inbox -f -w 0
quiet mp-mark mp-mark 00112233445566778899aabbccddeeff
quiet mp-show sh -c 'mp-show <"$1"' - "$T/records"
quiet mp-due mp-due
quiet "mp-file list" mp-file list
quiet "mp-queue list" mp-queue list
quiet "mp-store check" mp-store check
quiet "mp-otr show" mp-otr show
quiet "mp-otr trust" mp-otr trust somebody "$(cat "$T/out")"
quiet "mp-otr list" mp-otr list
quiet "mp-otr file" mp-otr file "$T/card"
quiet "mp-otr forget" mp-otr forget somebody
# A session asks its transport whether it is a socket, and makes none.
strace -f -e trace=socket,connect -o "$T/trace" mp-otr -r cafe -n b <"$T/card" 3<"$T/card" 4>"$T/heard" >"$T/said" 2>"$T/err"
like "mp-otr: it said hello" "$(cat "$T/said")" '^{"mpotr":1,"type":"hello"'
is "mp-otr: no socket" "$(grep -E '(socket|connect)\(' "$T/trace")" ""
finish
