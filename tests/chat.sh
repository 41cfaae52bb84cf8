# chat.sh: a chat server and its users, for tests.  Sourced behind lib.sh.
#
#   chat_server [OPTION ...]   mp-chatd on a free port, its folder $T/chatd, its key in $T/key; sets $where, $chatd (pid)
#   chat_again                 the same once more, on the same port, after it ended
#   chat_user NAME             a user at the server and a home $T/NAME whose default account he is
#   chat_session NAME OTHER... a session that NAME opened and the others accepted; sets $sid
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # lib.sh's and the tests'

MP_CHATD=$T/chatd
export MP_CHATD

chat_start() { # OPTION ...
	rm -f "$T/ready"
	# shellcheck disable=SC2016 # for the inner shell
	start sh -c 'out=$1; shift; exec mp-chatd -r 9 "$@" 9>"$out"' sh "$T/ready" "$@"
	chatd=$pid
	wait_for grep -qs ready "$T/ready" || bail 'mp-chatd does not start'
	where=$(cut -d ' ' -f 2 "$T/ready")
}

chat_server() {
	mp-chatd key >"$T/key" || bail 'no key'
	chat_start -l 127.0.0.1:0 "$@"
}

chat_again() {
	chat_start -l "$where" "$@"
}

chat_account() { # NAME WHERE KEY
	home "$1"
	printf 'pw-%s\n' "$1" >"$T/password"
	mp-chat add -p 3 "$1@$2" <"$3" 3<"$T/password" >"$T/print" || bail "no account for $1"
	rm "$T/password"
	unset MP_HOME
}

chat_user() {
	printf 'pw-%s\n' "$1" | mp-chatd adduser -p 0 "$1" || bail "no user $1"
	chat_account "$1" "$where" "$T/key"
}

chat_session() {
	chat_creator=$1
	shift
	sid=$(as "$chat_creator" mp-chat init "$@") || bail 'no session'
	for chat_other in "$@"; do
		as "$chat_other" mp-chat accept "$sid" || bail "$chat_other does not accept"
	done
}
