#!/bin/sh
# Whatever somebody sends who may not: one and the same answer, byte for byte, and no effect.
. "$(dirname "$0")/lib.sh"

dump() { # HOME
	sqlite3 "$T/$1/store.db" .dump | sha256sum
	(cd "$T/$1" && find files spool run -type f | sort)
}

# One request with the body of $T/body to the home; the answer in $T/answer.
post() { # HOME
	as "$1" perl "$ROOT/tests/post.pl" mp-recv <"$T/body" >"$T/answer"
}

envelope() { # RECORD-FILE: the raw envelope of its one sealed record into $T/body
	cut -f 7 "$1" | openssl base64 -d -A >"$T/body"
}

refused() { # NAME HOME
	before=$(dump "$2")
	post "$2" || note "mp-recv: $?"
	ok "$1: the one answer" cmp "$T/refusal" "$T/answer"
	is "$1: no effect" "$(dump "$2")" "$before"
}

taken() { # NAME HOME
	post "$2" || note "mp-recv: $?"
	like "$1" "$(head -n 1 "$T/answer")" '^HTTP/1.1 204 '
}

meet alice bob
meet alice carol
meet bob carol

# What anybody gets who sends anything at all.
head -c 1052 /dev/urandom >"$T/body"
before=$(dump alice)
post alice
cp "$T/answer" "$T/refusal"
is "the one answer" "$(tr -d '\r' <"$T/refusal")" "HTTP/1.1 400 Bad Request
Content-Length: 0"
is "random bytes: no effect" "$(dump alice)" "$before"
printf x >"$T/body"
refused "one byte" alice
head -c 524288 /dev/urandom >"$T/body"
refused "512 KiB" alice

printf 'hello' | as bob mp-seal -t alice >"$T/sealed"

envelope "$T/sealed"
refused "reflected to its sender" bob
refused "moved to another contact's address" carol
cp "$T/body" "$T/whole"
for n in 0 5 11 12 27 100 1051; do
	head -c "$n" "$T/whole" >"$T/body"
	# Nothing at all is no request; see mp-recv.t.
	[ "$n" -eq 0 ] || refused "truncated to $n bytes" alice
done
cat "$T/whole" "$T/refusal" >"$T/body"
refused "extended" alice
for n in 0 11 12 27 28 43 44 52 1035 1036 1051; do
	perl -0777 -pe 'BEGIN { $n = shift } substr($_, $n, 1) ^= chr(1 << $n % 8)' "$n" <"$T/whole" >"$T/body"
	refused "a bit of byte $n flipped" alice
done
cp "$T/whole" "$T/body"
taken "the envelope itself" alice
is "... and its message is there" "$(as alice mp-inbox | grep -c 'message	bob	.*	hello$')" 1
before=$(dump alice)
taken "replayed: the same answer" alice
is "replayed: no effect" "$(dump alice)" "$before"

# A legitimate contact who sends what no sealer makes.
head='"id":"000102030405060708090a0b0c0d0e0f","time":"2026-11-20T10:00:00.000Z"'
forge() {
	as bob "$BUILD/tools/forge" alice "$@" >"$T/body"
}
forge '{"type":"letter",'"$head"'}' hello
refused "an unknown type" alice
forge '{"type":"message",'"$head"'}' hello 1
refused "bad padding" alice
forge '{"type":"message",'"$head"'}' ''
refused "an empty message" alice
forge '{"type":"initial-contact",'"$head"'}' ''
refused "a greeting without its fields" alice
forge '[]' ''
refused "a header that is no object" alice
forge '{"type":"message","type":"message",'"$head"'}' hello
refused "a key twice" alice
forge '{"type":"message",'"$head"',"group":"'"$(printf '%064d' 0)"'"}' hello
refused "a group that is not" alice
forge '{"type":"file",'"$head"',"name":"x","size":1,"chunk":0,"chunks":9,"step":1024}' ''
refused "a file that does not add up" alice
forge '{"type":"message",'"$head"'}' hello
taken "and the same well made" alice

# Somebody who has a copy of the card.
as alice mp-contact offer dora >"$T/card" 2>/dev/null
as dora mp-keygen >/dev/null
as mallory mp-keygen >/dev/null
as mallory mp-contact accept alice <"$T/card" >"$T/greeting-m"
as dora mp-contact accept alice <"$T/card" >"$T/greeting-d"
as dora mp-seal <"$T/greeting-d" >"$T/sealed"
envelope "$T/sealed"
cp "$T/body" "$T/first"
taken "the first who accepts a card" alice
taken "... again" alice
as mallory mp-seal <"$T/greeting-m" >"$T/sealed"
envelope "$T/sealed"
post alice
ok "a second acceptance: the one answer" cmp "$T/refusal" "$T/answer"
is "a second acceptance: a warning" \
	"$(as alice mp-inbox -j | jq -r 'select(.kind == "card-reused") | .class + " " + .contact + " " + (.body | fromjson | .onion)')" \
	"event dora $(onion mallory)"
refused "... once" alice
like "the contact is still the first" "$(as alice mp-contact show dora)" "$(onion dora)"
printf 'out\tmessage\talice\t-\t-\t-\tit is me, dora\n' | as mallory mp-seal >"$T/sealed" 2>"$T/err" &&
	envelope "$T/sealed" || bail "mallory cannot seal: $(cat "$T/err")"
refused "forged by somebody who has a copy of the card" alice
cp "$T/first" "$T/body"
taken "the first acceptor's greeting once more" alice

# Under a key that is not to be taken any more.
printf 'late' | as bob mp-seal -t alice >"$T/sealed"
as alice mp-contact block bob || bail "block"
envelope "$T/sealed"
refused "a blocked contact" alice
as alice mp-contact remove bob || bail "remove"
refused "a removed contact" alice
is "the store is sound" "$(as alice sqlite3 "$T/alice/store.db" 'PRAGMA integrity_check')" ok
finish
