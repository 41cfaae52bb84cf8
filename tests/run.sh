#!/bin/sh
# run.sh: what `make check` runs, in one prove, so that the last line is its verdict.
#   run.sh                 every unit test and every tests/*.t
#   run.sh TEST ...        these
#   run.sh --one TEST      one of them (what prove calls)
set -eu

ROOT=$(cd "$(dirname "$0")/.." && pwd)
cd "$ROOT"
BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$ROOT/$BUILD ;; esac
export BUILD

# A test that hangs is a failure, not a hanging make.
if [ "${1:-}" = --one ]; then
	case $2 in
	*.t) exec timeout -k 10 "${MP_TEST_SECONDS:-1800}" sh "$2" ;;
	*) exec timeout -k 10 "${MP_TEST_SECONDS:-1800}" "$2" ;;
	esac
fi

# A make inside a test is its own, not a job of the one that runs us.
unset MAKEFLAGS MFLAGS MAKELEVEL

# A python3 that a version manager stands before takes a second to begin, and some tests run it a hundred times.
python=$(python3 -c 'import sys; print(sys.executable)' 2>/dev/null || :)
if [ -x "$python" ] && [ "$python" != "$(command -v python3)" ]; then
	mkdir -p "$BUILD/path"
	ln -sf "$python" "$BUILD/path/python3"
	PATH=$BUILD/path:$PATH
	export PATH
fi

if [ $# -eq 0 ]; then
	# The longest first: the others run beside it.
	set -- tests/sanitize.t
	for t in tests/*.t; do
		[ "$t" = tests/sanitize.t ] || set -- "$@" "$t"
	done
	for t in tests/unit/*.c; do
		t=${t#tests/unit/}
		set -- "$@" "$BUILD/unit/${t%.c}"
	done
fi
# Many of them wait most of the time: three at once fill two cores.
exec prove -j3 --exec 'sh tests/run.sh --one' "$@"
