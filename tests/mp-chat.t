#!/bin/sh
# mp-chat: accounts, sessions, talk; keys; what breaks and comes again.
# not under the sanitizers: for the time that it takes; the units chat_* and mp-chatd.t take the same steps there
# shellcheck disable=SC2154 # of lib.sh and chat.sh
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/chat.sh"
chat_server
chat_user alice
like 'add prints the fingerprint' "$(cat "$T/print")" "^$(sed -n 's/.*fingerprint //p' "$T/key")\$"
chat_user bob
chat_user carol
chat_user dave
talk() { # WHO [OPTION ...]: in $sid, standard input being what is said
	who=$1
	shift
	as "$who" mp-chat talk "$@" "$sid"
}
hears() { # WHO
	talk "$1" </dev/null
}
bodies() { # records
	awk -F "$TAB" '$1 == "in" { print $3 ": " $7 }'
}

# --- The call.
for c in 'add' 'init' 'talk' 'talk x' 'accept' 'status 12' 'list x' 'talk -p 0 0123456789abcdef' 'verify bob' frob; do
	# shellcheck disable=SC2086 # words
	exits 100 as alice mp-chat $c
done
printf 'x\n' >"$T/pw"
for bad in alice alice@ "Alice@$where" alice@host alice@h:0 alice@h:70000 "alice@-@x:1"; do
	exits 100 as new sh -c 'mp-chat add -p 3 -u other "$1" <"$2" 3<"$3"' - "$bad" "$T/key" "$T/pw"
done
echo garbage >"$T/bad"
exits 100 as new sh -c 'mp-chat add -p 3 "$1" <"$2" 3<"$3"' - "alice@$where" "$T/bad" "$T/pw"
exits 100 as alice sh -c 'mp-chat add -p 3 "$1" <"$2" 3<"$3"' - "alice@$where" "$T/key" "$T/pw"
like 'one account of a name' "$(cat "$T/err")" "there is an account 'default' already"
exits 100 as new mp-chat list
exits 100 as alice mp-chat list -u ../x
exits 1 as alice mp-chat list
is 'no session: silence' "$(cat "$T/out" "$T/err")" ''
exits 1 as alice mp-chat init nobody
is '... is said' "$(cat "$T/err")" "mp-chat: no user 'nobody'"
exits 100 as alice mp-chat init bob bob
exits 1 as alice mp-chat init alice
exits 1 as alice mp-chat talk 0123456789abcdef </dev/null

# --- Invite, accept, decline; who may do what.
sid=$(as alice mp-chat init bob carol dave)
like 'init prints the session' "$sid" '^[0-9a-f]{16}$'
like 'the invited find it' "$(as bob mp-chat list)" "^event${TAB}chat-invitation${TAB}alice${TAB}.*${TAB}$sid${TAB}"
exits 1 talk bob </dev/null
like 'who is only invited is told' "$(cat "$T/err")" 'not allowed'
exits 0 as bob mp-chat accept "$sid"
exits 0 as bob mp-chat accept "$sid"
exits 0 as carol mp-chat decline "$sid"
exits 1 as carol mp-chat decline "$sid"
exits 1 as carol mp-chat accept "$sid"
exits 1 as bob mp-chat close "$sid"
is 'only the creator closes' "$(cat "$T/err")" "mp-chat: session $sid: not allowed"
exits 0 as alice mp-chat status -j "$sid"
is 'status shows them all' "$(sed 's/.*"contact":"\([a-z]*\)".*state\\":\\"\([a-z]*\)\\".*/\1 \2/' "$T/out" | tr '\n' ',')" \
	'alice creator,dave invited,bob member,carol declined,'

# --- Talk: records and lines, both ways.
printf 'first\nsecond\n' | talk alice -l >"$T/out"
hears bob >"$T/bob.out"
is 'lines arrive in order' "$(bodies <"$T/bob.out" | tr '\n' ',')" 'alice: first,alice: second,'
is 'once' "$(hears bob)" ''
id=$(printf '%032d' 7)
printf 'out\tmessage\t-\t%s\t2026-01-02T03:04:05.678Z\t%s\ta\\\\b\\n\\0001\n' "$id" "$sid" | talk bob -v >"$T/out"
like 'with -v what is sent is said' "$(cat "$T/out")" "^sent${TAB}message${TAB}-${TAB}-${TAB}.*${TAB}$sid${TAB}number 1\$"
is 'a record keeps id, time and bytes' "$(hears alice | cut -f 1-)" \
	"in${TAB}message${TAB}bob${TAB}$id${TAB}2026-01-02T03:04:05.678Z${TAB}$sid${TAB}a\\\\b\\n\\0001"
printf 'out\tmessage\t-\t-\t-\t-\tx\n' | talk bob
like '-j' "$(talk alice -j </dev/null)" '"body":"x"'
printf '{"class":"out","kind":"message","body":"json in"}\n' | talk bob
like 'NDJSON is read, too' "$(hears alice)" 'json in'
like 'a terminal front' "$(printf 'from the front\n' | as bob env -u TMUX sh "$ROOT/share/examples/chat" "$sid"; hears alice)" 'from the front'

