#!/bin/sh
# mp-file: offers that wait for a person.
. "$(dirname "$0")/lib.sh"

meet alice bob
printf 'file.accept = 1000\n' >"$T/alice/config"
for f in small:500 big:600000 other:2000 third:3000; do
	head -c "${f#*:}" /dev/urandom >"$T/${f%:*}.bin"
	as bob mp-seal -t alice -f "$T/${f%:*}.bin" >"$T/${f%:*}"
done
id() { # FILE: its transfer's id
	head -n 1 "$T/$1" | cut -f 4
}

exits 1 as alice mp-file list
is "nothing to list says nothing" "$(cat "$T/out" "$T/err")" ""
exits 100 as alice mp-file
exits 100 as alice mp-file lost
exits 100 as alice mp-file accept
exits 100 as alice mp-file list all
exits 100 as alice mp-file accept 12345
exits 1 as alice mp-file accept 00112233445566778899aabb00000000
is "an unknown id is said" "$(cat "$T/err")" \
	"mp-file: no file 00112233445566778899aabb00000000 is offered"

ok "a small file is taken unasked" as alice mp-take <"$T/small"
ok "... and is there" cmp "$T/small.bin" "$T/alice/files/bob/small.bin"
as alice mp-due >/dev/null
exits 111 as alice mp-take <"$T/big"
is "a big one is taken note of, its parts are for later" "$(cat "$T/err")" "$(sed 1d "$T/big" | cut -f 4 |
	sed 's/.*/mp-take: cannot take &: the file waits for mp-file accept: bring it again after that/')"
ok "... but not taken" [ ! -e "$T/alice/files/bob/big.bin" ]
is "... no byte of it" "$(find "$T/alice/spool" -type f | wc -l)" 0
is "a person is told" "$(as alice mp-inbox | grep file-offer | cut -f 1-3,7)" \
	"event	file-offer	bob	{\"file\":\"$(id big)\",\"name\":\"big.bin\",\"size\":600000}"
exits 0 as alice mp-file list
is "it is listed" "$(cut -f 1-4,7 "$T/out")" \
	"event	file-offer	bob	$(id big)	{\"file\":\"$(id big)\",\"name\":\"big.bin\",\"size\":600000,\"state\":\"offered\",\"have\":0}"
exits 0 as alice mp-file list -j
is "... as NDJSON" "$(jq -r .id "$T/out")" "$(id big)"

exits 0 as alice mp-file accept "$(id big)"
cp "$T/out" "$T/accept"
is "accepting prints the answer" "$(cut -f 1-3,6,7 "$T/accept")" \
	"out	file-status	bob	-	{\"file\":\"$(id big)\",\"answer\":\"from\",\"from\":1}"
exits 0 as alice mp-file accept "$(id big)"
is "... again the same" "$(cut -f 4,7 "$T/out")" "$(cut -f 4,7 "$T/accept")"
is "mp-due prints it while it is owed" "$(as alice mp-due | grep "$(id big)" | cut -f 4,7)" "$(cut -f 4,7 "$T/accept")"
head -n 2 "$T/big" >"$T/start"
ok "now a chunk is taken" as alice mp-take <"$T/start"
exits 0 as alice mp-file list -j
is "... and listed" "$(jq -r '.kind + " " + (.body | fromjson | .state) + " " + (.body | fromjson | .have > 0 | tostring)' "$T/out")" \
	"file-partial accepted true"
ok "the rest" as alice mp-take <"$T/big"
ok "... makes it whole" cmp "$T/big.bin" "$T/alice/files/bob/big.bin"
exits 1 as alice mp-file list
exits 100 as alice mp-file decline "$(id big)"
is "too late to decline" "$(cat "$T/err")" "mp-file: 'big.bin' is here already"

exits 111 as alice mp-take <"$T/other"
as alice mp-take <"$T/third" 2>/dev/null
exits 0 as alice mp-file decline "$(id other)" "$(id third)"
is "declining prints two answers" "$(cut -f 7 "$T/out")" \
	"{\"file\":\"$(id other)\",\"answer\":\"no\"}
{\"file\":\"$(id third)\",\"answer\":\"no\"}"
exits 100 as alice mp-file accept "$(id other)"
is "a declined one stays so" "$(cat "$T/err")" "mp-file: 'other.bin' was declined"
exits 0 as alice mp-file decline "$(id other)"
exits 100 as alice mp-file decline 1 "$(id third)"
is "a bad id does not stop the others" "$(wc -l <"$T/out")" 1
exits 0 as alice mp-take <"$T/third"
ok "... and nothing of it is taken" [ ! -e "$T/alice/files/bob/third.bin" ]

# Given up half way: what is here is deleted.
head -c 900000 /dev/urandom >"$T/half.bin"
as bob mp-seal -t alice -f "$T/half.bin" >"$T/half"
head -n 1 "$T/half" | as alice mp-take
as alice mp-file accept "$(id half)" >/dev/null
head -n 3 "$T/half" | as alice mp-take
is "half a file is in the spool" "$(find "$T/alice/spool" -type f | wc -l)" 1
exits 0 as alice mp-file decline "$(id half)"
is "... and gone" "$(find "$T/alice/spool" -type f | wc -l)" 0
exits 111 sh -c 'MP_HOME=$0/alice mp-file decline "$1" >/dev/full' "$T" "$(id half)"

# Its sender hears of it.
as alice mp-due | grep "$(id half)" | as alice mp-seal | as bob mp-take
is "the sender is told" "$(as bob mp-inbox -j | jq -r 'select(.kind == "file-declined") | .body | fromjson | .file')" "$(id half)"
finish
