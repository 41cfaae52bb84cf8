#!/bin/sh
# Files over the wire: asked for, declined, cut off in the middle, and from a store that was restored.
# shellcheck disable=SC2154,SC2034 # pid and pids are of lib.sh
. "$(dirname "$0")/lib.sh"

state() { # HOME FILE: of the sent file's message
	sqlite3 "$T/$1/store.db" "SELECT state FROM message WHERE dir = 1 AND kind = 'file'
		AND json_extract(CAST(body AS TEXT), '\$.name') = '$2'"
}

queued() { # HOME: rows of the queue
	sqlite3 "$T/$1/store.db" 'SELECT count(*) FROM queue'
}

meet alice bob
serve_tls alice
serve_tls bob
alice_pid=$(echo "$pids" | cut -d ' ' -f 2)
printf 'file.accept = 1000000\nretry.min = 1s\n' >"$T/alice/config"
cp "$T/alice/config" "$T/bob/config"
kill "$alice_pid"
wait "$alice_pid"
: >"$T/routes"
serve_tls alice
alice_pid=$pid
start env MP_HOME="$T/bob" mp-recv -l 127.0.0.1:0 -r 7 7>"$T/bob.ready"
wait_for [ -s "$T/bob.ready" ]
printf '%s %s\n' "$(onion bob)" "$(cut -d ' ' -f 2 "$T/bob.ready")" >>"$T/routes"

head -c 900000 /dev/urandom >"$T/small.bin"
head -c 5000000 /dev/urandom >"$T/large.bin"
head -c 3000000 /dev/urandom >"$T/never.bin"

send() { # FILE
	as bob mp-seal -t alice -f "$T/$1" | as bob mp-send -w 20s
}

ok "a small file goes at once" send small.bin
ok "... and is the same" cmp "$T/small.bin" "$T/alice/files/bob/small.bin"
is "... and was sent" "$(state bob small.bin)" 12

# A large one waits for the person, without being sent.
as bob mp-seal -t alice -f "$T/large.bin" | as bob mp-send -w 2s 2>"$T/err"
is "a large one waits" "$?" 111
is "... no byte of it is there" "$(find "$T/alice/spool" -type f | wc -l)" 0
id=$(as alice mp-inbox -j | jq -r 'select(.kind == "file-offer") | .body | fromjson | .file')
like "... the person is asked" "$id" '^[0-9a-f]{24}0{8}$'
ok "accepting tells the sender" sh -c 'MP_HOME=$0; export MP_HOME; mp-file accept "$1" | mp-seal | mp-send -w 20s' \
	"$T/alice" "$id"
is "... it is not owed any more" "$(as alice mp-due)" ""
ok "... who sends it" as bob mp-queue flush
ok "... whole" cmp "$T/large.bin" "$T/alice/files/bob/large.bin"
is "... and was sent" "$(state bob large.bin)" 12
is "... nothing is left" "$(queued bob)" 0

as bob mp-seal -t alice -f "$T/never.bin" | as bob mp-send -w 2s 2>"$T/err"
id=$(as alice mp-file list -j | jq -r .id)
ok "declining tells the sender, too" sh -c 'MP_HOME=$0; export MP_HOME; mp-file decline "$1" | mp-seal | mp-send -w 20s' \
	"$T/alice" "$id"
is "... his queue is empty" "$(queued bob)" 0
is "... it failed" "$(state bob never.bin)" 13
is "... he is told" "$(as bob mp-inbox -j | jq -r 'select(.kind == "file-declined") | .body | fromjson | .file')" "$id"

# The receiver is killed in the middle, again and again.
printf 'file.accept = 1G\nretry.min = 1s\n' >"$T/alice/config"
restart() {
	wait "$alice_pid" 2>/dev/null
	start env MP_HOME="$T/alice" mp-recv -l "127.0.0.1:$port"
	alice_pid=$pid
	wait_for listens "$port"
}
kill "$alice_pid"
restart
head -c 20000000 /dev/urandom >"$T/cut.bin"
as bob mp-seal -t alice -f "$T/cut.bin" >"$T/cut"
as bob mp-send -w 60s <"$T/cut" 2>"$T/err" &
sender=$!
have() { # N: chunks are there, or the file is whole
	[ "$(sqlite3 "$T/alice/store.db" "SELECT next > $1 OR state = 3 FROM transfer WHERE name = 'cut.bin'" 2>/dev/null)" = 1 ]
}
for n in 2 9 20 33 51 70 76; do
	wait_for have "$n"
	kill -9 "$alice_pid"
	restart
done
wait "$sender"
rc=$?
[ "$rc" -eq 0 ] || ok "the rest is sent later" as bob mp-queue flush
ok "a file whose receiver was killed seven times is whole" cmp "$T/cut.bin" "$T/alice/files/bob/cut.bin"
is "... and there once" "$(find "$T/alice/files/bob" -name 'cut*' | wc -l)" 1
is "... in the inbox once" "$(as alice mp-inbox -j | jq -r 'select(.kind == "file") | .body | fromjson | .name' | grep -c '^cut.bin$')" 1
is "... and the spool is empty" "$(find "$T/alice/spool" -type f | wc -l)" 0
is "the store is sound" "$(sqlite3 "$T/alice/store.db" 'PRAGMA integrity_check')" ok

# The receiver has lost what was taken already: nobody waits for ever.
head -c 8000000 /dev/urandom >"$T/lost.bin"
as bob mp-seal -t alice -f "$T/lost.bin" >"$T/lost"
head -n 10 "$T/lost" | as bob mp-send -w 20s >/dev/null
kill "$alice_pid"
rm -rf "$T/alice/spool"
restart
as bob mp-send -w 20s <"$T/lost" >/dev/null 2>"$T/err"
is "what cannot be had any more fails" "$?" 100
is "... and says why" "$(as bob mp-inbox -j | jq -r 'select(.kind == "file-failed") | .body | fromjson | .reason')" \
	"the receiver asks for chunk 1, which is gone: send the file again"
is "... his queue is empty" "$(queued bob)" 0
finish
