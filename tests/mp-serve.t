#!/bin/sh
# mp-serve without Tor: readiness, restarts, ends; and with a tor that is a script.  Over Tor: tor-main.t.
# shellcheck disable=SC2154 # pid: of lib.sh
. "$(dirname "$0")/lib.sh"

# serve NAME OPTION...: in the background; ready() waits for its line and sets $where.
serve() {
	name=$1
	shift
	rm -f "$T/ready"
	mkfifo "$T/ready"
	# shellcheck disable=SC2016 # for the inner shell, which opens the FIFO without holding us up
	start env MP_HOME="$T/$name" sh -c 'out=$1 err=$2; shift 2; exec mp-serve "$@" >"$out" 2>"$err"' \
		sh "$T/ready" "$T/$name.err" "$@"
}

ready() {
	word='' got='' where=''
	read -r word got where <"$T/ready" || return
	group=$(ps -o pgid= --ppid "$pid" | awk 'NR == 1 { print $1 }')
	[ "$word" = ready ] && [ -n "$group" ]
}

# The processes of the last one that was ready: those in its children's group (any user may ask for that).
family() {
	ps -e -o pid=,pgid=,stat= | awk -v group="$group" '$2 == group && $3 !~ /^Z/ { print $1 }'
}

# Of those, whose command is this.
member() { # COMMAND
	ps -e -o pid=,pgid=,stat=,comm= |
		awk -v group="$group" -v name="$1" '$2 == group && $3 !~ /^Z/ && $4 == name { print $1 }'
}

none_left() {
	[ -z "$(family)" ]
}

answer() { # WHERE
	curl -sk -o /dev/null -w '%{http_code}' --max-time 10 --data-binary x "https://$1/"
}

home a
exits 100 mp-serve -n
like 'a home without an identity is no home' "$(cat "$T/err")" 'run mp-keygen'
as a mp-keygen >"$T/address"

exits 100 mp-serve -n extra
exits 100 mp-serve -n -b localhost:0
like 'names are no addresses' "$(cat "$T/err")" "mp-serve: 'localhost:0' is no numeric"
exits 100 mp-serve -n -r 77
exits 100 mp-serve -n -r 0
exits 100 mp-serve -n -w soon

# --- Ready, and what that means.
serve a -n
ok 'it gets ready' ready
is 'and says the address of tor'"'"'s hostname file' "$got" "$(cat "$T/address")"
like 'where it listens' "$where" '^127\.0\.0\.1:[0-9]+$'
is 'a request is answered 400 at that moment' "$(answer "$where")" 400
is 'nothing on standard error' "$(cat "$T/a.err")" ''
is 'the lock file says so' "$(cat "$T/a/run/serve.lock")" "$pid ready $got $where"
first=$pid

# TLS 1.2 is not spoken.
ok 'TLS 1.3 only' sh -c "! curl -sk --tls-max 1.2 --max-time 10 https://$where/"

exits 1 mp-serve -n
is 'a second one says so in one line' "$(cat "$T/err")" \
	"mp-serve: '$T/a' is being served already, by process $first"
exits 100 env MP_HOME="$T/b" sh -c 'mp-keygen >/dev/null && exec mp-serve -n -b "$1"' sh "$where"
like 'an address that is taken' "$(cat "$T/err")" "^mp-serve: cannot use '$where': "

# --- What dies comes back; what listens at once, the sender too.
socat=$(member socat)
kill -9 "$socat"
wait_for grep -q 'socat ended (signal 9)' "$T/a.err"
back() { [ "$(answer "$where")" = 400 ]; }
ok 'socat comes back on the same port' wait_for back
like 'one line says it' "$(cat "$T/a.err")" '^mp-serve: socat ended \(signal 9\), started again in 1 s$'
unlike 'it is another process' "$(member socat)" "^$socat\$"

# --- A stranger who says nothing is gone after 5 s, before the handshake and after it.
began=$(date +%s)
perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new($ARGV[0]) or exit 2;
	$SIG{ALRM} = sub { exit 3 }; alarm 20; exit(sysread($s, $b, 1) ? 4 : 0)' "$where"
