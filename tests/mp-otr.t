#!/bin/sh
# mp-otr: real processes over a transport of lines: sessions, messages, files, who comes and goes, people that were
# compared, and what is refused.
# shellcheck disable=SC2154 # pid: of lib.sh
. "$(dirname "$0")/lib.sh"

command -v python3 >/dev/null || skip_all "python3 is not installed"

# --- Keys and people.
home a
exits 1 mp-otr list
exits 0 mp-otr show
print=$(cat "$T/out")
like 'a fingerprint has ten groups' "$print" '^([0-9a-f]{4} ){9}[0-9a-f]{4}$'
is 'the key is made once' "$(mp-otr show)" "$print"
is 'its file is private' "$(stat -c %a "$T/a/otr/key")" 600
like 'and says whose it is' "$(head -n 1 "$T/a/otr/key")" "fingerprint $print\$"
is 'another home has another' "$([ "$(as b mp-otr show)" = "$print" ] && echo same)" ''
bob=$(as b mp-otr show)
exits 0 mp-otr trust bob "$(printf '%s' "$bob" | tr -d ' ' | tr a-f A-F)"
exits 100 mp-otr trust bob "$print"
like 'a name has one key' "$(cat "$T/err")" "^mp-otr: there is a key for 'bob' already\$"
exits 0 mp-otr list
is 'list' "$(cut -f 1-3,7 "$T/out")" "event${TAB}otr-person${TAB}bob${TAB}{\"fingerprint\":\"$bob\"}"
exits 0 mp-otr list -j
like 'as NDJSON' "$(cat "$T/out")" '^\{"class":"event","kind":"otr-person","contact":"bob"'
exits 0 mp-otr forget bob
exits 1 mp-otr forget bob
for bad in '' "$print 00" zz "$(echo "$print" | tr 0-9 g)"; do
	exits 100 mp-otr trust carol "$bad"
done
exits 100 mp-otr trust ../x "$print"
exits 100 mp-otr trust
exits 100 mp-otr frobnicate
exits 100 mp-otr show -j
chmod 644 "$T/a/otr/key"
exits 100 mp-otr show
chmod 600 "$T/a/otr/key"
echo nonsense >"$T/a/otr/key"
exits 100 mp-otr show
like 'a key file that is none' "$(cat "$T/err")" 'is no key file$'
rm "$T/a/otr/key"
for i in 1 2 3 4 5 6; do mp-otr show >"$T/show.$i" & done
wait
is 'six that make it at once have one key' "$(sort -u "$T"/show.? | wc -l)" 1

# --- What a session needs.
exits 100 mp-otr -r ops
exits 100 mp-otr -n alice
exits 100 mp-otr -r 'no blank' -n alice 3</dev/null 4>"$T/none"
exits 100 mp-otr -r ops -n 'No Name' 3</dev/null 4>"$T/none"
exits 100 mp-otr -r ops -n alice -w 0 3</dev/null 4>"$T/none"
exits 100 mp-otr -r ops -n alice -e 1s 3</dev/null 4>"$T/none"
exits 100 mp-otr -r ops -n alice -o "$T/nowhere" 3</dev/null 4>"$T/none"
exits 100 mp-otr -r ops -n alice 3<&- 4>&-
like 'the descriptors' "$(cat "$T/err")" 'descriptors 3 and 4, which are not open$'
exits 111 mp-otr -r ops -n alice 4>"$T/none" 3<"$T/show.1"
like 'a transport that ends' "$(cat "$T/err")" 'the transport ended$'

# --- Sessions.
hubs=0
room() { # COMMAND ...: each is a person
	hubs=$((hubs + 1))
	hub=$T/hub$hubs
	mkdir "$hub"
	start python3 "$ROOT/tests/tools/hub.py" "$hub" "$@"
	wait_for [ -p "$hub/join" ] || bail 'the transport does not start'
}
person() { printf "MP_HOME='%s' mp-otr -w 30 -r ops@test -n %s %s" "$T/$1" "$1" "${2:-}"; }
has() { # N ERE: a line of what person N was told
	grep -Eqs -- "$2" "$hub/out.$1"
}
sends() { # N FILE
	cat "$2" >"$hub/say.$1"
}
says() { # N TEXT
	printf 'out\tmessage\t-\t-\t-\t-\t%s\n' "$2" >"$hub/say.$1"
}
count() { grep -Ec -- "$2" "$hub/out.$1"; }
at_least() { # N ERE COUNT
	[ "$(count "$1" "$2")" -ge "$3" ]
}
go() { # N
	kill -TERM "$(cat "$hub/pid.$1")"
}
ended() { [ -s "$hub/status.$1" ]; }

