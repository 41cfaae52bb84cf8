#!/bin/sh
# mp-store: check, backup, export, import, prune.
. "$(dirname "$0")/lib.sh"
PATH=$BUILD/tools:$PATH

command -v sqlite3 >/dev/null || note "no sqlite3 here: damage is not tried"
home a
exits 100 mp-store check
is "no store" "$(cat "$T/err")" "mp-store: no store in '$T/a': run mp-keygen"
mp-keygen >/dev/null || bail "no identity"
mp-contact offer bob >/dev/null || bail "no contact"
mp-contact offer carol >/dev/null || bail "no contact"

line() { # CLASS CONTACT TEXT
	printf '%s\tmessage\t%s\t-\t2020-01-01T00:00:00.000Z\t-\t%s\n' "$1" "$2" "$3"
}
mark_all() {
	mp-inbox | mp-mark
}
# Does any file of the store hold it?
holds() { # TEXT
	LC_ALL=C grep -aqF -- "$1" "$MP_HOME"/store.db*
}
holds_not() {
	! holds "$1"
}

# Usage.
exits 100 mp-store
exits 100 mp-store frob
exits 100 mp-store check now
exits 100 mp-store backup
exits 100 mp-store prune
exits 100 mp-store prune -c -1
exits 100 mp-store prune -e soon
exits 100 mp-store check -c 1
exits 1 mp-store prune -t dave
is "no contact" "$(cat "$T/err")" "mp-store: no contact 'dave'"

{
	line in bob 'one from bob \0200\0377 end'
	line was bob 'two to bob'
	line in carol 'three\tfrom\ncarol'
	printf 'event\twarning\t-\t-\t2020-01-01T00:00:00.000Z\t-\tfour of nobody\n'
} | stow || bail "cannot stow"

# check
exits 0 mp-store check
is "a good store is not spoken of" "$(cat "$T/out" "$T/err")" ""
if command -v sqlite3 >/dev/null; then
	cp -R "$T/a" "$T/bad"
	home bad
	sqlite3 "$MP_HOME/store.db" "UPDATE keyring SET slots = zeroblob(64);
		UPDATE message SET state = 77 WHERE seq = 2" || bail "sqlite3"
	exits 100 mp-store check
	is "each finding is a line" "$(cat "$T/err")" "mp-store: message 2: a column is malformed
mp-store: the keyring is not that of the keys"
	# A page of zeros in the middle.
	dd if=/dev/zero of="$MP_HOME/store.db" bs=4096 seek=6 count=1 conv=notrunc 2>/dev/null
	exits 100 mp-store check
	like "a damaged page is found" "$(cat "$T/err")" '^mp-store: '
	head -c 5000 /dev/urandom >"$MP_HOME/store.db"
	rm -f "$MP_HOME"/store.db-*
	exits 100 mp-store check
	like "something else is no store" "$(cat "$T/err")" "^mp-store: (store.db: )?.*not a"
	home a
fi

# Whose store it is.
chmod 644 "$MP_HOME/store.db"
exits 100 mp-store check
like "others can read it" "$(cat "$T/err")" "^mp-store: others can read '$T/a/store.db'"
chmod 600 "$MP_HOME/store.db"
chmod 775 "$MP_HOME"
exits 100 mp-store check
like "others can write the home" "$(cat "$T/err")" "^mp-store: others can write '$T/a'"
chmod 700 "$MP_HOME"
mv "$MP_HOME/store.db" "$T/elsewhere"
ln -s "$T/elsewhere" "$MP_HOME/store.db"
exits 100 mp-store check
rm "$MP_HOME/store.db"
mv "$T/elsewhere" "$MP_HOME/store.db"

# backup
exits 0 mp-store backup "$T/backup"
is "nobody else can read it" "$(ls -l "$T/backup" | cut -c 1-10)" "-rw-------"
is "one file" "$(find "$T" -maxdepth 1 -name 'backup*')" "$T/backup"
cp "$T/backup" "$T/before"
exits 100 mp-store backup "$T/backup"
is "not overwritten: said" "$(cat "$T/err")" "mp-store: '$T/backup' is there already"
ok "not overwritten" cmp -s "$T/backup" "$T/before"
exits 100 mp-store backup "$T/none/backup"
exits 100 mp-store backup
mp-inbox -a >"$T/history"
cp -R "$T/a" "$T/restored"
rm "$T"/restored/store.db*
cp "$T/backup" "$T/restored/store.db"
is "restored, the history is the same" "$(as restored mp-inbox -a)" "$(cat "$T/history")"
ok "restored, it is sound" as restored mp-store check