# --- What another says is never sent; bad records cost themselves only.
printf 'in\tmessage\tbob\t%s\t2026-01-02T03:04:05.678Z\t-\tcopied\n' "$id" >"$T/in"
is 'other classes are copied' "$(talk bob <"$T/in")" "$(cat "$T/in")"
{
	printf 'out\tmessage\t-\t-\t-\t0000000000000001\telsewhere\n'
	printf 'out\tping\t-\t-\t-\t-\t-\n'
	printf 'nonsense\n'
	printf 'out\tmessage\t-\t-\t-\t-\tgood one\n'
	printf 'out\tmessage\t-\t-\t-\t-\tcut off'
} >"$T/mixed"
exits 100 as bob sh -c 'mp-chat talk "$1" <"$2"' - "$sid" "$T/mixed"
is 'four lines about four bad ones' "$(cut -d ' ' -f 3 "$T/err" | tr '\n' ' ')" 'input:1: input:2: input:3: input:5: '
is 'the good one went' "$(hears alice | bodies)" 'bob: good one'
head -c 61441 /dev/zero | tr '\0' x >"$T/long"
exits 100 as bob sh -c 'mp-chat talk -l "$1" <"$2"' - "$sid" "$T/long"
head -c 61440 "$T/long" | talk bob -l
is '60 KiB go' "$(hears alice | awk -F "$TAB" '{ print length($7) }')" 61440

# --- Who comes late has his own time; a new key for all.
exits 0 as dave mp-chat accept "$sid"
printf 'before the new key\n' | talk bob -l
talk alice </dev/null >/dev/null
printf 'for all three\n' | talk alice -l >/dev/null
is 'the late one hears what is for him' "$(hears dave | bodies)" 'alice: for all three'
is 'the others all of it' "$(hears bob | bodies)" 'alice: for all three'
printf 'dave here\n' | talk dave -l >/dev/null
is 'and all hear him' "$(hears bob | bodies)$(hears alice | bodies)" 'dave: dave heredave: dave here'

# --- Keys.
print=$(as bob mp-chat keys | sed -n '1s/.*"fingerprint":"\([a-z0-9 ]*\)".*/\1/p')
exits 100 as alice mp-chat verify bob aaaa bbbb
exits 1 as alice mp-chat verify nobody aaaa
exits 100 talk alice -V </dev/null
like '-V refuses who is not verified' "$(cat "$T/err")" "key of '[a-z]*' is not verified"
# shellcheck disable=SC2086 # as it is read aloud
exits 0 as alice mp-chat verify bob $print
like 'a verified key is shown as one' "$(as alice mp-chat keys)" "chat-key${TAB}bob${TAB}.*\"verified\":true"
exits 0 as alice mp-chat verify dave "$(as dave mp-chat keys | sed -n '1s/.*"fingerprint":"\([a-z0-9 ]*\)".*/\1/p')"
exits 0 talk alice -V </dev/null
# bob comes from a new home, with a new key, into another session.
mv "$T/bob" "$T/bob.old"
chat_account bob "$where" "$T/key"
sid1=$sid
sid=$(as alice mp-chat init bob)
as bob mp-chat accept "$sid"
exits 100 talk alice </dev/null
is 'a changed key stops, and says so' "$(cat "$T/err")" \
	"mp-chat: the key of 'bob' has changed: ask him, then 'mp-chat forget bob'"
exits 100 as alice mp-chat status "$sid"
exits 0 as alice mp-chat forget bob
exits 1 as alice mp-chat forget bob
echo 'to the new bob' | talk alice -l >/dev/null
like 'forgotten, the new one is taken' "$(hears bob)" 'to the new bob'
rm -r "$T/bob"
mv "$T/bob.old" "$T/bob"
as alice mp-chat forget bob
sid=$sid1

# --- A server that lies: somebody in the list whom nobody invited.
sid=$(as alice mp-chat init dave)
sqlite3 -cmd '.timeout 5000' "$T/chatd/chatd.db" "INSERT INTO member (sid, uid, state, key)
	SELECT s.sid, u.uid, 2, randomblob(32) FROM session s, user u
	WHERE printf('%016x', s.sid) = '$sid' AND u.name = 'carol'"
exits 100 talk alice </dev/null
like 'nobody is slipped in' "$(cat "$T/err")" "says that 'carol' is in the session, whom we did not invite"
unlike 'nor is his key remembered' "$(as alice mp-chat keys)" carol
sid=$sid1

