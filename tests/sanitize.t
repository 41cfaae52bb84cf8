#!/bin/sh
# The tests once more in a build with the address and undefined behaviour sanitizers: units, corpora and
# commands.  A test that cannot run there has a line "# not under the sanitizers: REASON".  Leaks are looked for in the
# units and in the commands that live long; in all others the search at exit would take longer than the rest.
. "$(dirname "$0")/lib.sh"

cd "$ROOT" || exit 99
asan=$ROOT/build-asan
${MAKE:-make} -s -j2 BUILD=build-asan CI="${CI:-}" tests-build \
	CFLAGS='-fsanitize=address,undefined -fno-sanitize-recover=all -O1 -g1 -fno-omit-frame-pointer' \
	LDFLAGS= >"$T/log" 2>&1
built=$?
ok "builds" [ "$built" -eq 0 ]
if [ "$built" -ne 0 ]; then
	note "$(tail -n 40 "$T/log")"
	finish
fi
like "the build has the sanitizers" "$(nm "$asan/unit/buf")" '__asan_init'

# The output of a test is shown when it fails.
under() {
	MP_TEST_SECONDS=900 BUILD=$asan sh tests/run.sh --one "$1" >"$T/log" 2>&1
	rc=$?
	[ "$rc" -eq 0 ] || note "$(grep -v '^ok ' "$T/log" | tail -n 60)"
	return "$rc"
}

for f in tests/unit/*.c; do
	name=${f##*/}
	ok "unit $name" under "$asan/unit/${name%.c}"
done
for f in tests/replay.t tests/records.t tests/mp-*.t; do
	[ -e "$f" ] || continue
	grep -q '^# not under the sanitizers:' "$f" && continue
	case $f in
	*/mp-recv.t | */mp-serve.t | */mp-chatd.t | */replay.t) MP_TEST_LEAKS=1 ;;
	*) MP_TEST_LEAKS=0 ;;
	esac
	export MP_TEST_LEAKS
	ok "$f" under "$f"
done
finish
