#!/bin/sh
# The tests once more in a build with the address and undefined behaviour sanitizers: units, corpora and
# commands.  A test that cannot run there has a line "# not under the sanitizers: REASON".  Leaks are looked for in the
# units and in the commands that live long; in all others the search at exit would take longer than the rest.
# Of the commands, those that read what strangers send; with MP_SANITIZE=all, as under soak, every one.
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

# Each leaves its output and its status.  Two at a time: they take longer than all other tests, which leave a core idle
# at the end.
mkdir "$T/under"
{
	for f in tests/unit/*.c; do
		name=${f##*/}
		printf '1 %s %s\n' "${name%.c}" "$asan/unit/${name%.c}"
	done
	for f in tests/replay.t tests/records.t tests/mp-*.t; do
		grep -q '^# not under the sanitizers:' "$f" && continue
		case ${MP_SANITIZE:-strangers}:$f in
		all:* | *:*/re*.t | *:*/mp-chatd.t | *:*/mp-contact.t | *:*/mp-mesh.t | *:*/mp-open.t) ;;
		*:*/mp-recv.t | *:*/mp-relay.t | *:*/mp-show.t | *:*/mp-take.t) ;;
		*) continue ;;
		esac
		case $f in
		*/mp-recv.t | */mp-serve.t | */mp-chatd.t | */replay.t) leaks=1 ;;
		*) leaks=0 ;;
		esac
		printf '%s %s %s\n' "$leaks" "${f##*/}" "$f"
	done
} >"$T/list"
# shellcheck disable=SC2016 # for the inner shell
BUILD=$asan MP_TEST_SECONDS=900 xargs -P 2 -n 3 sh -c '
	MP_TEST_LEAKS=$2 sh tests/run.sh --one "$4" >"$1/$3.log" 2>&1
	echo $? >"$1/$3.status"' sh "$T/under" <"$T/list"

while read -r _ name _; do
	status=$(cat "$T/under/$name.status")
	ok "$name" [ "$status" = 0 ]
	[ "$status" = 0 ] || note "$(grep -v '^ok ' "$T/under/$name.log" | tail -n 60)"
done <"$T/list"
finish
