#!/bin/sh
# mp-seal: what is sealed, what is only copied, what is refused, and that nothing leaves before it is on disk.
. "$(dirname "$0")/lib.sh"

meet alice bob
home alice

opened() { # FILE: the records as bob reads them
	as bob mp-open <"$1"
}
bodies() {
	opened "$1" | cut -f 7
}
rows() {
	sqlite3 -cmd '.timeout 10000' "$MP_HOME/store.db" "SELECT count(*) FROM message WHERE dir = 1"
}

# All of standard input is one message.
printf 'two\nlines' | mp-seal -t bob >"$T/s"
is "one message is one record" "$(wc -l <"$T/s" | tr -d ' ')" 1
is "it opens as it was" "$(bodies "$T/s")" 'two\nlines'
like "the record is complete" "$(cat "$T/s")" \
	"^sealed${TAB}message${TAB}bob${TAB}[0-9a-f]{32}${TAB}[0-9T:.-]*Z${TAB}[a-z2-7]{56}\\.onion${TAB}[A-Za-z0-9+/]+=*\$"
is "its address is bob's" "$(cut -f 6 "$T/s")" "$(onion bob)"
is "the text is history" "$(mp-inbox -a -t bob | grep -c "^was${TAB}message${TAB}bob.*two.nlines")" 1
head -c 65536 /dev/zero >"$T/64k"
exits 0 mp-seal -t bob <"$T/64k"
is "64 KiB are a message" "$(bodies "$T/out" | sed 's/\\0000*/0/g; s/\\000*/0/g' | tr -d '\n' | wc -c | tr -d ' ')" 65536
echo >>"$T/64k"
exits 100 mp-seal -t bob <"$T/64k"
is "a byte more is refused" "$(cat "$T/err")" "mp-seal: longer than 64 KiB: send it as a file with -f"
is "and prints nothing" "$(wc -c <"$T/out" | tr -d ' ')" 0
exits 1 mp-seal -t bob
is "an empty message is a clean no" "$(cat "$T/err" "$T/out")" ""

# Several contacts.
meet alice carol
echo both >"$T/text"
exits 0 mp-seal -t bob -t carol <"$T/text"
is "each gets a record" "$(cut -f 3 "$T/out" | tr '\n' ' ')" "bob carol "
is "bob opens only his" "$(as bob mp-open <"$T/out" 2>/dev/null | wc -l | tr -d ' ')" 1

# A misspelt contact makes the pipe fail, and seals for nobody.
n=$(rows)
exits 1 mp-seal -t bob -t bbo <"$T/text"
is "says who" "$(cat "$T/err")" "mp-seal: no contact 'bbo'"
is "seals for nobody" "$(wc -c <"$T/out" | tr -d ' ') $(rows)" "0 $n"
exits 1 sh -c 'echo hello | mp-seal -t bbo 2>/dev/null | mp-send'
printf 'out\tmessage\tbbo\t-\t-\t-\thello\n' >"$T/in"
exits 1 mp-seal <"$T/in"
is "names the line" "$(cat "$T/err")" "mp-seal: standard input:1: no contact 'bbo'"
exits 1 sh -c 'mp-seal <"$0" 2>/dev/null | mp-send' "$T/in"

# Lines.
printf 'one\n\n\ntwo\nlast' | mp-seal -l -t bob >"$T/s"
is "each line is a message, empty ones are not, the last needs no LF" "$(bodies "$T/s" | tr '\n' ' ')" "one two last "
{ echo before; head -c 70000 /dev/zero | tr '\0' x; echo; echo after; } >"$T/in"
exits 100 mp-seal -l -t bob <"$T/in"
is "a line that is too long is said" "$(cat "$T/err")" "mp-seal: line 2 is longer than 64 KiB"
is "the others go" "$(bodies "$T/out" | tr '\n' ' ')" "before after "
exits 1 mp-seal -l -t bob
seq 1000 >"$T/in"
exits 0 mp-seal -l -t bob <"$T/in"
bodies "$T/out" >"$T/got"
ok "a thousand lines, in order" cmp -s "$T/in" "$T/got"

# As they come: the second line is not written before the first was seen.
mkfifo "$T/fifo"
: >"$T/s"
mp-seal -l -t bob <"$T/fifo" >>"$T/s" &
pid=$!
pids="$pids $pid"
exec 3>"$T/fifo"
echo first >&3
ok "a line leaves while the input is open" wait_for [ -s "$T/s" ]
is "as it is" "$(bodies "$T/s")" "first"
printf 'second\nhal' >&3
seen() { [ "$(wc -l <"$T/s")" -eq "$1" ]; }
ok "so does the next" wait_for seen 2
exec 3>&-
wait "$pid"
is "and at the end the rest" "$(bodies "$T/s" | tr '\n' ' ')" "first second hal "