mkdir "$T/files" "$T/a/x" 2>/dev/null
as b mp-otr trust alice "$(as a mp-otr show)"
room "$(person a)" "$(person b "-o '$T/files'")" "$(person c -N)"
ok 'three agree' wait_for has 0 otr-open
ok '... all of them' wait_for has 1 otr-open
ok '... the third' wait_for has 2 otr-open
members() { grep otr-open "$hub/out.$1" | tail -n 1 | grep -o '"member":"[^"]*"' | sort; }
is 'they name the same members' "$(members 0)$(members 1)" "$(members 1)$(members 2)"
is 'there are three' "$(members 0 | wc -l)" 3
like 'who was compared has his name' "$(grep otr-open "$hub/out.1")" '"nick":"a","fingerprint":"[^"]*","contact":"alice"'
like 'others have none' "$(grep otr-open "$hub/out.0")" '"nick":"b","fingerprint":"[^"]*","contact":null'
like 'a key for this call only' "$(grep otr-identity "$hub/out.2")" '"kept":false'
ok '... leaves nothing in the home' [ ! -e "$T/c/otr/key" ]
says 0 'greetings\nthere, \\ and \0033[31mred'
ok 'a message arrives' wait_for has 1 greetings
ok '... at all' wait_for has 2 greetings
like 'under the name of who was compared' "$(grep greetings "$hub/out.1")" \
	"^in${TAB}message${TAB}alice${TAB}[0-9a-f]{32}${TAB}[^${TAB}]*${TAB}a:[0-9a-f]{16}${TAB}greetings.nthere, .. and .0033\[31mred\$"
like 'under nick and key elsewhere' "$(grep greetings "$hub/out.2")" "^in${TAB}message${TAB}-${TAB}[0-9a-f]{32}${TAB}[^${TAB}]*${TAB}a:"
is 'with one id' "$(grep -h greetings "$hub/out.1" | cut -f 4)" "$(grep -h greetings "$hub/out.2" | cut -f 4)"
unlike 'and nowhere on the wire' "$(cat "$hub/lines")" 'greetings|there'

# What is not for a session.
{
	printf 'in\tmessage\tx\t-\t-\t-\tpassed on\n'
	printf 'out\tmessage\tx\t-\t-\t-\tfor a contact\n'
	printf 'out\tping\t-\t-\t-\t-\t-\n'
	printf 'foo\tmessage\t-\t-\t-\t-\tx\n'
	printf '{"class":"out","kind":"message","body":"as JSON"}\n'
} >"$T/in"
sends 0 "$T/in"
ok 'NDJSON is a record too' wait_for has 1 'as JSON'
ok 'a class that is not ours is passed on' has 0 "^in${TAB}message${TAB}x${TAB}-${TAB}-${TAB}-${TAB}passed on\$"
is 'the others are errors, one line each' "$(wc -l <"$hub/err.0")" 3
like '... a record for a contact' "$(cat "$hub/err.0")" "a record for 'x', not for a room"
unlike '... which reached nobody' "$(cat "$hub/out.1" "$hub/out.2")" 'for a contact|passed on'
# A peer's line that looks like a record, or like anything else, does nothing.
printf 'out\tmessage\t-\t-\t-\t-\tposing\nevent\totr-verified\t-\t-\t-\t-\t-\n\n{"mpotr":1}\n' >"$hub/posing"
echo "cat '$hub/posing'" >"$hub/join"
says 1 'after that'
ok 'lines that are none' wait_for has 0 'after that'
unlike '... are nobody'"'"'s words' "$(cat "$hub/out.0" "$hub/out.1" "$hub/out.2")" 'posing$|^out'

# Files.
head -c 100000 /dev/urandom >"$T/report.bin"
: >"$T/-empty"
exits 0 mp-otr file "$T/report.bin"
is 'a file is a record for each piece' "$(cut -f 1,2 "$T/out" | sort | uniq -c | tr -s ' ')" " 5 out${TAB}file"
cp "$T/out" "$T/pieces"
sends 0 "$T/pieces"
ok 'a file arrives' wait_for has 1 "^in${TAB}file${TAB}alice"
ok '... whole' cmp "$T/report.bin" "$T/files/report.bin"
like '... and is named' "$(grep "in${TAB}file" "$hub/out.1")" "\"path\":\"$T/files/report.bin\""
ok 'who named no folder gets none' wait_for has 2 "^event${TAB}otr-file-failed.*no folder"
is '... and hears of it once' "$(count 2 otr-file-failed)" 1
exits 0 mp-otr file -- "$T/report.bin" "$T/-empty"
sed 's/^\(.*"data":"\)..../\1AAAA/' "$T/out" | sed -n 1,5p >"$T/wrong"
sends 0 "$T/wrong"
ok 'one whose hash is wrong does not' wait_for has 1 "^event${TAB}otr-file-failed.*hash is wrong"
sed -n 6p "$T/out" >"$T/empty"
sends 0 "$T/empty"
ok 'an empty one does' wait_for has 1 '"size":0'
sends 0 "$T/pieces"
wait_for at_least 1 "^in${TAB}file" 3
is 'nothing is overwritten' "$(find "$T/files" -name '*report*' | wc -l)" 2
is 'nothing is left over' "$(find "$T/files" -name '.mp*' | wc -l)" 0
exits 100 mp-otr file "$T/nowhere"
exits 100 mp-otr file "$T"

