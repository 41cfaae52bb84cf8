#!/bin/sh
# The manual of mpOTR against the code; and that its transcripts prove nothing: a real one, one that was altered
# afterwards and one that never happened look the same to a judge.
# shellcheck disable=SC2154 # pid: of lib.sh
. "$(dirname "$0")/lib.sh"

command -v python3 >/dev/null || skip_all "python3 is not installed"
man=$ROOT/man/mp-otr-protocol.7
forge=$BUILD/tools/otr_forge

table() {
	awk '$0 == ".\\\" stages" { on = 1; next }
		on && /^\.Ed/ { exit }
		on && !/^\./ { gsub(/  */, " "); print }' "$man"
}
is 'the stages are those of the code' "$(table)" "$("$BUILD/tools/otr_states")"
# The fields of each type.
sed -n 's/.*\[OTR_[A-Z]*\] = {"\([a-z]*\)".*/\1/p' "$ROOT/libcommon/otr/line.c" | sort >"$T/types"
sed -n '/^\.Sh LINES/,/^\.El/s/^\.It \([a-z]*\)\*\{0,1\} Ta .*/\1/p' "$man" | sort >"$T/listed"
is 'the types of lines too' "$(cat "$T/listed")" "$(cat "$T/types")"
for r in $(sed -n 's/.*\[WHY_[A-Z_]*\] = "\([a-z-]*\)".*/\1/p' "$ROOT/libcommon/node/otr_tell.c"); do
	ok "the manual has the reason $r" grep -qx "\\.It Cm $r" "$man"
done

# --- A real session, recorded.
hub=$T/hub
mkdir "$hub"
start python3 "$ROOT/tests/tools/hub.py" "$hub" "MP_HOME='$T/a' mp-otr -l -w 30 -r ops -n alice" \
	"MP_HOME='$T/b' mp-otr -l -w 30 -r ops -n bob"
has() { grep -Eqs -- "$2" "$hub/out.$1"; }
wait_for has 0 otr-open || bail 'no session'
wait_for has 1 otr-open || bail 'no session'
echo 'I did it' >"$hub/say.0"
wait_for has 1 'I did it' || bail 'no message'
echo 'did you' >"$hub/say.1"
wait_for has 0 'did you' || bail 'no answer'
kill -TERM "$(cat "$hub/pid.0")"
wait_for has 1 otr-published || bail 'no key published'
kill -TERM "$(cat "$hub/pid.1")"
wait "$pid"
cp "$hub/lines" "$T/real"
# The new hello of who stayed is of no session.
judge() { "$forge" judge <"$1" >"$T/verdict" 2>"$T/why"; }
ok 'a judge checks a real transcript' judge "$T/real"
is '... of two members' "$(cat "$T/verdict")" '2 members, 2 messages, 2 keys published'

# What an outsider alters without a key is found.
awk '/"type":"message"/ && !done { done = 1; sub(/"ciphertext":"..../, "\"ciphertext\":\"AAAA") } { print }' \
	"$T/real" >"$T/clumsy"
ok 'one that was altered without a key is no transcript' eval '! judge "$T/clumsy"'

# With the key that was published it is not.
secret=$(grep otr-published "$hub/out.1" | sed 's/.*"secret":"\([^"]*\)".*/\1/')
"$forge" alter "$secret" <"$T/real" >"$T/altered" || bail 'not altered'
first() { grep -m 1 '"type":"message"' "$1" | sed 's/.*"ciphertext":"\([^"]*\)".*/\1/'; }
ok 'with the published key alice said something else' [ "$(first "$T/real")" != "$(first "$T/altered")" ]
ok '... which a judge cannot tell' judge "$T/altered"
is '... by anything' "$(cat "$T/verdict")" '2 members, 2 messages, 2 keys published'

# --- One that never happened, between the same people: only their public keys are known.
key() { # NICK: hex
	grep -m 1 "\"nick\":\"$1\"" "$T/real" | sed 's/.*"long":"\([^"]*\)".*/\1/' | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n'
}
alice=$(key alice)
bob=$(key bob)
ok 'a session is made up' sh -c '"$@" >"$0"' "$T/forged" "$forge" session "$alice" "$bob" 'I confess' 'to everything'
ok '... that a judge cannot tell' judge "$T/forged"
is '... by anything' "$(cat "$T/verdict")" '2 members, 4 messages, 2 keys published'
is '... in the names of the two' "$(grep '"type":"hello"' "$T/forged" | grep -o '"long":"[^"]*"' | sort)" \
	"$(grep '"type":"hello"' "$T/real" | grep -o '"long":"[^"]*"' | sort -u)"
# Not even when one of them opens his key for the judge: his pairwise key is the forger's.
raw=$(tail -n 1 "$T/b/otr/key" | openssl base64 -d -A | tail -c 32 | od -An -v -tx1 | tr -d ' \n')
ok 'nor with the long-term secret of one of them' sh -c '"$@" >"$0"' "$T/forged2" "$forge" session -k "$raw" "$bob" "$alice" 'so did I'
exits 1 "$forge" session -k "$(echo "$raw" | tr 0-9 1-90)" "$bob" "$alice" x
finish
