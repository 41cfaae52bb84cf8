#!/bin/sh
# Relays and people in one process, a tenth of the relays bad: every message that an honest one accepted arrives within
# seven days, no relay gives one twice, no honest relay is shut out, each bad one is, and thirty strangers achieve nothing.
# MP_MESH_SIM: options ("-r 1000 -u 100000 -m 2000 -t 10080 -s N" under soak).
. "$(dirname "$0")/lib.sh"

if sanitized; then
	set -- -r 40 -u 200 -m 40 -s 1
else
	set -- -r 100 -u 1000 -m 300 -s 1
fi
# shellcheck disable=SC2086 # words
[ -z "${MP_MESH_SIM:-}" ] || set -- $MP_MESH_SIM

"$BUILD/sim/mesh" "$@" >"$T/out"
is "mesh $*" "$?" 0
note "$(cat "$T/out")"
like 'audits failed, posts were repeated' "$(cat "$T/out")" '^audits [0-9]*, [1-9][0-9]* failed; waited [1-9][0-9]*, void [0-9]*; posted again [1-9]'
like 'people fetched the same from two relays' "$(cat "$T/out")" 'fetched at both relays [1-9]'
if [ -z "${MP_MESH_SIM:-}" ]; then
	"$BUILD/sim/mesh" "$@" >"$T/again"
	ok 'the same seed is the same mesh' cmp "$T/out" "$T/again"
fi
exits 100 "$BUILD/sim/mesh" -x
exits 100 "$BUILD/sim/mesh" -r 9
finish