is 'a silent connection is closed' "$?" 0
took=$(($(date +%s) - began))
ok "after about 5 s ($took)" [ "$took" -ge 4 ] && [ "$took" -le 9 ]
talking() { [ -n "$(member mp-recv)" ]; }
began=$(date +%s)
sleep 20 | timeout 20 openssl s_client -quiet -connect "$where" >/dev/null 2>&1 &
wait_for talking
silent_gone() { [ -z "$(member mp-recv)" ]; }
ok 'one that is silent after the handshake too' wait_for silent_gone
took=$(($(date +%s) - began))
ok "after about 5 s ($took)" [ "$took" -le 12 ]
is 'and none of it is worth a line' "$(wc -l <"$T/a.err")" 1

# --- Killed, it takes all with it: also a connection that somebody holds.
{ printf 'POST / HTTP/1.1\r\n'; sleep 10; } | openssl s_client -quiet -connect "$where" >/dev/null 2>&1 &
held=$!
wait_for talking
ok 'there is a family' [ "$(family | wc -l)" -ge 5 ]
kill -9 "$first"
ok 'nothing survives a kill -9' wait_for none_left
kill "$held" 2>/dev/null

# --- After it, another can begin at once; SIGTERM ends it with 0 and nothing stays.
serve a -n
ok 'another one gets ready' ready
kill "$pid"
wait "$pid"
is 'SIGTERM is a good end' "$?" 0
ok 'nothing survives that either' wait_for none_left
is 'nobody holds the lock' "$(cat "$T/a/run/serve.lock")" ''
is 'not a word' "$(cat "$T/a.err")" ''

# --- -w and -r.
rm -f "$T/note"
as a sh -c 'exec mp-serve -n -w 8 -r 5 5>"$1"' sh "$T/note" >"$T/out" 2>"$T/err"
is '-w ends with 0' "$?" 0
like 'ready on standard output' "$(cat "$T/out")" '^ready '
is '-r says the same' "$(cat "$T/note")" "$(cat "$T/out")"

# Whoever reads -r to its end gets there when it is ready, not when the last child has gone.
mkfifo "$T/end"
start env MP_HOME="$T/a" sh -c 'exec mp-serve -n -r 5 5>"$1" >/dev/null' sh "$T/end"
is 'the descriptor of -r is closed' "$(timeout 30 cat "$T/end" | wc -l)" 1
kill "$pid"
wait "$pid"

# --- systemd's socket.
perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or exit 2;
	print "up\n"; close STDOUT; $SIG{ALRM} = sub { exit 3 }; alarm 120; $s->recv($m, 100); exit($m ne "READY=1")' \
	"$T/notify" >"$T/up" &
listener=$!
wait_for [ -s "$T/up" ]
as a env NOTIFY_SOCKET="$T/notify" mp-serve -n -w 8 >/dev/null
wait "$listener"
is 'systemd is told READY=1' "$?" 0

# --- It sends: a message that waits goes when its recipient comes up, and what is due is sealed and queued.
meet a b
printf 'retry.min = 1s\nretry.max = 2s\n' >"$T/a/config"
printf 'hello\n' | as a mp-seal -t b | as a mp-send -w 0
is 'queued while b is away' "$?" 111
serve a -n
ok 'a is up' ready
serve_tls b
arrived() { as b mp-inbox | grep -q hello; }
ok 'the sender delivers it' wait_for arrived
home c
mp-keygen >/dev/null
as b mp-contact offer c | as c mp-contact accept b >/dev/null
serve c -n
ok 'c is up' ready
known() { as b mp-contact show c | grep -q active; }
ok 'an acceptance that was never sent is sent by itself' wait_for known

# --- Settings, and a crowd of silent strangers: two may be served at once, and they only cost their 5 s.
as d mp-keygen >/dev/null
fixed=$(free_port)
printf 'tor = none\nserve.bind = 127.0.0.1:%s\nserve.children = 2\n' "$fixed" >"$T/d/config"
serve d
ok 'without Tor by the configuration' ready
is 'where the configuration says' "$where" "127.0.0.1:$fixed"
perl -MIO::Socket::INET -e '@s = map { IO::Socket::INET->new($ARGV[0]) or exit 2 } 1 .. 4; print "up\n"; close STDOUT;
	$SIG{ALRM} = sub { exit 0 }; alarm 120; 1 while sleep 30' "$where" >"$T/crowd" &
crowd=$!
wait_for [ -s "$T/crowd" ]
served() { [ "$(answer "$where")" = 400 ]; }
ok 'a crowd is got over' wait_for served
kill "$crowd"
kill "$pid"
wait "$pid"
if perl -MIO::Socket::IP -e 'exit !IO::Socket::IP->new(Listen => 1, LocalHost => "::1")'; then
	serve d -b '[::1]:0'
	ok 'IPv6' ready
	like 'at the address of -b' "$where" '^\[::1\]:[0-9]+$'
	is 'answers there' "$(answer "$where")" 400
	kill "$pid"
	wait "$pid"
