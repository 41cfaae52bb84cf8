#!/bin/sh
# mp-room: lines through a relay's room; what the relay keeps, whom it lets in, how much it takes, and what happens
# when it dies.
# shellcheck disable=SC2154 # pid: of lib.sh
. "$(dirname "$0")/lib.sh"

command -v python3 >/dev/null || skip_all "python3 is not installed"
command -v jq >/dev/null || skip_all "jq is not installed"

PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE

as r mp-keygen >/dev/null || bail 'mp-keygen'
printf '%s\n' 'connections = 32' 'room.count = 8' 'room.rate = 400' >"$T/r/relay.conf"
relay() { # [PORT]
	rm -f "$T/ready"
	start env MP_HOME="$T/r" mp-relay -l "127.0.0.1:${1:-0}" -r 7 7>"$T/ready" 2>>"$T/relay.log" 5>&- 6>&- 8>&- 9>&-
	server=$pid
	wait_for [ -s "$T/ready" ] || bail 'the relay does not listen'
	at=$(sed 's/^ready //' "$T/ready")
}
relay
printf '%s %s\n' "$(onion r)" "$at" >>"$T/routes"
R=$(onion r)

visit() { # N OPTION ...: a visitor, its input $T/say.N, what it hears in $T/heard.N
	n=$1
	shift
	mkfifo "$T/say.$n"
	# A pipe ends when nobody holds it any more.
	(exec env MP_HOME="$T/none" mp-room "$@" <"$T/say.$n" >"$T/heard.$n" 2>"$T/err.$n" 5>&- 6>&- 8>&- 9>&-) &
	pids="$pids $!"
	eval "pid$n=$!"
}
is_in() { # COUNT: so many connections are there
	[ "$(python3 - "$server" "${at##*:}" <<'END'
import sys
port = "%04X" % int(sys.argv[2])
print(sum(1 for l in open("/proc/net/tcp") if l.split()[1].endswith(":" + port) and l.split()[3] == "01"))
END
)" -ge "$1" ]
}
says() { # LINE OPTION ...: who says it and goes
	printf '%s\n' "$1" >"$T/line"
	shift
	mp-room "$@" <"$T/line"
}
ask() { # METHOD [FILE]: the status; the answer is in $T/answer
	curl -sk -m 60 --tlsv1.3 -o "$T/answer" -w '%{http_code}' -X "$1" -H 'Content-Type: application/json' \
		${2:+--data-binary @"$2"} "https://$at/room"
}
json() { # MEMBER ...: a request for the room $id
	jq -cn --arg id "$id" "{type: \"room_read\", room: \$id, cursor: -1, wait: 0} + {$1}" >"$T/request"
}
id=$(printf '%032d' 7 | base64)

# --- What it needs.
exits 100 mp-room
exits 100 mp-room -r cafe
exits 100 mp-room -p 77 -r "cafe@$R"
exits 100 mp-room -r @"$R"
exits 100 mp-room -r cafe@nobody
like 'a server that is none' "$(cat "$T/err")" "^mp-room: 'nobody' is no server's name\$"
exits 100 mp-room -r 'no blank'@"$R"
exits 100 mp-room -r cafe@"$R" more
exits 100 mp-room -p 9 -r cafe@"$R"
as x mp-keygen >/dev/null
exits 111 says x -w 1 -r cafe@"$(onion x)"
like 'a relay that cannot be reached' "$(cat "$T/err")" '^mp-room: the relay: '
printf '%s %s\n' "$(onion x)" "$at" >>"$T/routes"
exits 111 says x -w 1 -r cafe@"$(onion x)"
like 'one with another key' "$(cat "$T/err")" '^mp-room: the relay: .*key'

# --- Two who are there.
echo 'open sesame' >"$T/password"
visit 1 -r cafe@"$R"
exec 5>"$T/say.1"
visit 2 -r cafe@"$R"
exec 6>"$T/say.2"
visit 3 -p 7 -r cafe@"$R" 7<"$T/password"
exec 8>"$T/say.3"
visit 4 -r cafs@"$R"
exec 9>"$T/say.4"
ok 'four wait' wait_for is_in 4
# He hears what is said once he knows where the room stands: so it is said until he does.
here() { echo "here-$1" >&"$1" && grep -qs "here-$1" "$T/heard.$2"; }
ok 'one of two hears the other' wait_for here 5 2
ok '... and the other him' wait_for here 6 1
echo mark >&5
ok '... to the last word' wait_for grep -qx mark "$T/heard.2"
cp "$T/heard.2" "$T/base.2"
# shellcheck disable=SC2016 # a line
printf 'one\n\n $two \\ \t three\n' >&5
want=$(printf 'one\n\n $two \\ \t three\nend')
since() { # N: what it heard after its first lines
	tail -c +$(($(wc -c <"$T/base.$1") + 1)) "$T/heard.$1" && echo end
}
whole() { [ "$(since 2)" = "$want" ]; }
ok 'lines arrive as they are, in order' wait_for whole
echo back >&6
ok 'both ways' wait_for grep -qx back "$T/heard.1"
is 'nobody hears himself' "$(grep -cE 'one|here-5' "$T/heard.1")$(grep -cE 'back|here-6' "$T/heard.2")" 00
is 'who has no password hears nothing of it' "$(cat "$T/heard.3" "$T/heard.4")" ''
knows() {
	printf 'with the password' | mp-room -p 7 -r cafe@"$R" 7<"$T/password" && grep -qsx 'with the password' "$T/heard.3"
}
ok 'who has it is heard, a last line without LF too' wait_for knows
unlike '... by nobody else' "$(cat "$T"/heard.[124])" 'password'

# --- An output that is full.
hears_in_vain() {
	mkfifo "$T/say.full"
	(exec mp-room -r cafe@"$R" <"$T/say.full" >/dev/full 2>"$T/err.full" 5>&- 6>&- 8>&- 9>&-) &
	full=$!
	pids="$pids $full"
	exec 4>"$T/say.full"
	wait_for full_ended
	exec 4>&-
	wait "$full"
}
full_ended() { echo more >&5 && [ -s "$T/err.full" ]; }
hears_in_vain
is 'an output that is full ends it' $? 111
is '... in one line' "$(wc -l <"$T/err.full" | tr -d ' ')" 1

# --- Long lines.
head -c 60000 /dev/zero | tr '\0' x >"$T/long"
{ cat "$T/long" && echo && cat "$T/long" && echo x && echo behind; } >"$T/lines"
exits 100 sh -c 'mp-room -r "$1" <"$2"' - cafe@"$R" "$T/lines"
like 'a line that is too long is said' "$(cat "$T/err")" '^mp-room: line 2 is longer'
ok 'the others are heard' wait_for grep -qx behind "$T/heard.2"
is '... the longest that may be' "$(grep -c '^x*$' "$T/heard.2")$(awk '{ if (length($0) > n) n = length($0) } END { print n }' "$T/heard.2")" \
	'260000'

# --- What the relay has of it.
cat "$T/r"/rooms.db* "$T/relay.log" >"$T/all"
ok 'there is something' [ "$(wc -c <"$T/all")" -gt 60000 ]
is 'nothing of what was said, nor the name' "$(grep -aoE 'cafe|here-|behind|xxxxxxxx' "$T/all")" ''
is 'lengths are rounded' "$(sqlite3 "$T/r/rooms.db" 'SELECT DISTINCT (length(text) - 40) % 256 FROM line')" 0
is 'rooms.db is private' "$(stat -c %a "$T/r/rooms.db")" 600

# --- A stranger, who has no name of a room.
json ''
is 'a room that he makes up' "$(ask GET "$T/request")" 200
is '... is empty' "$(jq -c '[.lines, .lost, .more]' "$T/answer")" '[[],false,false]'
cursor=$(jq .cursor "$T/answer")
json "type: \"room_post\", lines: [\"YWJj\", \"ZGVm\"]"
is 'he posts there what he likes' "$(ask POST "$T/request")" 204
json "cursor: $cursor, wait: 50000"
is '... and reads it' "$(ask GET "$T/request")$(jq -c .lines "$T/answer")" '200["YWJj","ZGVm"]'
json 'cursor: 5'
cp "$T/request" "$T/read"
is 'what is malformed is refused, of a read' \
	"$({ python3 "$ROOT/tests/tools/mesh.py" spoilt && python3 "$ROOT/tests/tools/mesh.py" without <"$T/read"; } <"$T/read" |
		grep -v '"cursor": -1' |
		python3 "$ROOT/tests/tools/mesh.py" refused "$at" GET /room)" ''
