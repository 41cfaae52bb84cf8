#!/bin/sh
# mp-otr over session chat: the line of its manual, with a FIFO in the place of the terminal.
# shellcheck disable=SC2154 # sid: of chat.sh
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/chat.sh"
command -v jq >/dev/null || skip_all 'jq is not installed'

chat_server
chat_user ann
chat_user ben
chat_session ann ben
line=$(awk '/^session=/ { on = 1 } on && /^\.Ed/ { exit } on' "$ROOT/man/mp-otr.1" | sed 's/\\e/\\/g')
like 'the manual has the line' "$line" 'mp-chat talk'
for n in ann ben; do
	mkfifo "$T/tty.$n"
	printf '%s\n' "$line" | sed -e "s,^session=.*,session=$sid," -e "s,PREFIX/share/mp,$ROOT/share," -e "s/ alice/ $n/" >"$T/line.$n"
	(home $n && OTR='-w 60' exec sh "$T/line.$n") <"$T/tty.$n" >"$T/shown.$n" 2>"$T/err.$n" 7>&- &
	eval "pid_$n=$!"
	pids="$pids $!"
	[ "$n" = ann ] && exec 7>"$T/tty.ann"
done
exec 8>"$T/tty.ben"
shows() { grep -Eqs -- "$2" "$T/shown.$1"; }
for n in ann ben; do
	ok "$n is in a session" wait_for shows $n otr-open
done
echo 'sealed twice' >&7
ok 'what is said is heard' wait_for shows ben 'sealed twice$'
is 'the server has nothing of it, nor a hello' "$(cat "$T"/chatd/* 2>/dev/null | grep -aoE 'sealed twice|mpotr' | sort -u)" ''
exec 7>&-
ok 'one leaves: both saw the same' wait_for shows ann otr-verified
ok '... both' wait_for shows ben otr-verified
wait "$pid_ann"
is '... in order' $? 0
ok 'his last line, the published key, is there' wait_for shows ben otr-published
exec 8>&-
wait "$pid_ben"
is 'so does the other' $? 0
is 'without a complaint' "$(cat "$T"/err.*)" ''
finish