# backup while others write: each writer's transaction is in it whole or not at all.
printf '%s\n' "$(line in bob pair)" "$(line in bob pair)" >"$T/pair"
mkdir "$T/go"
start sh -c 'while [ -d "$1" ]; do stow <"$2" || exit 1; done' - "$T/go" "$T/pair"
# shellcheck disable=SC2154 # start() sets it
writer=$pid
sound() {
	for i in 1 2 3 4 5 6 7 8; do
		mp-store backup "$T/live$i" || return 1
		rm -f "$T"/restored/store.db*
		cp "$T/live$i" "$T/restored/store.db"
		as restored mp-store check || return 1
	done
}
ok "eight backups while somebody writes" sound
rmdir "$T/go"
ok "the writer was never refused" wait "$writer"

# export, import
exits 0 mp-store export
cp "$T/out" "$T/export"
is "every line has JSON's braces" "$(grep -vc '^{.*}$' "$T/export")" 0
like "the header" "$(head -n 1 "$T/export")" \
	"^\\{\"mp\":\"store\",\"version\":3,\"onion\":\"$(onion a)\"\\}\$"
like "the end" "$(tail -n 1 "$T/export")" "^\\{\"mp\":\"end\",\"rows\":$(($(wc -l <"$T/export") - 2))\\}\$"
exits 100 mp-store import <"$T/export"
is "only into an empty store" "$(cat "$T/err")" "mp-store: the store is not empty"

fresh() {
	rm -rf "$T/new"
	cp -R "$T/a" "$T/new"
	rm "$T"/new/store.db* "$T/new/identity"
	as new mp-keygen >/dev/null || bail "no identity"
	# The same identity as in a.
	rm -r "$T/new/tor"
	cp -R "$T/a/tor" "$T/new/tor"
	cp "$T/a/identity" "$T/new/identity"
}
fresh
home new
exits 0 mp-store import <"$T/export"
is "import says nothing" "$(cat "$T/out" "$T/err")" ""
exits 0 mp-store export
ok "what comes out is what went in" cmp -s "$T/out" "$T/export"
ok "and it is sound" mp-store check
is "a history is the same" "$(mp-inbox -a)" "$(as a mp-inbox -a)"
line in bob 'after the import' | stow
is "numbering goes on" "$(mp-inbox -a | tail -n 1 | cut -f 7)" "after the import"

# All or nothing, the bad line named.
refused() { # NAME WANT: $T/broken
	fresh
	exits 100 mp-store import <"$T/broken"
	like "$1" "$(cat "$T/err")" "^mp-store: standard input:$2"
	is "... and nothing was taken" "$(mp-contact list)$(mp-inbox -a)" ""
}
sed '5s/"table"/"tabel"/' "$T/export" >"$T/broken"
refused "no table" '5: neither'
sed '3s/"state":[0-9]*/"state":"x"/' "$T/export" >"$T/broken"
refused "a word for a number" "3: bad value of 'state'"
sed '3s/"isolation":"[^"]*"/"isolation":"????"/' "$T/export" >"$T/broken"
refused "no base64" "3: bad value of 'isolation'"
sed '3s/"state":0/"state":7/' "$T/export" >"$T/broken"
fresh
exits 100 mp-store import <"$T/broken"
like "a state that there is not" "$(cat "$T/err")" '^mp-store: standard input: contact 2: '
sed '2s/"name"/"nome"/' "$T/export" >"$T/broken"
refused "another column" "2: no 'name'"
sed '2s/{/{"more":1,/' "$T/export" >"$T/broken"
refused "one column more" "2: not the columns of 'contact'"
sed '3s/"id":2/"id":1/' "$T/export" >"$T/broken"
refused "a row twice" "3: the row is there twice"
sed '/"table":"contact","id":2/d' "$T/export" >"$T/broken"
fresh
exits 100 mp-store import <"$T/broken"
like "a key without its contact" "$(cat "$T/err")" "^mp-store: standard input:"
sed '$d' "$T/export" >"$T/broken"
refused "cut at a line" "$(wc -l <"$T/broken"): it ends too early"
head -c 3000 "$T/export" >"$T/broken"
refused "cut in a line" '[0-9]+: bad JSON'
sed '$s/rows":/rows":1/' "$T/export" >"$T/broken"
refused "another number of rows" '[0-9]+: rows are missing'
{ cat "$T/export"; tail -n 1 "$T/export"; } >"$T/broken"
refused "more after the end" '[0-9]+: a line after the end'
sed '1s/"version":3/"version":4/' "$T/export" >"$T/broken"
refused "a newer version" '1: version 4, this program knows 3'
sed '1d' "$T/export" >"$T/broken"
refused "no header" '1: not an export'
: >"$T/broken"
refused "nothing" ' it ends too early'
as other mp-keygen >/dev/null
home other
exits 100 mp-store import <"$T/export"
like "another identity's" "$(cat "$T/err")" 'standard input:1: the export of another identity'
home a

