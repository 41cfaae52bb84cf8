#!/bin/sh
# mp-ping: who answers, how long it took, and that nothing of it is kept.
. "$(dirname "$0")/lib.sh"

port=
meet alice bob
meet alice carol
serve_tls bob
printf '%s 127.0.0.1:1\n' "$(onion carol)" >>"$T/routes"
home alice

exits 0 mp-ping bob
like "204 and the round trip" "$(cat "$T/out")" \
	"^sent${TAB}ping${TAB}bob${TAB}[0-9a-f]{32}${TAB}[0-9T:.-]*Z${TAB}204${TAB}[0-9]+\\.[0-9]{3} s\$"
exits 1 mp-ping carol
like "nobody there" "$(cat "$T/out")" "^failed${TAB}ping${TAB}carol${TAB}.*${TAB}connect${TAB}."
is "no noise" "$(cat "$T/err")" ""
exits 1 mp-ping bob carol bob
is "several, each its own" "$(cut -f 1,3 "$T/out" | sort | tr '\t\n' ' ,')" "failed carol,sent bob,sent bob,"
is "with different ids" "$(cut -f 4 "$T/out" | sort -u | wc -l | tr -d ' ')" 3
exits 0 mp-ping -j bob
like "NDJSON" "$(cat "$T/out")" '^\{"class":"sent","kind":"ping","contact":"bob",.*"ref":"204","body":"[0-9.]+ s"\}$'
is "nothing is queued" "$(sqlite3 -cmd '.timeout 10000' "$MP_HOME/store.db" 'SELECT count(*) FROM queue')" 0
is "nothing is history" "$(sqlite3 -cmd '.timeout 10000' "$MP_HOME/store.db" 'SELECT count(*) FROM message WHERE dir = 1')" 0
is "bob's inbox has nothing" "$(as bob mp-inbox | grep -c '^in')" 0

# A proxy that is not there, and one that never answers.
grep -v "$(onion bob)" "$T/routes" >"$T/other"
exits 1 env MP_ROUTES="$T/other" mp-ping bob
like "no proxy says so" "$(cat "$T/out")" "^failed.*${TAB}proxy${TAB}"
perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1:0");
	$| = 1; print $s->sockport, "\n"; sleep 60' >"$T/silent" &
pids="$pids $!"
wait_for [ -s "$T/silent" ] || bail "no silent proxy"
exits 1 env MP_ROUTES="$T/other" MP_SOCKS="127.0.0.1:$(cat "$T/silent")" mp-ping -w 1 bob
like "no answer in time" "$(cat "$T/out")" "^failed.*${TAB}timeout${TAB}"

# Somebody else answers at that address.
meet alice dave
printf '%s 127.0.0.1:%s\n' "$(onion dave)" "$port" >>"$T/routes"
exits 1 mp-ping dave
like "another key than the address says" "$(cat "$T/out")" "^failed.*${TAB}pin${TAB}"

exits 100 mp-ping nobody
is "no such contact" "$(cat "$T/err")" "mp-ping: no contact 'nobody'"
exits 100 mp-ping nobody bob
is "the others are asked" "$(cut -f 1,3 "$T/out")" "sent${TAB}bob"
mp-contact offer erin >/dev/null
exits 100 mp-ping erin
mp-contact block bob
exits 100 mp-ping bob
exits 100 mp-ping
exits 100 mp-ping -w x carol
exits 111 sh -c 'mp-ping carol >/dev/full'
finish
