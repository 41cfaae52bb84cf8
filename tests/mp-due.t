#!/bin/sh
# mp-due: greetings and answers about files, until they were delivered, with stable ids.
. "$(dirname "$0")/lib.sh"

umask 077
for h in alice bob dave; do as $h mp-keygen >/dev/null || bail "mp-keygen"; done
pid=
serve_tls alice
alice=$pid
home bob
exits 1 mp-due
is "nothing owed says nothing" "$(cat "$T/out" "$T/err")" ""

# A card that was accepted.
as alice mp-contact offer bob >"$T/card"
mp-contact accept alice <"$T/card" >"$T/greeting"
exits 0 mp-due
ok "the greeting is owed, the same record" cmp -s "$T/out" "$T/greeting"
exits 0 mp-due
ok "again the same" cmp -s "$T/out" "$T/greeting"
exits 0 mp-due -j
like "NDJSON" "$(cat "$T/out")" '^\{"class":"out","kind":"initial-contact","contact":"alice",'
kill -STOP "$alice"
mp-due | mp-seal | mp-send -w 0
exits 1 mp-due
kill -CONT "$alice"
exits 0 mp-queue flush
exits 1 mp-due
is "the contact is active" "$(mp-contact show alice | grep '^state')" "state: active"
is "on both sides" "$(as alice mp-contact show bob | grep '^state')" "state: active"

# A file that bob has to decide about.
printf 'file.accept = 1000\n' >"$T/bob/config"
serve_tls bob
head -c 300000 /dev/urandom >"$T/file"
as alice sh -c 'mp-seal -t bob -f "$1" | mp-send -w 1' - "$T/file"
exits 1 mp-due
file=$(mp-file list | cut -f 4)
mp-file accept "$file" || bail "mp-file accept"
exits 0 mp-due
cp "$T/out" "$T/status"
is "the answer is owed" "$(cut -f 1-3 "$T/status")" "out${TAB}file-status${TAB}alice"
like "and says from where" "$(cut -f 7 "$T/status")" '"answer": ?"from", ?"from": ?1'
mp-due >"$T/again"
is "with the same id" "$(cut -f 4 "$T/again")" "$(cut -f 4 "$T/status")"
mp-seal <"$T/status" | mp-send || bail "not delivered"
exits 1 mp-due
exits 0 as alice mp-queue flush
ok "the file is there" cmp -s "$T/file" "$T/bob/files/alice/file"
exits 1 mp-due

# A greeting whose card is past its time is owed no more.
as dave mp-contact offer carol -e 1h >"$T/card"
mp-contact accept late <"$T/card" >"$T/greeting" || bail "accept"
mp-due >"$T/before"
sqlite3 -cmd '.timeout 10000' "$MP_HOME/store.db" "UPDATE key SET expires = 1 WHERE role = 0"
mp-due >"$T/after"
is "before and after" "$(grep -c late "$T/before") $(grep -c late "$T/after")" "1 0"

exits 100 mp-due operand
mp-contact remove late
exits 1 mp-due
exits 100 env MP_HOME="$T/none" mp-due
like "no home says so" "$(cat "$T/err")" "run mp-keygen\$"

# --- The key of a card whose time is over is in no file any more.
if command -v python3 >/dev/null; then
	home eve
	mp-keygen >/dev/null || bail mp-keygen
	(umask 077 && mp-contact offer -e 1 soon >"$T/card")
	cat >"$T/holds.py" <<'END'
import base64, glob, sys
text = open(sys.argv[1]).read().strip()[9:]
key = base64.b32decode(text + "=" * (-len(text) % 8))[33:65]
sys.exit(not any(key in open(f, "rb").read() for f in glob.glob(sys.argv[2] + "/store.db*")))
END
	ok 'the store holds the key of a card' python3 "$T/holds.py" "$T/card" "$MP_HOME"
	sleep 1.1 # the card's time
	exits 1 mp-due
	ok 'mp-due erases it when its time is over' sh -c '! python3 "$@"' - "$T/holds.py" "$T/card" "$MP_HOME"
	(umask 077 && mp-contact offer -e 1 soon >"$T/card")
	sleep 1.1
	printf 'sealed\tmessage\t-\t-\t-\t-\tAAAA\n' | mp-take 2>/dev/null
	is 'whoever receives forgets it, too' "$(sqlite3 "$MP_HOME/store.db" 'SELECT count(*) FROM key')" 0
	is 'and leaves erasing' "$(sqlite3 "$MP_HOME/store.db" 'SELECT n FROM traces')" 1
	exits 1 mp-due
	is 'to mp-due' "$(sqlite3 "$MP_HOME/store.db" 'SELECT n FROM traces')" 0
	ok 'then it is in no file' sh -c '! python3 "$@"' - "$T/holds.py" "$T/card" "$MP_HOME"
fi
finish
