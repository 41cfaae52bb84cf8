#!/bin/sh
# Every setting of mp-config(5) and every variable of mp(7) does what its line says.  Elsewhere: tor.* and serve.* in
# mp-serve.t and tor-main.t, file.accept in mp-file.t, inbox.quota in mp-recv.t, hook.timeout in mp-inbox.t,
# nickname in mp-contact.t, introduction.policy in mp-intro.t, group.policy in mp-group.t.
# shellcheck disable=SC2154 # pid: of lib.sh
. "$(dirname "$0")/lib.sh"

sql() { # HOME SQL
	sqlite3 -cmd '.timeout 10000' "$T/$1/store.db" "$2"
}
set_() { # HOME LINE ...
	printf '%s\n' "$2" >"$T/$1/config"
}
between() { # NAME N LEAST MOST
	ok "$1 ($2)" [ "$2" -ge "$3" -a "$2" -le "$4" ]
}

for n in b c d e; do meet a $n; done

# --- Each setting has a test.
for key in $(sed -n 's/^\.It Ic \([a-z.]*\) Pq .*/\1/p' "$ROOT/man/mp-config.5"); do
	ok "$key is tried in a test of a command" grep -lqE "(^|['\\\\n]|set_ [a-z] ['\"])$key = " "$ROOT"/tests/*.t
done

# --- Cards.
now=$(date +%s)
as a mp-contact offer week >/dev/null
between 'a card is good for 7 days' "$(($(sql a "SELECT max(expires) FROM key") / 1000 - now))" 604790 604810
set_ a 'offer.expires = 1h'
as a mp-contact offer hour >/dev/null
between 'offer.expires' "$(($(sql a "SELECT expires FROM key WHERE contact = (SELECT id FROM contact WHERE name = 'hour')") / 1000 - now))" 3590 3640
as a mp-contact offer -e 2h two >/dev/null
between '-e says otherwise' "$(($(sql a "SELECT expires FROM key WHERE contact = (SELECT id FROM contact WHERE name = 'two')") / 1000 - now))" 7190 7240
rm "$T/a/config"

# --- The queue.
for n in b c d e; do printf '%s 127.0.0.1:1\n' "$(onion $n)"; done >"$T/routes"
life() { # HOME: seconds that the newest in the queue is tried
	echo $(($(sql "$1" 'SELECT expires - added FROM queue ORDER BY seq DESC LIMIT 1') / 1000))
}
pause() { # HOME CONTACT: seconds until its lane is due
	echo $((($(sql "$1" "SELECT max(due) FROM lane WHERE contact = (SELECT id FROM contact WHERE name = '$2')") - $(date +%s000)) / 1000))
}
echo x | as a mp-seal -t b | as a mp-send -w 1
is 'a record is tried for 30 days' "$(life a)" 2592000
between 'the first wait is about 30 s' "$(pause a b)" 20 38
set_ a "$(printf 'queue.expires = 2h\nretry.min = 10m\nretry.max = 10m\n')"
echo x | as a mp-seal -t c | as a mp-send -w 1
is 'queue.expires' "$(life a)" 7200
between 'retry.min' "$(pause a c)" 440 752
set_ a "$(printf 'retry.min = 1m\nretry.max = 2m\n')"
sql a "UPDATE lane SET fails = 30, due = 0"
echo x | as a mp-seal -t c | as a mp-send -w 1
between 'retry.max' "$(pause a c)" 85 152
as a mp-queue list | cut -f 4 | as a xargs mp-queue cancel
sql a 'DELETE FROM lane'

# --- Peers who accept a connection and say nothing: how many at once, for how long.
cat >"$T/silent.pl" <<'END'
use IO::Socket::INET;
my $s = IO::Socket::INET->new(Listen => 64, LocalAddr => "127.0.0.1:0") or die;
$| = 1; print "port ", $s->sockport, "\n";
my @held;
while (my $c = $s->accept) { push @held, $c; print "connected\n" }
END
start perl "$T/silent.pl" >"$T/silent"
wait_for [ -s "$T/silent" ]
port=$(sed -n 's/^port //p' "$T/silent")
for n in b c d e; do printf '%s 127.0.0.1:%s\n' "$(onion $n)" "$port"; done >"$T/routes"
connections() {
	grep -c connected "$T/silent"
}
for n in b c d e; do echo x | as a mp-seal -t $n; done >"$T/sealed"
set_ a 'send.parallel = 2'
exits 111 as a mp-send -w 2 <"$T/sealed"
is 'send.parallel: two at once' "$(connections)" 2
rm "$T/a/config"
exits 111 as a mp-send -w 2 <"$T/sealed"
is 'all four without it' "$(connections)" 6
# One who ends the handshake, and then says nothing.
cat >"$T/mute" <<'END'
#!/bin/sh
echo request >>"$T/requests"
exec sleep 60
END
chmod 700 "$T/mute"
export T
: >"$T/requests"
port=$(free_port)
start socat "OPENSSL-LISTEN:$port,bind=127.0.0.1,fork,nodelay,verify=0,cert=$T/b/tls/cert.pem,key=$T/b/tls/key.pem" EXEC:"$T/mute" 2>/dev/null
wait_for listens "$port"
printf '%s 127.0.0.1:%s\n' "$(onion b)" "$port" >"$T/routes"
requests() {
	wc -l <"$T/requests"
}
sql a 'DELETE FROM queue'
sql a 'DELETE FROM lane'
echo x | as a mp-seal -t b >"$T/one"
n=$(requests)
exits 111 as a mp-send -v -w 5 <"$T/one"
is 'a minute is the usual patience' "$(($(requests) - n))" 1
sql a 'DELETE FROM queue'
sql a 'DELETE FROM lane'
set_ a 'send.timeout = 1s'
n=$(requests)
exits 111 as a mp-send -v -w 5 <"$T/one"
ok "send.timeout: tried again meanwhile ($(($(requests) - n)))" [ $(($(requests) - n)) -ge 2 ]
rm "$T/a/config"
: >"$T/routes"

# --- Files that are not whole yet.
set_ a 'file.quota = 1M'
head -c 900000 /dev/urandom >"$T/first"
head -c 500000 /dev/urandom >"$T/second"
as b mp-seal -t a -f "$T/first" | sed -n 1,2p | as a mp-take
as b mp-seal -t a -f "$T/second" >"$T/sealed"
exits 111 as a mp-take <"$T/sealed"
set_ a 'file.quota = 2M'
exits 0 as a mp-take <"$T/sealed"
ok 'file.quota' cmp -s "$T/second" "$T/a/files/b/second"
rm "$T/a/config"

# --- A configuration that cannot be read stops what needs it, with file and line.
set_ a "$(printf '# mine\nretry.mim = 1s\n')"
exits 100 as a mp-send <"$T/one"
is 'a misspelt setting is said' "$(cat "$T/err")" "mp-send: $T/a/config:2: unknown key 'retry.mim'"
rm "$T/a/config"

# --- The environment.
unset MP_HOME
exits 0 env XDG_DATA_HOME="$T/xdg" mp-keygen
ok 'XDG_DATA_HOME says where a home is' [ -f "$T/xdg/mariposa/identity" ]
exits 0 env HOME="$T/person" sh -c 'mkdir "$HOME" && mp-keygen'
ok 'HOME does, without it' [ -f "$T/person/.local/share/mariposa/identity" ]
exits 0 env HOME="$T/person" XDG_DATA_HOME="$T/xdg" MP_HOME="$T/said" mp-keygen
ok 'MP_HOME before both' [ -f "$T/said/identity" ]

# Where a peer is looked for: MP_ROUTES, else the file in the home; MP_SOCKS, else its socket, else tor's usual port.
if strace -o "$T/probe" true 2>/dev/null; then
	peers() { # ASSIGNMENT ...: connect()s of a ping
		strace -f -qq -e trace=connect -o "$T/trace" env -u MP_ROUTES -u MP_SOCKS MP_HOME="$T/a" "$@" \
			mp-ping -w 2 b >/dev/null 2>&1
		sed -n 's/.*connect([0-9]*, {\(.*\)}, .*/\1/p' "$T/trace" | sort -u
	}
	is "no MP_SOCKS: tor's usual port" "$(peers)" \
		'sa_family=AF_INET, sin_port=htons(9050), sin_addr=inet_addr("127.0.0.1")'
	is 'MP_SOCKS' "$(peers MP_SOCKS=127.0.0.2:9)" \
		'sa_family=AF_INET, sin_port=htons(9), sin_addr=inet_addr("127.0.0.2")'
	is 'MP_SOCKS with a socket' "$(peers MP_SOCKS="unix:$T/none")" "sa_family=AF_UNIX, sun_path=\"$T/none\""
	perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 1) or exit 2' "$T/a/run/socks"
	is "no MP_SOCKS and the home's own tor" "$(peers)" "sa_family=AF_UNIX, sun_path=\"$T/a/run/socks\""
	printf '%s 127.0.0.3:4\n' "$(onion b)" >"$T/a/routes"
	is "no MP_ROUTES: the home's" "$(peers)" 'sa_family=AF_INET, sin_port=htons(4), sin_addr=inet_addr("127.0.0.3")'
	is 'MP_ROUTES before it' "$(peers MP_ROUTES=/dev/null MP_SOCKS=127.0.0.2:9)" \
		'sa_family=AF_INET, sin_port=htons(9), sin_addr=inet_addr("127.0.0.2")'
else
	note 'strace may not trace here'
fi
finish
