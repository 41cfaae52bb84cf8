#!/bin/sh
# Introductions and groups among people whose network loses, repeats, reorders and cuts, who crash, change their minds,
# leave and keep no rule; the invariants of tests/sim/check.c hold after each step and at the end.
# MP_SIMULATE: introductions, groups and the seed ("10000 2000 N" under soak).
. "$(dirname "$0")/lib.sh"

if sanitized; then
	set -- 8 4 1
else
	set -- 60 24 1
fi
# shellcheck disable=SC2086 # words
[ -z "${MP_SIMULATE:-}" ] || set -- $MP_SIMULATE

"$BUILD/sim/mariposa" -i "$1" -g "$2" -s "$3" -l 0.2 -d 0.2 >"$T/out" 2>"$T/err"
is "$1 introductions and $2 groups, seed $3" "$?" 0
note "$(cat "$T/out" "$T/err")"
like 'some were carried, some cancelled' "$(cat "$T/out")" '\([1-9][0-9]* carried, [1-9][0-9]* cancelled'
like 'posts were lost and repeated' "$(cat "$T/out")" '\([1-9][0-9]* lost, [1-9][0-9]* repeated\)'
like 'there were crashes, full disks and enemies' "$(cat "$T/out")" 'crashes [1-9].*disks [1-9].*hostile messages [1-9]'
exits 100 "$BUILD/sim/mariposa" -x
finish
