#!/bin/sh
# check.sh: installs what the tests need, builds, and passes the tests; the runner's verdict is the last line.
# MP_NO_INSTALL=1 forbids installing.  With CI set, warnings are errors.
set -eu

cd "$(dirname "$0")/.."
. share/packages.sh

case ${1:-} in
'') ;;
*)
	printf 'usage: check.sh\n' >&2
	exit 100
	;;
esac
packages_need build run check
make -s -j2 tests-build
exec make -s check
