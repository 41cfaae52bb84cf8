#!/bin/sh
# A key renewed between two homes: both at once, with messages and a file under way before, meanwhile and after; then
# the old key is in no file of either home.
# shellcheck disable=SC2154 # pid: of lib.sh
. "$(dirname "$0")/lib.sh"

command -v python3 >/dev/null || skip_all 'python3 is not installed'
command -v sqlite3 >/dev/null || skip_all 'sqlite3 is not installed'

sql() { # HOME SQL
	sqlite3 -cmd '.timeout 10000' "$T/$1/store.db" "$2"
}
epoch() { # HOME NAME
	as "$1" mp-contact show "$2" | sed -n 's/^epoch: //p'
}
flow() { # HOME CMD ...: what it prints is sealed and sent
	home "$1"
	shift
	"$@" | mp-seal | mp-send
}
texts() { # HOME: what came, in order
	as "$1" mp-inbox -a | sed -n "s/^in${TAB}message${TAB}.*${TAB}//p" | sed 's/.n$//' | tr '\n' ' '
}

# Prints the secrets of a home that are or were an epoch's, and looks for them in its files.
cat >"$T/secrets.py" <<'END'
import glob, sqlite3, sys
what, home, listing = sys.argv[1:4]
if what == "list":
    db = sqlite3.connect(home + "/store.db")
    rows = [r for q in sys.argv[4:] for r in db.execute(q)]
    open(listing, "w").write("".join(v.hex() + "\n" for r in rows for v in r if v is not None))
    sys.exit(0)
keys = [bytes.fromhex(line) for line in open(listing)]
files = {f: open(f, "rb").read() for f in glob.glob(home + "/store.db*")}
found = [(k.hex()[:8], f) for k in keys for f, data in files.items() if k in data]
print(len(keys), "keys,", len(found), "found")
sys.exit(1 if found or not keys else 0)
END

meet a b
# The card's key goes with the card's time.
for h in a b; do
	sql $h 'UPDATE key SET expires = 1 WHERE role = 0'
	as $h mp-due >/dev/null
done
for h in a b; do
	python3 "$T/secrets.py" list "$T/$h" "$T/$h.old" 'SELECT secret, send, recv FROM key'
	is "$h has three secrets with its contact" "$(wc -l <"$T/$h.old" | tr -d ' ')" 3
done
ok 'which the store holds' sh -c '! python3 "$@"' - "$T/secrets.py" find "$T/a" "$T/a.old"

# --- Sealed under the first key: on a stick, in the queue, to be given later.
echo stick | as b mp-seal -b -t a >"$T/stick"
echo later | as a mp-seal -t b >"$T/later"
: >"$T/routes"
for h in a b; do printf '%s 127.0.0.1:1\n' "$(onion $h)"; done >"$T/routes"
echo queued | as a mp-seal -t b | as a mp-send -w 1
head -c 600000 /dev/urandom >"$T/file"
as b mp-seal -t a -f "$T/file" | as b mp-send -w 1

# --- Both begin at once, and each asks twice.
exits 0 as a mp-contact rekey b
like 'the record of a rekey' "$(cat "$T/out")" \
	"^out${TAB}rekey${TAB}b${TAB}[0-9a-f]{32}${TAB}2[^${TAB}]*${TAB}-${TAB}\\{\"epoch\":1\\}\$"
cp "$T/out" "$T/half"
exits 0 as a mp-contact rekey b
ok 'again is the same record' cmp -s "$T/out" "$T/half"
as a mp-due >"$T/out"
ok 'mp-due owes it too' cmp -s "$T/out" "$T/half"
exits 0 as a mp-contact rekey -j b
like 'NDJSON' "$(cat "$T/out")" '^\{"class":"out","kind":"rekey","contact":"b",'
as b mp-contact rekey a >"$T/half.b"
for h in a b; do
	python3 "$T/secrets.py" list "$T/$h" "$T/$h.half" 'SELECT secret FROM rekey'
	sql $h 'UPDATE lane SET due = 0'
done
is 'the key of the half is in no record' "$(grep -cf "$T/a.half" "$T/half")" 0
as a mp-seal <"$T/half" >"$T/sealed.a"
as b mp-seal <"$T/half.b" >"$T/sealed.b"
: >"$T/routes"
serve_tls a
serve_tls b
(as a mp-send <"$T/sealed.a" && echo sent >"$T/sent.a") &
one=$!
as b mp-send <"$T/sealed.b" && echo sent >"$T/sent.b"
wait "$one"
is 'both halves are delivered' "$(cat "$T/sent.a" "$T/sent.b" | tr '\n' ' ')" 'sent sent '
is 'both seal under the new key' "$(epoch a b) $(epoch b a)" '1 1'
echo after | as a mp-seal -t b | as a mp-send
echo after | as b mp-seal -t a | as b mp-send

