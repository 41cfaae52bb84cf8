#!/bin/sh
# mp-serve with keys of the mesh: it fetches, or runs cover, and nobody has to do it by hand or by cron.
# shellcheck disable=SC2154 # pid: of lib.sh
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/mesh.sh"

serve() { # NAME: $served is its process
	rm -f "$T/up"
	start env MP_HOME="$T/$1" mp-serve -n -v -r 7 7>"$T/up" 2>>"$T/$1.err"
	served=$pid
	wait_for [ -s "$T/up" ] || bail "mp-serve of $1 is not ready"
}
has() { # NAME TEXT
	as "$1" mp-inbox -a | grep -q "$TAB$2"
}
fetched() { # NAME: how often
	grep -c 'mp-mesh fetch started' "$T/$1.err"
}
empty() { # NAME: its queue
	as "$1" mp-mesh fetch
	as "$1" mp-queue list >/dev/null
	[ $? -eq 1 ]
}
setting() { # NAME LINE...
	setting_n=$1
	shift
	printf '%s\n' 'retry.min = 1s' 'retry.max = 1s' 'route = mesh' "$@" >"$T/$setting_n/config"
}

meet a b
as c mp-keygen >/dev/null
relays r1 r2 r3
for n in a b; do
	person "$n" r1 r2 r3
	setting "$n" 'fetch.every = 1s'
	as "$n" mp-mesh fetch
done
tell a b
tell b a

say() { # TEXT: by a, who serves nothing
	echo "$1" | as a mp-seal -t b | as a mp-send >/dev/null
}
say early
serve b
ok 'what waits at a relay is fetched by who serves' wait_for has b early
say late
ok '... and what comes there later' wait_for has b late
: >"$T/b/run/due" # as what is urgent does: nobody waits a minute here
ok '... and the receipts go back' wait_for empty a
rounds=$(fetched b)
more() {
	[ "$(fetched b)" -gt "$rounds" ]
}
ok 'it fetches again and again' wait_for more
is '... and that there is nothing is not worth a line' "$(grep -v 'started (process' "$T/b.err")" ''
kill -STOP "$(cat "$T/r1.pid")" "$(cat "$T/r2.pid")" "$(cat "$T/r3.pid")"
rounds=$(fetched b)
ok 'one more, of relays that stand still' wait_for more
kill "$served"
wait "$served"
is 'it ends, also while relays say nothing' "$?" 0
kill -CONT "$(cat "$T/r1.pid")" "$(cat "$T/r2.pid")" "$(cat "$T/r3.pid")"

# --- Without keys there is nothing to fetch, and nothing is said of it.
setting c 'fetch.every = 1s'
serve c
twice() {
	[ "$(fetched c)" -gt 1 ]
}
ok 'no keys: it looks for them' wait_for twice
kill "$served"
wait "$served"
is '... and says nothing' "$(grep -v 'started (process' "$T/c.err")" ''

# --- With cover.
setting b 'fetch.every = 1s' 'cover.post = 1s' 'cover.fetch = 1s'
runs() { # as its lock says, without asking for it
	[ -e "$T/b/run/cover.lock" ] && grep -q ":$(stat -c %i "$T/b/run/cover.lock") " /proc/locks
}
ended() {
	! runs
}
say 'not yet'
: >"$T/b.err"
serve b
ok 'with cover it runs mp-mesh cover' wait_for runs
ok '... whose slots fetch' wait_for has b 'not yet'
is '... and nothing else does' "$(fetched b)" 0
kill "$served"
wait "$served"
is '... it ends' "$?" 0
ok '... and cover with it' ended
serve b
ok 'once more' wait_for runs
kill -9 "$served"
wait "$served" 2>/dev/null
ok '... killed, it leaves no cover behind' wait_for ended
finish