# Records.
{
	printf 'out\tmessage\tbob\t%s\t2026-01-02T03:04:05.678Z\t-\t%s\n' 00112233445566778899aabbccddeeff 'a\tb'
	printf 'event\tcard-used\t-\t-\t-\t-\t{}\n'
	printf '{"class":"out","kind":"message","contact":"bob","body":"json"}\n'
	printf 'in\tmessage\tbob\t-\t-\t-\thello\n'
} >"$T/in"
exits 0 mp-seal <"$T/in"
cp "$T/out" "$T/s"
is "out is sealed, the rest copied in order" "$(cut -f 1 "$T/s" | tr '\n' ' ')" "sealed event sealed in "
is "other classes are unchanged" "$(sed -n '2p;4p' "$T/s")" "$(sed -n '2p;4p' "$T/in")"
grep ^sealed "$T/s" >"$T/sealed"
is "id and time stay" "$(sed -n 1p "$T/sealed" | cut -f 4,5)" "00112233445566778899aabbccddeeff${TAB}2026-01-02T03:04:05.678Z"
is "the text is decoded once" "$(bodies "$T/sealed" | head -n 1)" 'a\tb'
n=$(rows)
exits 0 mp-seal <"$T/in"
is "sealed again: another envelope" "$(cat "$T/out" "$T/s" | grep -c 0011223344)" 2
is "two different ones" "$(cat "$T/out" "$T/s" | grep 0011223344 | sort -u | wc -l | tr -d ' ')" 2
is "one entry in the history" "$(rows)" "$((n + 1))"

{
	printf 'out\tmessage\tbob\t-\t-\t-\tone\n'
	echo garbage
	printf 'out\tfile\tbob\t-\t-\t-\t{"name":"x"}\n'
	printf 'out\tmessage\tbob\t-\t-\t-\t-\n'
	printf 'out\tmessage\t-\t-\t-\t-\tx\n'
	printf 'out\tmessage\tbob\t-\t-\t-\ttwo\n'
	printf 'out\tmessage\tbob\t-\t-\t-\tcut'
} >"$T/in"
exits 100 mp-seal <"$T/in"
is "good records go on past bad ones" "$(bodies "$T/out" | tr '\n' ' ')" "one two "
is "each bad one is one line" "$(cut -d: -f 1-3 "$T/err")" "$(printf 'mp-seal: standard input:%s\n' 2 3 4 5 7)"
exits 1 mp-seal

# What was received or said is never sent again.
as bob mp-take <"$T/sealed" || bail "take"
as bob mp-inbox -a >"$T/history"
ok "there is a history" grep -q "^in" "$T/history"
as bob mp-inbox -a | as bob mp-seal >"$T/copied"
ok "mp-inbox -a | mp-seal seals nothing" cmp -s "$T/history" "$T/copied"
as bob mp-open <"$T/sealed" >"$T/opened"
as bob mp-open <"$T/sealed" | as bob mp-seal >"$T/copied"
ok "mp-open | mp-seal neither" cmp -s "$T/opened" "$T/copied"
as alice mp-inbox -a >"$T/history"
as alice mp-inbox -a | as alice mp-seal >"$T/copied"
ok "nor what was sent earlier" cmp -s "$T/history" "$T/copied"
as alice mp-inbox -aj >"$T/history"
as alice mp-inbox -aj | as alice mp-seal >"$T/copied"
ok "nor as NDJSON" cmp -s "$T/history" "$T/copied"

# Blank and JSON.
exits 0 mp-seal -b -t bob <"$T/text"
is "blank: contact and ref" "$(cut -f 3,6 "$T/out")" "-$TAB-"
is "and opens all the same" "$(bodies "$T/out")" 'both\n'
exits 0 mp-seal -j -t bob <"$T/text"
like "-j is NDJSON" "$(cat "$T/out")" '^\{"class":"sealed","kind":"message","contact":"bob",.*"body":"[A-Za-z0-9+/=]+"\}$'
is "which opens" "$(bodies "$T/out")" 'both\n'

