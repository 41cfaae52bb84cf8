#!/bin/sh
# Receiving is cut off at every point where it changes a file: killed there, and told there that the
# disk is full.  Whatever the point, taken in once more everything is there once.  MP_STEP: every so many points, from a
# random one on (1 under soak: all).
. "$(dirname "$0")/lib.sh"

# not under the sanitizers: strace and the leak check do not go together
strace -o /dev/null true 2>/dev/null || skip_all "strace cannot trace here"

meet alice bob
head -c 300000 /dev/urandom >"$T/data.bin"
printf 'before' | as bob mp-seal -t alice >"$T/sealed"
as bob mp-seal -t alice -f "$T/data.bin" >>"$T/sealed"
printf 'after' | as bob mp-seal -t alice >>"$T/sealed"
mv "$T/alice" "$T/prepared"

whole() { # after a second run without a fault
	as alice mp-take <"$T/sealed" 2>"$T/err" || return 1
	cmp -s "$T/data.bin" "$T/alice/files/bob/data.bin" &&
		[ "$(find "$T/alice/files" "$T/alice/spool" -type f | wc -l)" -eq 1 ] &&
		[ "$(as alice mp-inbox | grep '^in' | cut -f 2 | sort | tr '\n' ' ')" = "file message message " ] &&
		[ "$(sqlite3 "$T/alice/store.db" 'PRAGMA integrity_check; PRAGMA foreign_key_check')" = ok ]
}

# sweep NAME ACTION: at each call in turn, until one run meets none.
step=${MP_STEP:-5}
sweep() {
	from=$(($(date +%s) % step + 1))
	note "every $step points, from $from on"
	points=0 bad=0 wrong=0
	for call in pwrite64 write fsync fdatasync link unlink ftruncate mkdir; do
		n=$((from - step))
		while [ "$n" -lt 500 ]; do
			n=$((n + step))
			rm -rf "$T/alice"
			cp -R "$T/prepared" "$T/alice"
			as alice strace -f -o "$T/trace" -e "inject=$call:$2:when=$n" \
				mp-take <"$T/sealed" >/dev/null 2>"$T/first"
			rc=$?
			grep -q 'INJECTED\|+++ killed' "$T/trace" || break
			points=$((points + 1))
			case $rc in
			0 | 111 | 137) ;;
			*) wrong=$((wrong + 1)) && note "$1 at $call $n: $rc: $(cat "$T/first")" ;;
			esac
			whole && continue
			bad=$((bad + 1))
			note "$1 at $call $n: $rc: $(cat "$T/first" "$T/err")"
			note "$(find "$T/alice/files" "$T/alice/spool" -type f)"
		done
	done
	is "$1 at any of $points points: all is there once" "$bad" 0
	is "... and none is called permanent" "$wrong" 0
	ok "... and they were many" [ "$points" -gt $((40 / step)) ]
	ok "... without a fault it is whole at once" whole
}

sweep killed signal=KILL
sweep 'disk full' error=ENOSPC
finish
