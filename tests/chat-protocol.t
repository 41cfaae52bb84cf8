#!/bin/sh
# The protocol of session chat: its manual against the code, and a client and a server that were written from the manual
# in another language.
# shellcheck disable=SC2154 # pid: of lib.sh
. "$(dirname "$0")/lib.sh"

command -v python3 >/dev/null || skip_all "python3 is not installed"
command -v openssl >/dev/null || skip_all "openssl is not installed"
py=$ROOT/tests/tools/chat.py
man=$ROOT/man/mp-chat-protocol.7
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE

table() {
	awk -v want=".\\\\\" $1 states" '
		$0 == want { on = 1; next }
		on && /^\.Ed/ { exit }
		on && !/^\./ { gsub(/  */, " "); print }' "$man"
}
for t in server client session; do
	is "the $t states are those of the code" "$(table "$t")" "$("$BUILD/tools/chat-states" "$t")"
done

. "$ROOT/tests/chat.sh"
chat_server
chat_user alice
chat_user bob

# --- A client in Python talks to mp-chatd.
# shellcheck disable=SC2024 # our own file
start sh -c 'exec python3 "$@" >"$0"' "$T/py.out" "$py" client "$where" "$T/key" bob pw-bob 'hello from python'
python=$pid
sid=$(as alice mp-chat init bob)
like 'a session with it' "$sid" '^[0-9a-f]{16}$'
echo 'hello from C' | as alice mp-chat talk -l "$sid" >"$T/alice.out" || note "$(cat "$T/alice.out")"
said() {
	as alice mp-chat talk -l "$sid" </dev/null >>"$T/alice.out"
	grep -q 'hello from python' "$T/alice.out"
}
ok 'mp-chat hears the client in Python' wait_for said
is '... once' "$(grep -c 'hello from python' "$T/alice.out")" 1
wait "$python"
is 'which ends well' "$?" 0
is '... and has heard mp-chat' "$(cat "$T/py.out")" 'alice: hello from C'

# --- A server in Python, for mp-chat.
start sh -c 'exec python3 "$@" >"$0"' "$T/server.out" "$py" server "$T/key2" dave pw-dave 'hello from the other server'
ok 'a server in Python is there' wait_for [ -s "$T/key2" ]
port=$(head -n 1 "$T/server.out")
chat_account dave "127.0.0.1:$port" "$T/key2"
sid2=1234567890abcdef
exits 0 as dave mp-chat accept "$sid2"
echo 'hello from dave' | as dave mp-chat talk -l "$sid2" >"$T/dave.out" || note "$(cat "$T/dave.out")"
like 'mp-chat hears the creator in Python' "$(cat "$T/dave.out")" "^in${TAB}message${TAB}carol${TAB}.*${TAB}hello from the other server\$"
ok 'and the server in Python hears it' wait_for grep -qx 'hello from dave' "$T/server.out"
kill "$pid"
finish