# Files.
head -c 1000000 /dev/urandom >"$T/a file.bin"
: >"$T/empty"
exits 0 mp-seal -t bob -f "$T/a file.bin" -f "$T/empty"
is "offer, four chunks, an empty file" "$(cut -f 1,2,3 "$T/out" | uniq -c | tr -s ' \t' ' ')" " 6 sealed file bob"
is "the chunks count up" "$(cut -f 4 "$T/out" | cut -c 25- | tr '\n' ' ')" "00000000 00000001 00000002 00000003 00000004 00000000 "
like "the receiver reads the last component" "$(opened "$T/out" 2>/dev/null | head -n 1)" '"name": ?"a file.bin"'
is "the history has both" "$(mp-inbox -a | grep -c "^was${TAB}file${TAB}bob")" 2
is "nothing on stderr that is no terminal" "$(cat "$T/err")" ""
exits 100 mp-seal -t bob -f "$T/none"
is "a file that is not there" "$(cat "$T/err")" "mp-seal: cannot open '$T/none': No such file or directory"
exits 100 mp-seal -t bob -f "$T"
exits 100 mp-seal -t bob -f /dev/zero
exits 100 mp-seal -t bob -f "$T/none" -f "$T/empty"
is "the other file goes" "$(wc -l <"$T/out" | tr -d ' ')" 1
exits 100 mp-seal -f "$T/empty"
exits 100 mp-seal -l
exits 100 mp-seal -l -t bob -f "$T/empty"
exits 100 mp-seal operand

# Constant memory: a file larger than the memory that is allowed.
room=160000 lines=100000
sanitized && room=unlimited lines=5000
truncate -s 300M "$T/big"
ok "300 MiB pass through 160 MiB of address space" \
	sh -c 'ulimit -v "$2"; mp-seal -t bob -f "$1" >/dev/null' - "$T/big" "$room"
yes 'a line of some length or other' | head -n $lines >"$T/many"
ok "so do $lines lines" \
	sh -c 'ulimit -v "$2"; mp-seal -l -t bob <"$1" >/dev/null' - "$T/many" "$room"
rm "$T/many" "$T/big"

# What cannot leave.
exits 111 sh -c 'mp-seal -t bob <"$1" >/dev/full' - "$T/text"
is "a full stdout is one line" "$(cat "$T/err")" "mp-seal: cannot write standard output: No space left on device"
exits 100 sh -c 'mp-seal -t bob <"$1" >&-' - "$T/text"
exits 111 sh -c 'mp-seal -t bob -f "$1" >/dev/full' - "$T/a file.bin"
is "a file stops at once" "$(wc -l <"$T/err" | tr -d ' ')" 1

# A disk that is full: one line, the right code, nothing printed that is not on it, the store whole.
meet erin bob
head -c 45000 /dev/urandom | base64 | tr -d '\n' >"$T/text"
i=0
while [ "$i" -lt 100 ]; do
	printf 'out\tmessage\tbob\t-\t-\t-\t%s\n' "$(cat "$T/text")"
	i=$((i + 1))
done >"$T/in"
cat >"$T/full.sh" <<'END'
T=$1
mkdir "$T/small" && mount -t tmpfs -o size=3m tmpfs "$T/small" && cp -R "$T/erin" "$T/small" || exit 99
MP_HOME=$T/small/erin
export MP_HOME
mp-seal <"$T/in" >"$T/out" 2>"$T/err"
echo $? >"$T/status"
sqlite3 -cmd '.timeout 10000' "$MP_HOME/store.db" 'PRAGMA integrity_check' >"$T/whole"
sqlite3 -cmd '.timeout 10000' "$MP_HOME/store.db" "SELECT lower(hex(id)) FROM message WHERE dir = 1" | sort >"$T/stored"
umount "$T/small"
END
if unshare -rm sh "$T/full.sh" "$T"; then
	is "a full disk is 111" "$(cat "$T/status")" 111
	is "and one line" "$(cat "$T/err")" "mp-seal: the disk is full: nothing was stored"
	is "the store is whole" "$(cat "$T/whole")" ok
	cut -f 4 "$T/out" | sort >"$T/printed"
	ok "some were sealed before" [ -s "$T/printed" ]
	is "what was printed is stored" "$(comm -23 "$T/printed" "$T/stored")" ""
else
	note "no small disk can be mounted here"
fi

home alice
mp-contact block bob || bail block
exits 100 mp-seal -t bob <"$T/64k"
is "a blocked contact gets nothing" "$(cat "$T/err")" "mp-seal: 'bob' is blocked"
as alice mp-contact offer dave >/dev/null
exits 100 mp-seal -t dave <"$T/64k"
is "nor one who has not accepted" "$(cat "$T/err")" "mp-seal: 'dave' has not accepted our card yet"
finish