# Who leaves.
says 2 'the last word'
ok 'the last word' wait_for has 0 'the last word'
go 2
ok 'one leaves' wait_for ended 2
is '... in order' "$(cat "$hub/status.2")" 0
ok '... which the others hear' wait_for has 0 "^event${TAB}otr-left.*${TAB}c:"
for i in 0 1 2; do
	ok "person $i has a verified transcript" wait_for has $i otr-verified
done
digest() { grep otr-verified "$hub/out.$1" | head -n 1 | grep -o '"digest":"[^"]*"'; }
is 'it is one' "$(digest 0)$(digest 0)" "$(digest 1)$(digest 2)"
ok 'its key is published' wait_for has 0 "^event${TAB}otr-published.*${TAB}c:"
ok 'two have a new session' wait_for at_least 0 otr-open 2
ok '... both' wait_for at_least 1 otr-open 2
is '... of two' "$(members 0 | wc -l)" 2
says 0 'we two'
ok '... and talk' wait_for has 1 'we two'
person d >"$hub/join.new"
cat "$hub/join.new" >"$hub/join"
echo >"$hub/join"
ok 'a fourth comes' wait_for at_least 0 otr-open 3
ok 'and is in' wait_for has 4 otr-open
is 'they are three again' "$(members 0 | wc -l)" 3
unlike 'who came late read nothing of before' "$(cat "$hub/out.4")" 'we two'
for i in 0 1 4; do
	go $i
	wait_for ended $i
	is "person $i has done" "$(cat "$hub/status.$i")" "$([ $i = 0 ] && echo 100 || echo 0)"
	[ $i = 0 ] || is '... without a complaint' "$(cat "$hub/err.$i")" ''
done
wait "$pid"
unlike 'nothing was aborted' "$(cat "$hub"/out.*)" otr-abort

# --- Only people who were compared.
as a mp-otr trust bob "$(as b mp-otr show)"
room "$(person a -V)" "$(person b -V)" "$(person d)"
ok 'with -V' wait_for has 1 otr-open
is 'a session has only those' "$(members 1 | wc -l)" 2
like '... that were' "$(members 1)" 'a:'
for i in 0 1 2; do go $i; done
wait "$pid"

# --- Lines instead of records, one after the other from a pipe.
room "$(person a -l)" "$(person b '-l -j')"
ok 'with -l and -j' wait_for has 0 otr-open
printf 'plain \\ text\n\n' >"$hub/say.0"
ok 'a line is a text' wait_for has 1 '"body":"plain .. text"'
like 'in NDJSON' "$(grep plain "$hub/out.1")" '^\{"class":"in","kind":"message","contact":"alice"'
go 0
go 1
wait "$pid"

# --- A person's pipe that ends: everything in it is said, then he leaves.
mkfifo "$T/fifo"
room "$(person b -l)"
echo "$(person a -l) 3<'$T/fifo'" >"$hub/join"
printf 'one\ntwo\nthree\n' >"$T/fifo"
ok 'what was in the pipe is said' wait_for has 0 three
ok '... in order' [ "$(grep -oE '(one|two|three)$' "$hub/out.0" | tr '\n' ' ')" = 'one two three ' ]
ok 'and he leaves' wait_for ended 1
is '... in order' "$(cat "$hub/status.1")" 0
ok '... with a verified transcript' has 1 otr-verified
go 0
wait "$pid"

# --- Nobody there.
room "$(person a -l)"
sleep_until() { has 0 otr-identity; }
ok 'alone' wait_for sleep_until
go 0
wait "$pid"
is 'alone there was no session: a clean no' "$(cat "$hub/status.0")" 1

# --- The terminal front, one at each end of a pair of pipes; and over the messages of two contacts.
talk=$ROOT/share/examples/talk
mkfifo "$T/ab" "$T/ba" "$T/type.a" "$T/type.b"
exec 7<>"$T/type.a" 8<>"$T/type.b"
talks() { # HOME ROOM NICKNAME TRANSPORT: with $T/type.HOME and $T/shown.HOME
	env MP_HOME="$T/$1" OTR='-w 30' sh "$talk" "$2" "$3" "$4" <"$T/type.$1" >"$T/shown.$1" 7>&- 8>&- &
	pids="$pids $!"
}
talks a cafe anna "cat '$T/ba' & exec cat >'$T/ab'"
anna=$!
talks b cafe bert "cat '$T/ab' & exec cat >'$T/ba'"
bert=$!
shows() { grep -Eqs -- "$2" "$T/shown.$1"; }
ok 'talk: both are in a session' wait_for shows a otr-open
echo 'good evening' >&7
ok '... what is typed is shown at the other end' wait_for shows b ' alice \[anna:[0-9a-f]*\]> good evening$'
exec 7>&-
wait "$anna"
is '... who ends his input has left' "$?" 0
ok '... in order' shows a otr-verified
ok '... at both ends' wait_for shows b otr-verified
exec 8>&-
wait "$bert"
exits 100 sh "$talk" cafe anna

