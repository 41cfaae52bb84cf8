#!/bin/sh
# mp-open: who sealed it and what it says, without any effect.
. "$(dirname "$0")/lib.sh"

dump() {
	sqlite3 "$T/alice/store.db" .dump | sha256sum
}

meet alice bob
meet alice carol
meet bob carol
printf 'a\tb\\\n' | as bob mp-seal -t alice >"$T/one"
printf 'x' | as bob mp-seal -t carol >"$T/alien"
before=$(dump)

exits 1 as alice mp-open </dev/null
exits 0 as alice mp-open <"$T/one"
is "a message" "$(cat "$T/out")" "in	message	bob	$(cut -f 4,5 "$T/one")	-	a\\tb\\\\\\n"
sed 's/	alice	/	-	/; s/	[a-z2-7]*\.onion	/	-	/' "$T/one" >"$T/blank"
as alice mp-open <"$T/blank" >"$T/out2"
ok "... from a blank record" cmp "$T/out" "$T/out2"
exits 0 as alice mp-open -j <"$T/one"
is "-j" "$(jq -r '.class, .kind, .contact, .body' "$T/out")" "in
message
bob
a	b\\"
{
	printf 'out\tmessage\tbob\t-\t-\t-\tto go\n'
	cat "$T/one"
	printf 'event\tfoo\t-\t-\t-\t-\tbar\n'
	cat "$T/alien"
	cat "$T/one"
	printf 'bad line\n'
	printf 'in\tmessage\tbob\t-\t-\t-\there\n'
} >"$T/mixed"
exits 100 as alice mp-open <"$T/mixed"
is "all that is printed was opened" "$(cut -f 1,7 "$T/out")" "in	a\\tb\\\\\\n
in	a\\tb\\\\\\n"
is "what is not sealed is said" "$(grep 'not sealed' "$T/err")" "mp-open: standard input:1: it is not sealed
mp-open: standard input:3: it is not sealed
mp-open: standard input:7: it is not sealed"
is "what is not for us is said" "$(sed -n 3p "$T/err")" \
	"mp-open: cannot open $(cut -f 4 "$T/alien"): not for us or damaged"
like "... and what is no record" "$(sed -n 4p "$T/err")" '^mp-open: standard input:6: '
is "nothing was written" "$(dump)" "$before"
is "... so it is still new to mp-take" "$(as alice mp-inbox | grep -c message)" 0
as alice mp-take <"$T/one"
exits 0 as alice mp-open <"$T/one"

# Nobody puts words in our mouth, or in a friend's, by lines that he wrote on a stick himself.
printf 'out\tmessage\tbob\t-\t-\t-\tI owe 100\n' >"$T/forged"
printf 'in\tmessage\tbob\t%032d\t2026-01-01T00:00:00.000Z\t-\tpay 100\n' 1 >>"$T/forged"
for class in was sent queued failed event; do
	printf '%s\tmessage\tbob\t%032d\t2026-01-01T00:00:00.000Z\t-\tfoo\n' "$class" 2 >>"$T/forged"
done
exits 100 as alice mp-open <"$T/forged"
is "forged lines are not copied" "$(wc -c <"$T/out" | tr -d ' ')" 0
is "... each is said" "$(grep -c 'it is not sealed$' "$T/err")" 7
is "... mp-seal seals nothing of them" "$(as alice mp-open <"$T/forged" 2>/dev/null | as alice mp-seal | wc -c | tr -d ' ')" 0

# What was received is never sent again.
as alice mp-open <"$T/one" | as alice mp-seal >"$T/sealed"
is "mp-open | mp-seal seals nothing" "$(cut -f 1 "$T/sealed")" in

# A greeting is opened only when its sender is who he says.
as alice mp-contact offer dora >"$T/card" 2>/dev/null
as dora mp-keygen >/dev/null
printf 'nickname = Dora\n' >"$T/dora/config"
as dora mp-contact accept alice <"$T/card" | as dora mp-seal >"$T/greeting"
before=$(dump)
exits 0 as alice mp-open <"$T/greeting"
is "a greeting" "$(cut -f 1,2,3,7 "$T/out")" 'in	initial-contact	dora	{"nickname":"Dora"}'
is "... no effect" "$(dump)" "$before"

head -c 300000 /dev/urandom >"$T/data.bin"
as bob mp-seal -t alice -f "$T/data.bin" >"$T/file"
exits 0 as alice mp-open -j <"$T/file"
is "a file, chunk by chunk" "$(jq -r '.body | fromjson | "\(.name) \(.size) \(.chunk)/\(.chunks)"' "$T/out")" \
	"data.bin 300000 0/2
null 300000 1/2
null 300000 2/2"
ok "... nothing is in files" [ ! -e "$T/alice/files/bob" ]

# A copy that cannot be written; root can write everything, so not as root.
cp -R "$T/alice" "$T/a copy?x=1%41"
copy="$T/a copy?x=1%41"
as_nobody=
if [ "$(id -u)" -eq 0 ]; then
	chmod 711 "$T"
	chown -R 65534 "$copy"
	as_nobody='setpriv --reuid=65534 --clear-groups'
fi
chmod -R a-w "$copy"
cp "$BUILD/bin/mp-open" "$T"
# shellcheck disable=SC2086 # words
exits 0 $as_nobody env MP_HOME="$copy" "$T/mp-open" <"$T/one"
is "a copy that cannot be written does" "$(cut -f 1-3 "$T/out")" "in	message	bob"
chmod -R u+w "$copy"
exits 111 sh -c 'MP_HOME=$0/alice mp-open <"$0/one" >/dev/full' "$T"
finish
