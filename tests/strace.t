#!/bin/sh
# No command asks the DNS, and none connects to anything but the SOCKS port or a route: seen by strace.
. "$(dirname "$0")/lib.sh"

command -v strace >/dev/null || skip_all "no strace here"
strace -o "$T/probe" true 2>/dev/null || skip_all "strace may not trace here"

port='' pid=''
meet alice bob
meet alice carol
serve_tls bob
route=$port
home alice

# A SOCKS port that notes who is asked for, and as whom, and refuses.
cat >"$T/socks.pl" <<'END'
use IO::Socket::INET;
my $s = IO::Socket::INET->new(Listen => 64, LocalAddr => "127.0.0.1:0") or die;
open my $log, ">", $ARGV[1]; $log->autoflush;
open my $p, ">", $ARGV[0]; print $p $s->sockport, "\n"; close $p;
sub get { my ($c, $n) = @_; my $b = ""; while (length $b < $n) { sysread($c, $b, $n - length $b, length $b) or return "\0" x $n } $b }
while (my $c = $s->accept) {
	my ($v, $n) = unpack "CC", get($c, 2); get($c, $n);
	syswrite $c, "\5\2";
	my $ul = (unpack "CC", get($c, 2))[1]; my $user = get($c, $ul); my $pl = unpack "C", get($c, 1); get($c, $pl);
	syswrite $c, "\1\0";
	my (undef, $cmd, undef, $type) = unpack "C4", get($c, 4);
	my $host = $type == 3 ? get($c, unpack "C", get($c, 1)) : "address of type $type";
	my $to = unpack "n", get($c, 2);
	print $log "$cmd $type $host $to $user\n";
	syswrite $c, "\5\4\0\1\0\0\0\0\0\0"; close $c;
}
END
perl "$T/socks.pl" "$T/socks.port" "$T/socks.log" &
pids="$pids $!"
wait_for [ -s "$T/socks.port" ] || bail "no SOCKS port"
socks=$(cat "$T/socks.port")
MP_SOCKS=127.0.0.1:$socks
export MP_SOCKS

traced() { # CMD: its calls about the network in $T/trace; its status
	strace -f -qq -e trace=%network -o "$T/trace" "$@" >"$T/out" 2>"$T/err"
}
sockets() {
	grep -c 'socket(' "$T/trace"
}
# Where else a trace connects or sends to than to the ports given.
strangers() { # PORT ...
	allowed=''
	for p; do allowed="$allowed|sin_port=htons\\($p\\), sin_addr=inet_addr\\(\"127.0.0.1\"\\)"; done
	grep -E '(connect|sendto|sendmsg|sendmmsg)\(' "$T/trace" | grep -E 'sa_family=|AF_' |
		grep -Ev "connect\\(.*(${allowed#|})"
}
datagrams() {
	grep -E 'socket\((AF_INET|AF_INET6|PF_).*SOCK_DGRAM|htons\(53\)|AF_NETLINK|AF_UNIX.*nscd' "$T/trace"
}
clean() { # NAME PORT ...
	name=$1
	shift
	is "$name: nobody else is connected to" "$(strangers "$@")" ""
	is "$name: no datagram, no resolver" "$(datagrams)" ""
}

# The tracer sees what it is for.
strace -f -qq -e trace=%network -o "$T/trace" perl -MSocket -e \
	'socket(S, PF_INET, SOCK_DGRAM, 0); connect(S, sockaddr_in(53, inet_aton("127.0.0.1"))); send S, "x", 0'
ok "a query would be seen" [ -n "$(datagrams)" ]
ok "so would a stranger" [ -n "$(strangers 1)" ]