else
	note 'no IPv6 here'
fi

# --- Programs that are not there.
mkdir "$T/bin"
exits 100 env PATH="$T/bin" MP_HOME="$T/d" "$BUILD/bin/mp-serve"
is 'no socat: one line with the package' "$(cat "$T/err")" \
	"mp-serve: 'socat' is not installed (on Debian: apt-get install socat)"
home e
mp-keygen >/dev/null
printf 'tor.binary = %s\n' "$T/no-tor" >"$T/e/config"
exits 100 mp-serve
is 'no tor: one line with the package' "$(cat "$T/err")" \
	"mp-serve: '$T/no-tor' is not installed (on Debian: apt-get install tor)"

# --- A tor that does not start: tried again, and its own word handed on.
cat >"$T/tor" <<'END'
#!/bin/sh
case "$*" in *list-modules*) printf 'relay: yes\npow: yes\n'; exit ;; esac
printf 'Nov 20 10:00:00.000 [warn] the moon is in the way\n'
exit 3
END
chmod +x "$T/tor"
printf 'tor.binary = %s\n' "$T/tor" >"$T/e/config"
as e mp-serve -w 10 >"$T/out" 2>"$T/err"
is 'never ready: 111' "$?" 111
is 'and no ready line' "$(cat "$T/out")" ''
like 'tor again after 1 s' "$(cat "$T/err")" \
	'^mp-serve: tor ended \(exit status 3\), started again in 1 s; it said: \[warn\] the moon is in the way$'
like 'then after 2 s' "$(cat "$T/err")" 'tor ended .* started again in 2 s'
ok 'its torrc has the proof of work that this tor has' grep -q '^HiddenServicePoWDefensesEnabled 1' "$T/e/tor/torrc"
is 'the torrc is nobody else'"'"'s business' "$(stat -c %a "$T/e/tor/torrc")" 600

# --- A home whose path is too long for a socket.
long=$T/$(printf '%080d' 0)
mkdir "$long"
printf 'tor.binary = %s\n' "$T/tor" >"$long/config"
XDG_RUNTIME_DIR=$T MP_HOME=$long mp-keygen >/dev/null
XDG_RUNTIME_DIR=/tmp MP_HOME=$long start mp-serve -w 30 2>/dev/null
ok 'its sockets lie elsewhere' wait_for [ -L "$long/run/socks" ]
elsewhere=$(dirname "$(readlink "$long/run/socks")")
is 'where only we can enter' "$(stat -c %a "$elsewhere")" 700
ok 'torrc says so' wait_for grep -qF "SocksPort \"unix:\\\"$elsewhere/socks\\\"" "$long/tor/torrc"
# The others find that socket: here somebody listens on it who only takes note.
perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 1) or exit 2;
	print "up\n"; close STDOUT; $SIG{ALRM} = sub { exit 3 }; alarm 120; exit !$s->accept' \
	"$elsewhere/socks" >"$T/listening" &
listener=$!
wait_for [ -s "$T/listening" ]
as b mp-contact offer long2 | MP_HOME=$long mp-contact accept bob | MP_HOME=$long mp-seal |
	(unset MP_SOCKS && MP_ROUTES=/dev/null MP_HOME=$long mp-send -w 5 2>/dev/null)
wait "$listener"
is 'mp-send goes there' "$?" 0
kill -9 "$pid"
wait "$pid" 2>/dev/null
XDG_RUNTIME_DIR=/tmp MP_HOME=$long mp-serve -n -w 1 >/dev/null
ok 'what a killed one left there is cleaned up' [ ! -e "$elsewhere" ]
ok 'and its link' [ ! -L "$long/run/socks" ]

# --- What troubles the sender is said.
home troubled
as troubled mp-keygen >/dev/null
echo 'no route at all' >"$T/bad"
good=$MP_ROUTES
MP_ROUTES=$T/bad
serve troubled -n
MP_ROUTES=$good
ok 'it gets ready though its sender cannot' ready
ok 'which is said with its cause' wait_for grep -q '^mp-serve: sender: .*bad:1' "$T/troubled.err"
kill "$pid"
wait "$pid" 2>/dev/null
finish
