#!/bin/sh
# fuzz.sh: what `make fuzz` runs.  Each harness for MP_FUZZ_SECONDS (600) on a copy of its
# corpus; prints seed and figures; a finding is kept in $BUILD/fuzz-found and is exit status 1.
set -eu

cd "$(dirname "$0")/.."
build=${BUILD:-build}
seconds=${MP_FUZZ_SECONDS:-600}
found=$build/fuzz-found
status=0
mkdir -p "$found"

figure() { # LOG NAME
	sed -n "s/^stat::$2: *//p" "$1" | tail -n 1
}

for harness in "$build"/fuzz/*; do
	[ -x "$harness" ] || continue
	name=${harness##*/}
	case $name in *.*) continue ;; esac
	work=$build/fuzz-work/$name
	log=$build/fuzz-work/$name.log
	rm -rf "$work"
	mkdir -p "$work"
	if [ -d "tests/fuzz/corpus/$name" ]; then
		cp -R "tests/fuzz/corpus/$name/." "$work"
	fi
	seed=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')
	rc=0
	"$harness" -seed="$seed" -max_total_time="$seconds" -print_final_stats=1 -rss_limit_mb=4096 \
		-timeout=25 -artifact_prefix="$found/$name-" "$work" >"$log" 2>&1 </dev/null || rc=$?
	printf '%s: seed %s, %s s, %s runs, %s a second, coverage %s, corpus %s, %s\n' "$name" "$seed" \
		"$seconds" "$(figure "$log" number_of_executed_units)" \
		"$(figure "$log" average_exec_per_sec)" \
		"$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)" \
		"$(find "$work" -type f | wc -l)" "$([ "$rc" -eq 0 ] && echo clean || echo "FOUND, exit $rc")"
	if [ "$rc" -ne 0 ]; then
		tail -n 40 "$log"
		status=1
	fi
done
exit "$status"
