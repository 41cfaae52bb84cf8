#!/bin/sh
# The main job over a Tor network of our own: two nodes, a card, 50 messages each way, a file of 5 MiB, with the
# receiver's tor killed half way.  Then a node that uses the system's tor, a chat server and relays behind it: a room, and
# messages by the mesh.
# shellcheck disable=SC2154 # failed, pid: of lib.sh
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/chat.sh"

umask 077

PATH=$PATH:/usr/sbin
command -v tor >/dev/null || skip_all 'tor is not installed'
unset MP_SOCKS # each home finds its own tor

# On failure: what everybody said.
tell() {
	[ "$failed" -ne 0 ] || return 0
	for f in "$T"/*.err "$T"/*/tor/log; do
		[ -s "$f" ] && printf '# %s\n' "$f" && tail -n 15 "$f" | sed 's/^/#   /'
	done
	for n in alice bob; do
		as "$n" mp-queue list | sed "s/^/# queue of $n: /"
	done
}
trap 'tell; sh "$ROOT/tests/tornet.sh" stop "$T/net" 2>/dev/null; cleanup' EXIT

sh "$ROOT/tests/tornet.sh" start "$T/net" $$ || bail 'no Tor network'

# node NAME: starts mp-serve; up() waits until it is ready.
node() {
	rm -f "$T/$1.ready"
	mkfifo "$T/$1.ready"
	# shellcheck disable=SC2016 # for the inner shell
	start env MP_HOME="$T/$1" sh -c 'exec mp-serve -v >"$1.ready" 2>>"$1.err"' sh "$T/$1"
}

up() {
	timeout 90 head -n 1 "$T/$1.ready" >"$T/$1.line"
	grep -q "^ready $(cat "$T/$1.address") 127.0.0.1:" "$T/$1.line"
}

for n in alice bob; do
	as "$n" mp-keygen >"$T/$n.address"
	printf 'tor.include = %s/net/client.torrc\nretry.min = 1s\nretry.max = 3s\n' "$T" >"$T/$n/config"
	node "$n"
done
ok 'alice is up' up alice
ok 'bob is up' up bob
is 'tor has kept the address that mp-keygen printed' "$(cat "$T/bob/tor/service/hostname")" "$(cat "$T/bob.address")"

# --- They meet.
as alice mp-contact offer bob >"$T/card"
# shellcheck disable=SC2016 # for the inner shell
ok 'bob accepts the card, and alice hears of it over Tor' as bob \
	sh -c 'mp-contact accept alice <"$1" | mp-seal | mp-send -w 60' sh "$T/card"
like 'alice knows bob by his address' "$(as alice mp-contact show bob)" "address: $(cat "$T/bob.address")"
is 'both see one fingerprint' "$(as alice mp-contact show bob | grep ^fingerprint)" \
	"$(as bob mp-contact show alice | grep ^fingerprint)"
ok 'bob reaches alice' as bob mp-ping -w 60 alice
ok 'alice reaches bob' as alice mp-ping -w 60 bob

# --- 50 messages each way and a file.
texts() { # FROM FIRST LAST
	seq -f "$1 %g" "$2" "$3"
}
send() { # FROM TO FIRST LAST
	# shellcheck disable=SC2016 # for the inner shell
	texts "$1" "$3" "$4" | as "$1" sh -c 'mp-seal -l -t "$1" | mp-send -w 90' sh "$2"
}
ok 'alice sends 25' send alice bob 1 25
ok 'bob sends 25' send bob alice 1 25

head -c 5242880 /dev/urandom >"$T/file.bin"
# shellcheck disable=SC2016 # for the inner shell
as alice sh -c 'mp-seal -t bob -f "$1" | mp-send -w 90; echo $? >"$2"' sh "$T/file.bin" "$T/file.status" 2>"$T/send.err" &
filer=$!
halfway() { [ "$(cat "$T"/bob/spool/* 2>/dev/null | wc -c)" -gt 1000000 ]; }
ok 'a part of the file is there' wait_for halfway

bobs_tor=$(pgrep -f "^tor .*$T/bob/tor/torrc" | head -n 1)
kill -9 "$bobs_tor"
send alice bob 26 50 2>>"$T/send.err" &
one=$!
send bob alice 26 50 2>>"$T/send.err" &
other=$!
ok 'the tor of bob is back' wait_for grep -q 'tor ended (signal 9), started again in 1 s' "$T/bob.err"
unlike 'as another process' "$(pgrep -f "^tor .*$T/bob/tor/torrc")" "^$bobs_tor\$"
wait "$one"
is 'alice has sent the other 25' "$?" 0
wait "$other"
is 'bob too' "$?" 0
wait "$filer"
is 'the file has gone, too' "$(cat "$T/file.status")" 0

