#!/bin/sh
# Every committed corpus through its fuzz harness.
. "$(dirname "$0")/lib.sh"

cd "$ROOT" || exit 99
for f in tests/fuzz/*.c; do
	name=${f##*/}
	name=${name%.c}
	exits 0 "$BUILD/replay/$name" "tests/fuzz/corpus/$name"
done
exits 1 "$BUILD/replay/record"
like "a corpus that has no file is an error" "$(cat "$T/out")" '^0 inputs$'
finish
