#!/bin/sh
# mp-chatd: its verbs, its start and end, passwords, what it stores and sees.
# shellcheck disable=SC2154 # of lib.sh and chat.sh
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/chat.sh"

# --- Users.
exits 0 sh -c 'echo one | mp-chatd adduser -p 0 alice'
exits 100 sh -c 'echo one | mp-chatd adduser -p 0 alice'
is 'a name once' "$(cat "$T/err")" "mp-chatd: there is a user 'alice' already"
for bad in Alice 'a b' -x '' aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; do
	exits 100 sh -c 'echo one | mp-chatd adduser -p 0 -- "$1"' - "$bad"
done
exits 1 sh -c 'mp-chatd adduser -p 0 empty </dev/null'
exits 100 sh -c "printf 'a\\001b\\n' | mp-chatd adduser -p 0 control"
exits 100 sh -c 'head -c 300 /dev/zero | tr "\0" x | mp-chatd adduser -p 0 long'
exits 100 mp-chatd adduser -p 77 closed
exits 100 mp-chatd frobnicate
exits 100 mp-chatd adduser
exits 100 mp-chatd list -p 0
exits 1 mp-chatd deluser nobody
exits 1 sh -c 'echo x | mp-chatd password -p 0 nobody'
exits 0 mp-chatd list
like 'list' "$(cat "$T/out")" "^[0-9a-f]{16}${TAB}alice${TAB}0\$"
is 'only alice is there' "$(wc -l <"$T/out")" 1
exits 0 mp-chatd key
is 'the key is the same each time' "$(cat "$T/out")" "$(mp-chatd key)"
is 'the key is for its owner only' "$(stat -c %a "$T/chatd/key.pem" "$T/chatd/chatd.db" "$T/chatd" | tr '\n' ' ')" '600 600 700 '
is 'no password is in the store' "$(cat "$T"/chatd/chatd.db* | grep -c -a -w one)" 0
ok 'a hash of Argon2id is' sh -c 'cat "$1"/chatd.db* | grep -aq argon2id' - "$T/chatd"
exits 0 sh -c 'HOME=$1/elsewhere MP_HOME=$1/elsewhere MP_CHATD= mp-chatd key' - "$T"
ok 'without MP_CHATD it is in the home' [ -s "$T/elsewhere/chatd/key.pem" ]
if command -v python3 >/dev/null; then
	ask() { # ANSWER ...: on a terminal
		python3 - "$@" <<'END'
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execvp("mp-chatd", ["mp-chatd", "adduser", "typed"])
seen = b""
for word in sys.argv[1:]:
    while not seen.rstrip().endswith(b":"):
        seen += os.read(fd, 100)
    os.write(fd, word.encode() + b"\n")
    seen += b"."
try:
    while True:
        seen += os.read(fd, 100)
except OSError:
    pass
print(seen.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
	}
	exits 100 ask secret1 secret2
	like 'two passwords that differ' "$(cat "$T/out")" 'differ'
	exits 0 ask secret1 secret1
	unlike 'what is typed is not shown' "$(cat "$T/out")" 'secret1'
	mp-chatd deluser typed
fi

# --- Serving.
chat_server -v 2>"$T/log"
like 'the fingerprint is told' "$(cat "$T/log")" "key $(sed -n 's/.*fingerprint //p' "$T/key"), at most [0-9]+ connections"
exits 111 mp-chatd -l 127.0.0.1:0
like 'one server for a folder' "$(cat "$T/err")" 'runs in .* already'
exits 100 env MP_CHATD="$T/other" mp-chatd -l "$where"
exits 100 env MP_CHATD="$T/other" mp-chatd -l nowhere
exits 100 env MP_CHATD="$T/other" mp-chatd -l fd:99
exits 100 env MP_CHATD="$T/other" mp-chatd -l 127.0.0.1:0 -r 77
chat_user bob
chat_user carol
printf 'two\n' >"$T/pw"
mp-chatd password -p 0 alice <"$T/pw"
home alice
mp-chat add -p 3 "alice@$where" <"$T/key" 3<"$T/pw" >/dev/null
chat_session alice bob
like 'list counts sessions' "$(mp-chatd list)" "alice${TAB}1\$"

# --- A wrong password: no answer, costs time after ten, and nobody else waits.
printf 'three\n' >"$T/pw"
MP_HOME=$T/thief mp-chat add -p 3 "alice@$where" <"$T/key" 3<"$T/pw" >/dev/null
exits 100 env MP_HOME="$T/thief" mp-chat list
like 'a wrong password is said' "$(cat "$T/err")" 'closed the connection at the login'
# Ten are free, each more waits for its second, however fast or slow the machine is: so long another user has to come in.
began=$(date +%s%3N)
# shellcheck disable=SC2016 # for the inner shell
start sh -c 'seq 20 | MP_HOME=$1 xargs -P 8 -n 1 sh -c "mp-chat list -w 120 2>/dev/null"' - "$T/thief"
thieves=$pid
# Three times: with their eight before him each time, he would be the last.
for _ in 1 2 3; do
	exits 0 as bob mp-chat list -w 60
done
ok 'another user does not wait for them' kill -0 "$thieves"
wait "$thieves"
took=$(($(date +%s%3N) - began))
ok "twenty wrong ones take their time ($took ms)" [ "$took" -ge 8000 ]
exits 0 as alice mp-chat list -w 60

# --- What the server stores and sees: sent texts are searched in its files and in its memory.
secret='the-text-that-nobody-else-may-read'
printf '%s\n' "$secret" | as alice mp-chat talk -l "$sid" >/dev/null
like 'the text arrives' "$(as bob mp-chat talk "$sid" </dev/null)" "$secret"
printf '%s-again\n' "$secret" | as alice mp-chat talk -l "$sid" >/dev/null
columns() {
	sqlite3 "$T/chatd/chatd.db" "SELECT t.name || ': ' || group_concat(c.name, ', ') FROM sqlite_schema t,
		pragma_table_info(t.name) c WHERE t.type = 'table' GROUP BY t.name ORDER BY t.name"
}
documented() {
	sed -n '/^\.Ss What the server stores/,/^\.El/p' "$ROOT/man/mp-chatd.1" | awk '
		/^\.It Ic/ { if (t) print t ": " l; t = $3; l = ""; next }
		/^\.(El|Ss|Bl|Pq)/ { next }
		{ sub(/: .*/, ""); sub(/^number/, ", number"); l = l $0; gsub(/ ,/, ",", l) }
		END { if (t) print t ": " l }' | sort
}
is 'what is stored is what the manual lists' "$(columns)" "$(documented)"
is 'one message waits' "$(sqlite3 "$T/chatd/chatd.db" 'SELECT count(*) FROM message')" 1
is 'no text is in its files' "$(cat "$T"/chatd/* | grep -c -a -F "$secret")" 0
ok 'names are' sh -c 'cat "$1"/chatd.db* | grep -aq carol' - "$T/chatd"
cat >"$T/memory.py" <<'END'
import sys
pid, secret, known = sys.argv[1], sys.argv[2].encode(), sys.argv[3].encode()
found = seen = size = 0
with open(f"/proc/{pid}/mem", "rb") as mem:
    for line in open(f"/proc/{pid}/maps"):
        area, perms = line.split()[:2]
        if not perms.startswith("r") or "[v" in line:
            continue
        start, end = (int(x, 16) for x in area.split("-"))
        try:
            mem.seek(start)
            data = mem.read(end - start)
        except (OSError, ValueError, OverflowError):
            continue
        size += len(data)
        found += data.count(secret)
        seen += known in data
print(f"{size >> 20} MiB read, text {found}, name {min(seen, 1)}")
END
if sanitized; then
	note 'the memory of a sanitized program is not read'
elif [ "$(id -u)" -eq 0 ] && command -v python3 >/dev/null; then
	like 'no text is in its memory, a name is' "$(python3 "$T/memory.py" "$chatd" "$secret" alice)" \
		'^[0-9]+ MiB read, text 0, name 1$'
else
	note 'the memory of another process cannot be read here'
fi

# --- Closing deletes.
sealed=$(sqlite3 "$T/chatd/chatd.db" 'SELECT hex(content) FROM message' | cut -c 20-60)
exits 0 as alice mp-chat close "$sid"
is 'the id stays' "$(sqlite3 "$T/chatd/chatd.db" "SELECT closed FROM session WHERE printf('%016x', sid) = '$sid'")" 1
is 'its messages do not' "$(sqlite3 "$T/chatd/chatd.db" 'SELECT count(*) FROM message')" 0
erased() {
	! cat "$T"/chatd/chatd.db* | od -An -v -tx1 | tr -d ' \n' | grep -qi "$sealed"
}
ok 'nor in free pages or the log' wait_for erased

# --- Users who go.
chat_session alice bob carol
exits 0 mp-chatd deluser carol
exits 100 as carol mp-chat list
unlike 'carol is in no list' "$(as alice mp-chat status "$sid")" carol
mkfifo "$T/fifo"
start env MP_HOME="$T/bob" sh -c 'exec mp-chat talk -fv -w 2 "$1" <"$2" >"$3" 2>"$4"' - "$sid" "$T/fifo" "$T/bob.out" "$T/bob.err"
exec 8>"$T/fifo"
ok 'bob follows' wait_for grep -q joined "$T/bob.out"
mp-chatd deluser bob
ok 'who is deleted is disconnected' wait_for grep -q 'server closed' "$T/bob.err"
exec 8>&-
kill "$pid"

# --- It ends when asked.
kill "$chatd"
wait "$chatd"
is 'SIGTERM ends it well' "$?" 0
finish