json "type: \"room_post\", lines: [\"YWJj\"]"
jq -c 'del(.cursor, .wait)' "$T/request" >"$T/post"
is '... of a post' \
	"$({ python3 "$ROOT/tests/tools/mesh.py" spoilt && python3 "$ROOT/tests/tools/mesh.py" without <"$T/post"; } <"$T/post" |
		python3 "$ROOT/tests/tools/mesh.py" refused "$at" POST /room)" ''
is '... as are bounds' "$(for m in 'lines: []' 'lines: [""]' 'lines: [1]' 'lines: ["YWJj", "YWI"]' 'lines: [range(257) | "YWJj"]' \
	"lines: [\"$(head -c 60201 /dev/zero | base64 -w 0)\"]" 'room: "YWJj"'; do
	json "type: \"room_post\", lines: [\"YWJj\"], $m"
	cat "$T/request"
done | python3 "$ROOT/tests/tools/mesh.py" refused "$at" POST /room)" ''
is '... and of a wait' "$(for m in 'wait: 50001' 'wait: -1' 'cursor: -2' 'cursor: 1.5'; do
	json "$m"
	cat "$T/request"
done | python3 "$ROOT/tests/tools/mesh.py" refused "$at" GET /room)" ''

# --- Nobody fills it.
json "type: \"room_post\", lines: [range(200) | \"YWJj\"]"
is 'lines of a minute' "$(ask POST "$T/request")" 204
ask POST "$T/request" >/dev/null
is '... are counted' "$(ask POST "$T/request")" 429
echo 'not counted here' >&5
ok '... for each room' wait_for grep -qx 'not counted here' "$T/heard.2"
made=0
for i in 1 2 3 4 5 6 7 8 9; do
	id=$(printf '%032d' "1$i" | base64)
	json ''
	[ "$(ask GET "$T/request")" != 200 ] || made=$((made + 1))
