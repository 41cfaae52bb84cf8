#!/bin/sh
# mp-keygen cut off at every point: each call that changes a file is in turn the last one (SIGKILL), or fails with
# a full disk.  The next run completes, or there is an identity and it is whole.  MP_STEP: every so many points, from a
# random one on (1 under soak: all).
. "$(dirname "$0")/lib.sh"

command -v strace >/dev/null || skip_all "no strace here"
strace -f -o "$T/trace" true 2>/dev/null || skip_all "strace may not trace here"

calls='mkdir openat write pwrite64 fsync fdatasync ftruncate rename renameat2 link unlink'
home x
whole() { # there is an identity that works, and what is derived from it
	[ "$(sed -n 's/.*address //p' "$MP_HOME/identity")" = "$(cat "$MP_HOME/tor/service/hostname")" ] &&
		[ "$(tail -c 32 "$MP_HOME/tor/service/hs_ed25519_public_key" | od -An -tx1)" = \
			"$(openssl pkey -in "$MP_HOME/tls/key.pem" -pubout -outform DER | tail -c 32 | od -An -tx1)" ] &&
		[ -e "$MP_HOME/tls/cert.pem" ] && mp-contact offer x >/dev/null
}
step=${MP_STEP:-5}
each() { # NAME FAULT: every call by itself, until a run meets no fault
	first=$(($(date +%s) % step))
	note "every $step points, from $((first + 1)) on"
	points=0 bad='' unsaid=''
	for call in $calls; do
		n=$((first + 1 - step))
		while :; do
			n=$((n + step))
			rm -rf "$MP_HOME"
			mkdir -m 700 "$MP_HOME"
			strace -e trace="$call" -e inject="$call:$2:when=$n" -o "$T/trace" \
				mp-keygen >"$T/out" 2>"$T/err"
			rc=$?
			grep -q 'INJECTED\|killed by' "$T/trace" || break
			points=$((points + 1))
			[ $rc -eq 0 ] || [ $rc -ge 128 ] || [ -s "$T/err" ] || unsaid="$unsaid $call:$n"
			if [ $rc -eq 0 ] || [ -e "$MP_HOME/identity" ]; then
				whole || bad="$bad $call:$n"
			else
				{ mp-keygen >/dev/null 2>"$T/err2" && whole; } || bad="$bad $call:$n"
			fi
		done
	done
	is "$1 at each of $points points: the next run completes" "$bad" ""
	is "$1: no failure without a word" "$unsaid" ""
	ok "$1: there were enough points" [ "$points" -gt $((40 / step)) ]
}
umask 077
each "kill -9" signal=KILL
each "a full disk" error=ENOSPC
finish
