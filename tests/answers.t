#!/bin/sh
# What mp-send makes of each answer of a peer: 204 and 400 and 413, 429 and 503 with Retry-After, what is none of these;
# and that a peer with another key, or with an older TLS, is told nothing, on a route and through a proxy.
# shellcheck disable=SC2154 # pid: of lib.sh
. "$(dirname "$0")/lib.sh"

meet a b
meet a c
port=$(free_port)

# Answers each request with the next line of $T/plan (CODE [SECONDS]), 204 when there is none.
cat >"$T/answer" <<'END'
#!/usr/bin/perl
use Fcntl ':flock';
$/ = "\r\n"; $| = 1;
my $n = 0;
# Who leaves after the handshake has asked for nothing.
defined(my $first = <STDIN>) or exit;
while (<STDIN>) { last if /^\r\n$/; $n = $1 if /^content-length: (\d+)/i }
read STDIN, my $body, $n;
open my $lock, '>', "$ENV{T}/lock"; flock $lock, LOCK_EX;
$/ = "\n";
open my $f, '<', "$ENV{T}/plan"; my @plan = <$f>; close $f;
my $line = @plan ? shift @plan : "204\n";
open $f, '>', "$ENV{T}/plan"; print $f @plan; close $f;
my ($code, $after) = split ' ', $line;
open $f, '>>', "$ENV{T}/log"; print $f "$code $n\n"; close $f;
print "HTTP/1.1 $code X\r\n", ($after ? "Retry-After: $after\r\n" : ''), "Content-Length: 0\r\nConnection: close\r\n\r\n";
END
chmod 700 "$T/answer"
export T
: >"$T/plan"
: >"$T/log"
peer() { # OPTION: sets $peer
	start socat "OPENSSL-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork,nodelay,verify=0,$1,cert=$T/b/tls/cert.pem,key=$T/b/tls/key.pem" \
		EXEC:"$T/answer" 2>/dev/null
	peer=$pid
	wait_for listens "$port" || bail 'socat does not listen'
}
requests() {
	wc -l <"$T/log" | tr -d ' '
}
plan() {
	printf '%s\n' "$@" >"$T/plan"
	: >"$T/log"
}
lane() { # seconds until it is due
	echo $((($(sqlite3 -cmd '.timeout 10000' "$T/a/store.db" 'SELECT max(due) FROM lane') - $(date +%s000)) / 1000))
}
again() { # as if nothing had been
	sqlite3 -cmd '.timeout 10000' "$T/a/store.db" 'DELETE FROM lane; DELETE FROM queue'
}
peer openssl-min-proto-version=TLS1.3
printf '%s 127.0.0.1:%s\n' "$(onion b)" "$port" >"$T/routes"

# --- Refused three times: set aside, its text kept, and the next one goes.
for code in 400 413; do
	{ echo "first $code" | as a mp-seal -t b; echo "second $code" | as a mp-seal -t b; } >"$T/sealed"
	plan $code $code $code
	exits 100 as a mp-send -v -w 30 <"$T/sealed"
	is "$code three times: failed, and the next goes" "$(cut -f 1,3,6 "$T/out" | tr '\t\n' ' ,')" "failed b $code,sent b 204,"
	is '... by four requests' "$(requests)" 4
	like '... it is listed' "$(as a mp-queue list)" "^failed${TAB}message${TAB}b${TAB}.*${TAB}$code${TAB}"
	like '... and its text is kept' "$(as a mp-inbox -a)" "first $code"
	again
done

# --- Later: the whole lane waits as long as was said, without a further try.
for code in 429 503; do
	{ echo one | as a mp-seal -t b; echo two | as a mp-seal -t b; } >"$T/sealed"
	plan "$code 1000"
	exits 111 as a mp-send -v -w 5 <"$T/sealed"
	is "$code: both wait" "$(cut -f 1,6 "$T/out" | tr '\t\n' ' ,')" "queued $code,queued $code,"
	is '... after one request' "$(requests)" 1
	ok "... as long as it said ($(lane))" [ "$(lane)" -gt 900 -a "$(lane)" -le 1000 ]
	again
done

# --- What is none of these is no delivery.
for code in 200 201 202 302 401 403 404 500 502; do
	echo $code | as a mp-seal -t b >"$T/sealed"
	plan $code $code $code $code $code $code
	exits 111 as a mp-send -v -w 1 <"$T/sealed"
	is "$code is no delivery" "$(cut -f 1 "$T/out")" queued
	again
done

# --- Another key: nothing is said to it, whichever way leads there.
plan 204
printf '%s 127.0.0.1:%s\n' "$(onion c)" "$port" >"$T/routes"
echo secret | as a mp-seal -t c >"$T/sealed"
exits 111 as a mp-send -v -w 1 <"$T/sealed"
is 'another key on a route' "$(cut -f 1,6 "$T/out")" "queued${TAB}pin"
is '... gets no request' "$(requests)" 0
again
cat >"$T/socks.pl" <<'END'
# A SOCKS port that leads everything to the port given.
use IO::Socket::INET; use IO::Select;
my $s = IO::Socket::INET->new(Listen => 9, LocalAddr => "127.0.0.1:0") or die;
$| = 1; print $s->sockport, "\n"; $SIG{CHLD} = 'IGNORE';
sub get { my ($c, $n) = @_; my $b = ""; while (length $b < $n) { sysread($c, $b, $n - length $b, length $b) or exit } $b }
while (1) {
	my $c = $s->accept or next;
	next if fork;
	my (undef, $n) = unpack "CC", get($c, 2); get($c, $n); syswrite $c, "\5\2";
	get($c, 1); get($c, unpack "C", get($c, 1)); get($c, unpack "C", get($c, 1)); syswrite $c, "\1\0";
	get($c, 4); get($c, unpack "C", get($c, 1)); get($c, 2);
	my $to = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or exit;
	syswrite $c, "\5\0\0\1\0\0\0\0\0\0";
	my $two = IO::Select->new($c, $to);
	while (my @r = $two->can_read) { for (@r) { sysread($_, my $b, 65536) or exit; syswrite $_ == $c ? $to : $c, $b } }
}
END
start perl "$T/socks.pl" "$port" >"$T/socks.port"
wait_for [ -s "$T/socks.port" ]
MP_SOCKS=127.0.0.1:$(cat "$T/socks.port")
export MP_SOCKS
: >"$T/routes"
exits 111 as a mp-send -v -w 1 <"$T/sealed"
is 'another key behind the proxy' "$(cut -f 1,6 "$T/out")" "queued${TAB}pin"
is '... gets no request' "$(requests)" 0
again
echo hello | as a mp-seal -t b >"$T/sealed"
exits 0 as a mp-send -v -w 20 <"$T/sealed"
is 'the right key behind the proxy does' "$(requests)" 1

# --- TLS 1.2 only.
kill "$peer"
wait "$peer" 2>/dev/null
peer openssl-max-proto-version=TLS1.2
echo old | as a mp-seal -t b >"$T/sealed"
plan 204
exits 111 as a mp-send -v -w 1 <"$T/sealed"
is 'TLS 1.2' "$(cut -f 1,6 "$T/out")" "queued${TAB}tls"
is '... gets no request' "$(requests)" 0
finish