got() { # AT FROM
	as "$1" mp-inbox | awk -F '\t' -v who="$2" '$2 == "message" && $3 == who { print $7 }'
}
is 'bob has all 50, each once, in order' "$(got bob alice)" "$(texts alice 1 50)"
is 'alice has all 50, each once, in order' "$(got alice bob)" "$(texts bob 1 50)"
is 'bob has one file' "$(find "$T/bob/files" -type f)" "$T/bob/files/alice/file.bin"
ok 'it is the file' cmp "$T/file.bin" "$T/bob/files/alice/file.bin"
for n in alice bob; do
	as "$n" mp-queue list >"$T/queue"
	is "nothing waits at $n" "$?" 1
	ok "the store of $n is sound" as "$n" mp-store check
done

# --- The system's tor (here: one that we start, which knows nothing of our identities).
chat_server
for n in relay relay2 relay3; do
	as "$n" mp-keygen >/dev/null
done
for n in relay relay2; do
	start env MP_HOME="$T/$n" MP_SOCKS="unix:$T/system/socks" mp-relay -l 127.0.0.1:0 -r 7 7>"$T/$n.ready" 2>"$T/$n.err"
	wait_for [ -s "$T/$n.ready" ] || bail "$n does not listen"
done
# The third one has a tor of its own.
printf '%%include %s/net/client.torrc\n' "$T" >"$T/relay3/torrc"
start env MP_HOME="$T/relay3" "$ROOT/share/examples/relay-serve" -o "127.0.0.1:$(free_port)" 2>"$T/relay3.err"
mkdir -m 700 "$T/system"
: >"$T/system/empty"
cat >"$T/system/torrc" <<END
%include "$T/net/client.torrc"
DataDirectory $T/system
SocksPort unix:$T/system/socks
ControlPort unix:$T/system/control
CookieAuthentication 1
HiddenServiceDir $T/system/chat
HiddenServicePort 5150 $where
HiddenServiceDir $T/relay/tor/service
HiddenServicePort 443 $(sed 's/^ready //' "$T/relay.ready")
HiddenServiceDir $T/relay2/tor/service
HiddenServicePort 443 $(sed 's/^ready //' "$T/relay2.ready")
__OwningControllerProcess $$
END
start tor --defaults-torrc "$T/system/empty" -f "$T/system/torrc" --quiet
as carol mp-keygen >"$T/carol.address"
printf 'tor = system\ntor.control = unix:%s/system/control\ntor.cookie = %s/system/control_auth_cookie\n' \
	"$T" "$T" >"$T/carol/config"