# Without a network: not even a socket.
printf 'hello\n' >"$T/text"
mp-seal -t bob <"$T/text" >"$T/sealed"
mp-inbox -a >"$T/records"
head -c 1000 /dev/urandom >"$T/file"
as dave mp-keygen >"$T/out" && as dave mp-contact offer alice >"$T/card" 2>/dev/null || bail "no card"
quiet() {
	traced "$@"
	rc=$?
	is "$*: runs" "$([ "$rc" -le 1 ] && echo yes)" yes
	is "$*: makes no socket" "$(sockets)" 0
}
quiet env MP_HOME="$T/fresh" mp-keygen
quiet mp-contact list
quiet mp-contact show bob
quiet mp-contact offer frank
quiet sh -c 'mp-contact accept card <"$1"' - "$T/card"
quiet sh -c 'mp-seal -t bob <"$1"' - "$T/text"
quiet sh -c 'mp-seal <"$1"' - "$T/records"
quiet mp-seal -t bob -f "$T/file"
quiet sh -c 'MP_HOME=$2 mp-open <"$1"' - "$T/sealed" "$T/bob"
quiet sh -c 'MP_HOME=$2 mp-take <"$1"' - "$T/sealed" "$T/bob"
quiet sh -c 'mp-show <"$1"' - "$T/records"
quiet mp-inbox
quiet mp-inbox -a
quiet mp-inbox -x cat
quiet sh -c 'mp-mark <"$1"' - "$T/records"
quiet mp-file list
quiet mp-due
quiet mp-queue list
quiet mp-store check
quiet mp-store backup "$T/backup"
quiet mp-store export

# By a route: there and nowhere else.
quiet true
traced sh -c 'echo routed | mp-seal -t bob | mp-send'
is "mp-send by a route" "$?" 0
ok "it was there" grep -q "htons($route)" "$T/trace"
clean "mp-send by a route" "$route"
traced mp-ping bob
is "mp-ping by a route" "$?" 0
clean "mp-ping by a route" "$route"
is "the SOCKS port was not asked" "$(cat "$T/socks.log")" ""

# By SOCKS: the name goes there whole, and each contact under a name of its own.
: >"$T/none"
MP_ROUTES=$T/none
export MP_ROUTES
traced sh -c '{ echo a | mp-seal -t bob; echo b | mp-seal -t carol; } | mp-send -w 1'
is "mp-send by SOCKS that refuses" "$?" 111
clean "mp-send by SOCKS" "$socks"
is "it is asked for the two names, type 3" "$(cut -d ' ' -f 1-4 "$T/socks.log" | sort -u)" \
	"$(printf '1 3 %s 443\n' "$(onion bob)" "$(onion carol)" | sort)"
is "under two user names" "$(cut -d ' ' -f 5 "$T/socks.log" | sort -u | wc -l | tr -d ' ')" 2
traced mp-ping bob carol
is "mp-ping by SOCKS that refuses" "$?" 1
clean "mp-ping by SOCKS" "$socks"
traced sh -c 'echo line | mp-room -w 1 -r "cafe@$1"' - "$(onion bob)"
is "mp-room by SOCKS that refuses" "$?" 111
clean "mp-room by SOCKS" "$socks"
is "it is asked for the relay" "$(tail -n 1 "$T/socks.log" | cut -d ' ' -f 1-4)" "1 3 $(onion bob) 443"
traced mp-queue flush -w 1
is "mp-queue flush" "$?" 111
clean "mp-queue flush" "$socks"
traced sh -c 'mp-due | mp-seal | mp-send -w 1'
clean "mp-due | mp-seal | mp-send" "$socks"

# The environment of other programs has no say.
http_proxy=http://127.0.0.1:2 https_proxy=http://127.0.0.1:2 ALL_PROXY=socks4a://127.0.0.1:3 no_proxy='*' \
	strace -f -qq -e trace=%network -o "$T/trace" mp-ping -w 5 bob >/dev/null
clean "with proxies in the environment" "$socks"
traced env MP_SOCKS=localhost:9050 mp-ping bob
is "a proxy that would have to be looked up is refused" "$?" 100
is "before any socket" "$(sockets)" 0
printf '%s localhost:%s\n' "$(onion bob)" "$route" >"$T/named"
traced env MP_ROUTES="$T/named" mp-ping bob
is "so is such a route" "$?" 100
is "... before any socket" "$(sockets)" 0

# A receiver connects to nobody.
port=$(free_port)
start strace -f -qq -e trace=%network -o "$T/trace" env MP_HOME="$T/carol" mp-recv -l "127.0.0.1:$port"
wait_for listens "$port" || bail "mp-recv does not listen"
printf '%s 127.0.0.1:%s\n' "$(onion carol)" "$port" >"$T/none"
exits 0 mp-ping carol
# Killed itself, strace would let go of it and leave it behind.
kill "$(ps -o pid= --ppid "$pid" | tr -d ' ')"
wait "$pid" 2>/dev/null
clean "mp-recv" 1
finish
