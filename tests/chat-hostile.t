#!/bin/sh
# Every verification of the chat server that fails ends in silence and a closed connection; nobody else notices.
# shellcheck disable=SC2154 # of chat.sh
. "$(dirname "$0")/lib.sh"

command -v python3 >/dev/null || skip_all "python3 is not installed"
command -v openssl >/dev/null || skip_all "openssl is not installed"
. "$ROOT/tests/chat.sh"
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE
chat_server
chat_user alice
chat_user bob
python3 "$ROOT/tests/tools/chat.py" hostile "$where" "$T/key" alice pw-alice >"$T/tap" 2>"$T/err" || note "$(cat "$T/err")"
ok 'it came to its end' grep -q '^1\.\.' "$T/tap"
while read -r line; do
	case $line in
	'ok - '*) result 0 "${line#ok - }" ;;
	'not ok - '*) result 1 "${line#not ok - }" ;;
	esac
done <"$T/tap"
ok 'the server lives' kill -0 "$chatd"
chat_session alice bob
echo 'still here' | as alice mp-chat talk -l "$sid" >/dev/null
like 'and serves' "$(as bob mp-chat talk "$sid" </dev/null)" 'still here'
kill "$chatd"
wait "$chatd"
is 'and ends well' "$?" 0
finish