# --- Nothing is lost or repeated when the server goes, or we do.
mkfifo "$T/say"
start env MP_HOME="$T/bob" sh -c 'exec mp-chat talk -fl -w 30 "$1" <"$2" >"$3"' - "$sid" "$T/say" "$T/bob.out"
bob=$pid
exec 8>"$T/say"
echo one >&8
heard() { hears alice >>"$T/alice.out"; grep -q "$1" "$T/alice.out"; }
ok 'what is typed is heard at once' wait_for heard one
exits 111 talk bob </dev/null
like 'one talks in a session at a time' "$(cat "$T/err")" 'talks in this session already'
kill -9 "$chatd"
wait "$chatd" 2>/dev/null
echo two >&8
exits 111 as alice sh -c 'echo queued | mp-chat talk -l -w 2 "$1"' - "$sid"
chat_again
echo three >&8
ok 'after a restart it goes on' wait_for heard three
is 'each once, in order' "$(bodies <"$T/alice.out" | grep -v 'dave' | tr '\n' ',')" 'bob: one,bob: two,bob: three,'
talk alice </dev/null >/dev/null
ok 'what was queued arrives' wait_for grep -q queued "$T/bob.out"
is 'once' "$(grep -c queued "$T/bob.out")" 1
kill -9 "$bob"
wait "$bob" 2>/dev/null
exec 8>&-
echo 'while bob was dead' | talk alice -l >/dev/null
is 'only what is new' "$(hears bob | bodies)" 'alice: while bob was dead'

# --- Two accounts in one home; through Tor's port.
printf 'pw-carol\n' >"$T/pw"
exits 0 as bob sh -c 'mp-chat add -u second -p 3 "$1" <"$2" 3<"$3"' - "carol@$where" "$T/key" "$T/pw"
like 'each is its own' "$(as bob mp-chat keys -u second)" "chat-key${TAB}carol"
exits 0 as alice mp-keygen
host=$(cat "$T/alice/tor/service/hostname")
printf 'pw-dave\n' >"$T/pw"
exits 0 as bob sh -c 'mp-chat add -u onion -p 3 "$1" <"$2" 3<"$3"' - "dave@$host:5150" "$T/key" "$T/pw"
exits 111 as bob mp-chat list -u onion -w 2
like 'an onion goes to SOCKS' "$(cat "$T/err")" 'cannot reach'
printf '%s %s\n' "$host" "$where" >"$T/routes"
exits 0 as bob mp-chat list -u onion -w 20
if command -v python3 >/dev/null; then
	cat >"$T/socks.py" <<'END'
import socket, sys, threading
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
host, port = sys.argv[1].rsplit(":", 1)
def copy(a, b):
    while data := a.recv(65536):
        b.sendall(data)
    b.close()
while True:
    c = s.accept()[0]
    c.recv(300); c.sendall(b"\5\2")
    user = c.recv(600); c.sendall(b"\1\0")
    req = c.recv(300)
    print(req[5:5 + req[4]].decode(), int.from_bytes(req[-2:], "big"), user[2:2 + user[1]].decode(), flush=True)
    up = socket.create_connection((host, int(port)))
    c.sendall(b"\5\0\0\1" + bytes(6))
    for a, b in ((c, up), (up, c)):
        threading.Thread(target=copy, args=(a, b), daemon=True).start()
END
	: >"$T/routes"
	# shellcheck disable=SC2016 # for the inner shell
	start sh -c 'exec python3 "$1" "$2" >"$3"' - "$T/socks.py" "$where" "$T/socks.out"
	wait_for [ -s "$T/socks.out" ]
	exits 0 as bob env MP_SOCKS="127.0.0.1:$(head -n 1 "$T/socks.out")" mp-chat list -u onion -w 20
	is 'the proxy gets the name, and a user for this account' "$(sed -n 2p "$T/socks.out")" "$host 5150 dave@$host.5150"
	kill "$pid"
fi

# --- Closed.
start env MP_HOME="$T/bob" sh -c 'mp-chat talk -f -w 30 "$1" </dev/null >"$2"' - "$sid" "$T/bob.out"
followed() { sqlite3 "$T/bob/chat/default/chat.db" 'SELECT 1' >/dev/null && [ -s "$T/bob.out" ]; }
echo 'nearly over' | talk alice -l >/dev/null
ok 'bob is there' wait_for followed
exits 0 as alice mp-chat close "$sid"
exits 0 as alice mp-chat close "$sid"
wait "$pid"
is 'who is there is told, and it ends' "$?" 0
like 'by an event' "$(cat "$T/bob.out")" "^event${TAB}chat-closed${TAB}-${TAB}-${TAB}.*${TAB}$sid${TAB}-\$"
exits 1 talk dave </dev/null
is 'who comes later, too' "$(cat "$T/err")" "mp-chat: session $sid: closed"
is 'the keys of a closed session are gone' "$(sqlite3 "$T/bob/chat/default/chat.db" "SELECT count(*) FROM epoch WHERE printf('%016x', sid) = '$sid'")" 0
kill "$chatd"
wait "$chatd"
exits 111 as alice mp-chat list -w 2
finish