# A warning for a file that others can read; none for a pipe, none for one's own.
(umask 022 && : >"$T/public")
mp-store export >"$T/public" 2>"$T/err"
like "a public file warns" "$(cat "$T/err")" "^mp-store: standard output is a file that others can read"
(umask 077 && : >"$T/private")
mp-store export >"$T/private" 2>"$T/err"
is "a private file does not" "$(cat "$T/err")" ""
is "a pipe does not" "$(mp-store export 2>&1 >/dev/null | cat)" ""
[ ! -e /dev/full ] || {
	mp-store export >/dev/full 2>"$T/err"
	is "a full disk is 111" "$?" 111
}

# prune
home p
mp-keygen >/dev/null
mp-contact offer bob >/dev/null
mp-contact offer carol >/dev/null
i=0
while [ "$i" -lt 300 ]; do
	i=$((i + 1))
	# Of all lengths, so that rows move between pages.
	pad=$(printf "%$((i * 7 % 900))s" '')
	line in bob "bobs-$i-$pad-bobe-$i-"
	line was carol "carols-$i-$pad-carole-$i-"
done | stow || bail "cannot stow"
line in carol "never-read-yet" | stow
mp-inbox | grep bobs- | mp-mark
ok "bob's messages are in the files" holds bobs-7-
count() {
	mp-inbox -a | grep -c "$1"
}
exits 0 mp-store prune -t bob -c 290
is "the newest 290 of bob are left" "$(count bobs-)" 290
is "the others untouched" "$(count carols-)" 300
ok "a pruned text is gone from the files" holds_not bobs-10-
ok "its end too" holds_not bobe-10-
ok "the next is there" holds bobs-11-
exits 0 mp-store prune -e 1h
is "nothing is that old" "$(count bobs-)" 290
exits 0 mp-store prune -e 0s -t carol -c 10
is "the newest 10 of carol are left" "$(count carols-)" 9
is "what is new is one of them" "$(count never-read-yet)" 1
ok "carol's text is gone from the files" holds_not carols-291-
traces=0
for i in $(seq 1 291); do
	holds "carols-$i-" && traces=$((traces + 1))
	holds "carole-$i-" && traces=$((traces + 1))
done
is "no trace of any" "$traces" 0
size=$(wc -c <"$MP_HOME/store.db")
exits 0 mp-store prune -c 0
is "all but the new one is gone" "$(mp-inbox -a | cut -f 7)" "never-read-yet"
ok "the file is smaller" [ "$(wc -c <"$MP_HOME/store.db")" -lt "$size" ]
ok "the log has one page at most, which says that the store was erased" \
	[ "$(cat "$MP_HOME/store.db-wal" 2>/dev/null | wc -c)" -le 4152 ]
exits 0 mp-store prune -c 0
exits 0 mp-store check

# While somebody reads, it waits; when that takes too long it says so.
if command -v sqlite3 >/dev/null; then
	line in bob "held back" | stow
	mp-inbox | mp-mark
	mkfifo "$T/hold" "$T/held"
	start sh -c 'exec sqlite3 "$1" <"$3" >"$2"' - "$MP_HOME/store.db" "$T/held" "$T/hold"
	exec 7>"$T/hold" 8<"$T/held"
	printf 'BEGIN;\nSELECT 1 FROM message;\nSELECT 99;\n' >&7
	while read -r l <&8 && [ "$l" != 99 ]; do :; done
	line in bob "so that there is a log" | stow
	exits 111 mp-store prune -t bob
	like "not erased yet" "$(cat "$T/err")" '^mp-store: deleted, but not yet erased'
	exec 7>&- 8<&-
	wait "$pid"
	exits 0 mp-store prune -t bob
	ok "the second time it is gone" holds_not "held back"
fi

# A removed contact's keys are gone.
home k
mp-keygen >/dev/null
for n in one two three four five six seven eight nine; do
	mp-contact offer "c$n" >/dev/null
done
mp-store export | sed -n 's/.*"table":"key".*"contact":5.*"secret":"\([^"]*\)".*"recv":"\([^"]*\)".*/\1 \2/p' >"$T/keys"
read -r secret recv <"$T/keys"
ok "a key was found" [ "${#secret}" -eq 44 ]
has_bytes() { # BASE64; perl, for a key may have a line feed in it
	cat "$MP_HOME"/store.db* | perl -MMIME::Base64 -e \
		'$/ = undef; exit(index(<STDIN>, decode_base64($ARGV[0])) < 0)' "$1"
}
has_no_bytes() {
	! has_bytes "$1"
}
ok "its secret is in the files" has_bytes "$secret"
ok "its receiving key too" has_bytes "$recv"
mp-contact remove cfive || bail "not removed"
ok "removed, its secret is gone" has_no_bytes "$secret"
ok "its receiving key too" has_no_bytes "$recv"
exits 0 mp-store check
finish