done
is 'rooms are counted: three are there' "$made" 4
like '... and it is a matter of time' "$(curl -sk -i --tlsv1.3 -X GET -H 'Content-Type: application/json' \
	--data-binary @"$T/request" "https://$at/room" | tr -d '\r')" '^Retry-After: 10$'
sqlite3 "$T/r/rooms.db" "UPDATE room SET used = used - 61000 WHERE id = (SELECT max(id) FROM room)"
is 'where nobody is there is place' "$(ask GET "$T/request")" 200

# --- Those who wait: more than there are threads, and more than there are places.
echo 'are you there' >&5
ok 'who waits is served' wait_for grep -qx 'are you there' "$T/heard.2"
json "cursor: $(sqlite3 "$T/r/rooms.db" 'SELECT max(last) FROM room'), wait: 50000"
cat >"$T/crowd.py" <<'END'
import socket, ssl, sys
host, port = sys.argv[1].rsplit(":", 1)
body = open(sys.argv[2], "rb").read()
c = ssl.create_default_context()
c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
held = []
for _ in range(200):
    try:
        s = c.wrap_socket(socket.create_connection((host, int(port)), 10))
        s.sendall(b"GET /room HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        held.append(s)
    except OSError:
        pass
print("held", len(held), flush=True)
sys.stdin.read()
END
mkfifo "$T/hold"
(exec python3 "$T/crowd.py" "$at" "$T/request" <"$T/hold" >"$T/crowd" 5>&- 6>&- 8>&- 9>&-) &
crowd=$!
pids="$pids $crowd"
exec 4>"$T/hold"
ok 'two hundred strangers wait, with 32 places' wait_for grep -q held "$T/crowd"
note "$(cat "$T/crowd")"
is 'another is served' "$(curl -sk -m 60 -o /dev/null -w '%{http_code}' "https://$at/load")" 200
echo 'through the crowd' >&6
ok 'who is in a room says what he wants' wait_for grep -qx 'through the crowd' "$T/heard.1"
exec 4>&-
wait "$crowd"

# --- The relay dies, and comes back.
kill -9 "$server"
wait "$server" 2>/dev/null
echo 'while it is away' >&5
echo 'both of us' >&6
relay "${at##*:}"
ok 'what was said meanwhile arrives' wait_for grep -qx 'while it is away' "$T/heard.2"
ok '... at both' wait_for grep -qx 'both of us' "$T/heard.1"
is '... once' "$(cat "$T/heard.1" "$T/heard.2" | grep -cE 'while it is away|both of us')" 2

# --- Lines that nobody keeps for a slow reader: he is told.
kill -STOP "$pid2"
echo 'something that he has to fetch' >&5
python3 - >"$T/lines" <<'END'
for i in range(40):
    print("%03d" % i + "y" * 50000)
END
exits 0 sh -c 'mp-room -r "$1" <"$2"' - cafe@"$R" "$T/lines"
is 'a room is no larger than it may be' "$(sqlite3 "$T/r/rooms.db" 'SELECT max(bytes) <= 1048576 FROM room')" 1
kill -CONT "$pid2"
ok 'who comes too late is told' wait_for grep -qs 'lines were lost' "$T/err.2"
echo 'after that' >&5
ok '... and goes on' wait_for grep -qx 'after that' "$T/heard.2"
exec 6>&-
wait "$pid2"
is '... and says so in the end' $? 111

# --- Old lines go, whoever looks.
sqlite3 "$T/r/rooms.db" 'UPDATE line SET time = time - 3700000'
none_left() { [ "$(sqlite3 "$T/r/rooms.db" 'SELECT count(*), sum(bytes) FROM line, room')" = '0|' ]; }
ok 'after room.keep' wait_for none_left

# --- It ends while they wait.
kill "$server"
wait "$server"
is 'SIGTERM, with four who wait' $? 0
exec 5>&- 8>&- 9>&-
is 'without a complaint' "$(cat "$T/relay.log")" ''

# --- One process for each connection, under socat.
if command -v socat >/dev/null; then
	rm -f "$T"/say.* "$T"/heard.*
	port=$(free_port)
	(cd "$T/r/tls" && MP_HOME=$T/r exec socat "OPENSSL-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork,max-children=32,nodelay,cert=cert.pem,key=key.pem,verify=0,openssl-min-proto-version=TLS1.3" EXEC:mp-relay 2>/dev/null) &
	pids="$pids $!"
	wait_for listens "$port"
	printf '%s 127.0.0.1:%s\n' "$R" "$port" >"$T/routes"
	visit 6 -r cafe@"$R"
	exec 5>"$T/say.6"
	visit 7 -r cafe@"$R"
	exec 6>"$T/say.7"
	say_again() {
		echo hello >&5
		grep -qx hello "$T/heard.7"
	}
	ok 'under socat' wait_for say_again
	exec 5>&- 6>&-
	wait "$pid6" "$pid7"
	is '... and they end' $? 0
	printf '%s\n' 'room.count = 0' >"$T/r/relay.conf"
	exits 100 says x -w 5 -r cafe@"$R"
	like 'a relay without rooms' "$(cat "$T/err")" '^mp-room: the relay refuses: it has no rooms'
else
	note 'no socat here'
fi
finish