ok 'the other tor runs' wait_for [ -S "$T/system/control" ]
node carol
carol=$pid
ok 'carol is up, through a tor that is not hers' up carol
is 'and starts none' "$(pgrep -f "$T/carol/tor/torrc")" ''
reached() {
	[ "$(curl -sk -o /dev/null -w '%{http_code}' --max-time 20 --data-binary x \
		-x "socks5h://localhost$T/alice/run/socks" "https://$(cat "$T/carol.address")/")" = 400 ]
}
ok 'she is reached through Tor' wait_for reached
asked() { # COOKIE SOCKET QUESTION: what that tor answers
	printf 'AUTHENTICATE %s\r\nGETINFO %s\r\nQUIT\r\n' "$(od -An -v -tx1 "$1" | tr -d ' \n')" "$3" |
		socat -t 10 - "UNIX-CONNECT:$2" | tr -d '\r'
}
# The descriptor of her service as that tor has it: 250 while it serves her.
service() {
	asked "$T/system/control_auth_cookie" "$T/system/control" \
		"hs/service/desc/id/$(sed 's/\.onion//' "$T/carol.address")" | sed -n 2p
}
like 'that tor has her service' "$(service)" '^250[+]hs/service'
kill -9 "$carol"
withdrawn() { service | grep -q '^55'; }
ok 'killed, she leaves none behind in it' wait_for withdrawn

# --- Session chat at an onion address, through the tor of each home.
wait_for [ -s "$T/system/chat/hostname" ] || bail 'no address for the chat'
where=$(cat "$T/system/chat/hostname"):5150
for n in alice bob; do chat_user $n; done
there() { # There is no session yet: 1.
	as alice mp-chat list -w 20
	[ $? -eq 1 ]
}
ok 'the chat server is reached through Tor' wait_for there
chat_session alice bob
said() { # FROM TO TEXT
	echo "$3" | as "$1" mp-chat talk -l "$sid" >/dev/null
	as "$2" mp-chat talk "$sid" </dev/null
}
like 'bob hears alice in it' "$(said alice bob 'from an onion')" 'from an onion$'
like 'alice hears bob' "$(said bob alice 'to an onion')" 'to an onion$'

# --- A room of a relay at an onion address.
mkfifo "$T/quiet"
exec 9<>"$T/quiet"
# shellcheck disable=SC2016 # for the inner shell
start sh -c 'MP_HOME=$1 && export MP_HOME && exec mp-room -w 5m -r "cafe@$2" <"$3" >"$4" 2>"$4.err" 9>&-' \
	sh "$T/bob" "$(onion relay)" "$T/quiet" "$T/room"
heard() { # He hears what is said once he is there.
	echo 'through a room' | as alice mp-room -r "cafe@$(onion relay)"
	grep -q '^through a room$' "$T/room"
}
ok 'a line goes through a room of a relay' wait_for heard
exec 9>&-

# --- By the mesh: three relays at onion addresses, which reach each other through Tor.
as relay mp-relay accept "$(onion relay2)" "$(onion relay3)"
as relay2 mp-relay accept "$(onion relay)" "$(onion relay3)"
as relay3 mp-relay accept "$(onion relay)" "$(onion relay2)"
for n in alice bob; do
	as "$n" mp-mesh keys >/dev/null
	as "$n" mp-mesh servers add "$(onion relay)"
done
knows() { # NAME: all three relays, of which one names the others
	as "$1" mp-mesh servers learn 2>>"$T/$1.err"
	[ "$(as "$1" mp-mesh servers | wc -l)" -eq 3 ]
}
polled() { # NAME: by two relays
	as "$1" mp-mesh fetch -v 2>&1 | tee -a "$T/$1.err" | grep -q 'from 2 relays'
}
for n in alice bob; do
	ok "$n learns of three relays" wait_for knows $n
	ok '... and two are polled' wait_for polled $n
done
echo 'by relays' | as alice mp-seal -t bob >"$T/sealed"
posted() {
	as bob sh -c 'mp-due | mp-seal | mp-send -w 90' 2>>"$T/bob.err"
	# shellcheck disable=SC2016 # for the inner shell
	as alice sh -c 'mp-mesh post <"$1"' sh "$T/sealed" >"$T/posted" 2>>"$T/alice.err"
}
ok 'bob says where he fetches, and alice posts' wait_for posted
arrived() {
	as bob mp-mesh fetch 2>>"$T/bob.err"
	as bob mp-inbox | grep -q "${TAB}alice${TAB}.*${TAB}by relays.n\$"
}
ok 'bob has it from a relay' wait_for arrived
role() { # post or fetch: the names of alice's relays, without .onion
	as alice mp-mesh servers | awk -v r="$1" '$2 == r { sub(/[.]onion$/, "", $1); print $1 }'
}
circuits() { # RELAY ...: the SOCKS user names of alice's circuits to these
	asked "$T/alice/run/cookie" "$T/alice/run/control" circuit-status >"$T/circuits"
	for r in "$@"; do
		sed -n "s/.* REND_QUERY=$r .*SOCKS_USERNAME=\"\([^\"]*\)\".*/\1/p" "$T/circuits"
	done | sort -u
}
# shellcheck disable=SC2046 # a list
circuits $(role post) >"$T/names.post"
# shellcheck disable=SC2046
circuits $(role fetch) >"$T/names.fetch"
like 'alice posts by a circuit of its own name' "$(cat "$T/names.post")" '^[0-9a-f]{32}$'
like '... fetches by others' "$(cat "$T/names.fetch")" '^[0-9a-f]{32}$'
is '... and none is for both' "$(sort "$T/names.post" "$T/names.fetch" | uniq -d)" ''
ok 'a report goes to the other two' as alice mp-mesh report -w 60 "$(onion relay3)"
like '... and is noted' "$(as relay2 mp-relay log)" "$(onion relay3)${TAB}somebody reports it\$"
finish
