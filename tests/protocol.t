#!/bin/sh
# The protocol's manual against the library, and both against Python and the openssl command, which
# share no code with it.
. "$(dirname "$0")/lib.sh"

command -v python3 >/dev/null || skip_all "python3 is not installed"
command -v openssl >/dev/null || skip_all "openssl is not installed"

man=$ROOT/man/mp-protocol.7
py=$ROOT/tests/tools/protocol.py
vector=$BUILD/tools/vector
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE

# A test within: its TAP is looked through, its failures shown.
recomputes() {
	"$vector" "$@" >"$T/tap" || {
		grep -v '^ok' "$T/tap"
		return 1
	}
}

ok "the manual's example follows from its inputs, by python and openssl" python3 "$py" man "$man"
python3 "$py" json "$man" >"$T/manual.json"
ok "and by the library" recomputes "$T/manual.json"

# The checks themselves: one digit changed anywhere in the example is found.
sed '/^envelope /s/8/9/' "$man" >"$T/wrong.7"
exits 1 python3 "$py" man "$T/wrong.7"
like "it says which line" "$(cat "$T/out")" '^envelope: '
sed '/^key /s/4/5/' "$man" >"$T/wrong.7"
exits 1 python3 "$py" man "$T/wrong.7"
sed 's/^ "envelope": "8/ "envelope": "9/' "$T/manual.json" >"$T/wrong.json"
exits 1 "$vector" "$T/wrong.json"

sed '/"n": 1,/s/1/2/' "$ROOT/tests/vectors/chain-first.json" >"$T/wrong.json"
exits 1 "$vector" "$T/wrong.json"
exits 1 python3 "$py" check "$T/wrong.json"

ok "the vectors follow from their inputs, by python and openssl" \
	python3 "$py" check "$ROOT"/tests/vectors/*.json
ok "and by the library" recomputes "$ROOT"/tests/vectors/*.json
mkdir "$T/again"
python3 "$py" make "$T/again"
same() {
	for f in "$1"/*.json; do
		cmp "$f" "$2/${f##*/}" || return 1
	done
}
ok "made again they are the same" same "$T/again" "$ROOT/tests/vectors"
ok "and none is there that is not made" same "$ROOT/tests/vectors" "$T/again"

# The tables of states in the manual are the ones in the code.
table() {
	awk -v want=".\\\\\" $1 states" '
		$0 == want { on = 1; next }
		on && /^\.Ed/ { exit }
		on && !/^\./ { gsub(/  */, " "); print }' "$man"
}
for t in contact file rekey proposal consent acquaintance; do
	is "the $t states are those of the code" "$(table "$t")" "$("$BUILD/tools/states" "$t")"
done

finish