# --- Nothing is over while something is under way.
exits 1 as a mp-due
exits 1 as b mp-due
exits 1 as a mp-contact rekey b
like 'a second rekey waits' "$(cat "$T/err")" "^mp-contact: a rekey with 'b' is under way"
for h in a b; do as $h mp-queue flush >/dev/null; done
as a mp-send <"$T/later" || bail 'not delivered'
is 'what was queued and sealed before arrives, and what came after' "$(texts b)" 'queued after later '
ok 'so does the file' wait_for cmp -s "$T/file" "$T/a/files/b/file"
exits 0 as a mp-due
like 'a has drained' "$(cat "$T/out")" "^out${TAB}rekey-drained${TAB}b${TAB}.*\\{\"epoch\":0\\}\$"
exits 1 as b mp-due
ok 'b has not: a stick is on its way' as a mp-take <"$T/stick"
is 'what was on the stick arrives under the old key' "$(texts a)" 'after stick '
flow a mp-due
is 'nothing is sent to b under the old key: b forgets it' \
	"$(sql b 'SELECT group_concat(epoch) FROM key WHERE role = 1')" 1
is 'a keeps its own, for b may send' "$(sql a 'SELECT group_concat(epoch) FROM key WHERE role = 1')" '0,1'

# Whoever took in the stick does not tell: after 30 days it is taken for gone.
exits 1 as b mp-due
sql b "UPDATE rekey SET since = since - 31 * 86400000"
flow b mp-due
is 'a forgets it too' "$(sql a 'SELECT group_concat(epoch) FROM key WHERE role = 1')" 1
as a mp-due
as b mp-due
for h in a b; do
	cat "$T/$h.half" >>"$T/$h.old"
	ok "the old key and the half of $h are in no file" python3 "$T/secrets.py" find "$T/$h" "$T/$h.old"
	ok "$h is sound" as $h mp-store check
done
exits 100 as a mp-take <"$T/stick"
echo on | as b mp-seal -t a | as b mp-send
is 'it goes on' "$(texts a)" 'after stick on '

# --- By age and by count; a stick in both directions is enough.
printf 'rekey.age = 0\n' >"$T/a/config"
sql a 'UPDATE rekey SET since = since - 91 * 86400000'
exits 1 as a mp-due
rm "$T/a/config"
exits 0 as a mp-due
like 'after 90 days a key is renewed' "$(cat "$T/out")" 'epoch":2'
as a mp-seal -b <"$T/out" >"$T/there"
as b mp-take <"$T/there"
as b mp-due | as b mp-seal -b >"$T/back"
as a mp-take <"$T/back"
is 'by hand a switches' "$(epoch a b) $(epoch b a)" '2 1'
echo hand | as a mp-seal -b -t b >"$T/there"
as b mp-take <"$T/there"
is 'and b when it hears of it' "$(epoch a b) $(epoch b a)" '2 2'
as a mp-store prune -e 0s
sql b "UPDATE message SET state = 12 WHERE dir = 1"
sql a "UPDATE message SET state = 12 WHERE dir = 1"
flow a mp-due
flow b mp-due
n=$(sql b 'SELECT sealed FROM key WHERE role = 1')
printf 'rekey.count = %s\n' $((n + 1)) >"$T/b/config"
exits 1 as b mp-due
echo one | as b mp-seal -t a | as b mp-send
exits 0 as b mp-due
like 'after so many messages, too' "$(cat "$T/out")" 'epoch":3'
rm "$T/b/config"
flow b mp-due
is 'renewed' "$(epoch b a)" 3

# --- One who does not know the type: the old key stays, and mail goes on.
meet c d
serve_tls d
# To d a half for that epoch is as an unknown type: 400.
sql c "UPDATE key SET epoch = 7 WHERE role = 1"
flow c mp-contact rekey d >/dev/null 2>&1
is 'refused for good' "$?" 100
is 'the old key stays' "$(epoch c d)" 7
exits 1 as c mp-due
echo still | as c mp-seal -t d | as c mp-send
is 'and mail goes on' "$(texts d)" 'still '
finish