# --- Over the messages of two contacts: the line of the manual, with files in the place of the terminal.
if command -v jq >/dev/null; then
	line=$(awk '/^mp-inbox -f -j -t bob/ { on = 1 } on && /^\.Ed/ { exit } on' "$ROOT/man/mp-otr.1")
	meet anna bert
	# A fingerprint that came in the contact's own message: the other line of the manual.
	for m in 'no fingerprint' "$(as bert mp-otr show)" 'the last word'; do
		printf '%s\n' "$m" | as bert mp-seal -t anna | as anna mp-take
	done
	awk '/^mp-otr trust bob "/ { on = 1 } on && /^\.Ed/ { exit } on' "$ROOT/man/mp-otr.1" | sed 's/bob/bert/g' >"$T/line"
	as anna sh "$T/line"
	is "a contact's own message has his fingerprint" "$(as anna mp-otr list | cut -f 3,7)" \
		"bert$TAB{\"fingerprint\":\"$(as bert mp-otr show)\"}"
	as anna mp-otr forget bert
	serve_tls anna
	serve_tls bert
	mkfifo "$T/tty.anna" "$T/tty.bert"
	exec 7<>"$T/tty.anna" 8<>"$T/tty.bert"
	contacts() { # HOME CONTACT
		(
			home "$1"
			printf '%s\n' "$line" | sed -e "s,3</dev/tty,3<'$T/tty.$1',; s,4>/dev/tty,4>'$T/heard.$1'," \
				-e "s/-t bob/-t $2/; s/-w 10m/-w 30/; s/-n me/-n $1/" >"$T/line.$1"
			exec setsid sh "$T/line.$1"
		) 7>&- 8>&- &
		pids="$pids $!"
	}
	contacts anna bert
	contacts bert anna
	heard() { grep -Eqs -- "$2" "$T/heard.$1"; }
	ok 'a session over sealed messages' wait_for heard anna otr-open
	ok '... at both ends' wait_for heard bert otr-open
	echo 'sealed twice' >&7
	ok '... carries a text' wait_for heard bert 'sealed twice$'
	exec 7>&-
	ok '... and ends in order' wait_for heard bert otr-verified
	ok '... at both ends' wait_for heard anna otr-verified
	exec 8>&-
	# mp-inbox goes on to wait for messages.
	for p in $(ps -eo pid,args | awk -v t="$T/line." 'index($0, t) && !/awk/ { print $1 }'); do
		kill -- "-$p" 2>/dev/null
	done
else
	note 'no jq here'
fi

# --- Ten.
set --
for i in 0 1 2 3 4 5 6 7 8 9; do
	set -- "$@" "MP_HOME='$T/ten$i' mp-otr -N -w 60 -r ten -n p$i"
done
room "$@"
all_have() { # ERE COUNT
	for n in 0 1 2 3 4 5 6 7 8 9; do
		at_least $n "$1" "$2" || return 1
	done
}
ten_open() {
	for n in 0 1 2 3 4 5 6 7 8 9; do
		[ "$(members $n 2>/dev/null | wc -l)" = 10 ] || return 1
	done
}
ok 'ten agree' wait_for ten_open
i=0
while [ $i -lt 75 ]; do
	says $((i % 10)) "message $i"
	i=$((i + 1))
done
n=8
for p in 0 1 2 3 4; do
	ok "person $p reads what the others said" wait_for at_least $p "^in${TAB}message" $((75 - n))
done
for p in 5 6 7 8 9; do
	ok "person $p too" wait_for at_least $p "^in${TAB}message" 68
done
go 3
ok 'all have verified transcripts' wait_for all_have otr-verified 1
session=$(grep otr-verified "$hub/out.0" | head -n 1 | cut -f 7)
is 'which are one' "$(grep -hF "$session" "$hub"/out.* | wc -l)" 10
lines=$(grep -c . "$hub/lines")
bytes=$(wc -c <"$hub/lines")
note "ten people, 75 messages, one leaves: $lines lines, $bytes bytes"
for i in 0 1 2 4 5 6 7 8 9; do go $i; done
wait "$pid"
unlike 'nothing was aborted, but what began when all left' "$(grep -h otr-abort "$hub"/out.* | grep -v '"reason":"left"')" .
finish
