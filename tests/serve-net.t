#!/bin/sh
# The network as mp-serve uses it: to nobody but the SOCKS port and routes, no question to the DNS; who comes online
# gets what waits for him, from a sender who has long backed off.
# not under the sanitizers: strace
# shellcheck disable=SC2154,SC2034 # pid, pids: of lib.sh
. "$(dirname "$0")/lib.sh"

command -v strace >/dev/null || skip_all 'no strace here'
strace -o "$T/probe" true 2>/dev/null || skip_all 'strace may not trace here'

meet a b
meet a c
b_port=$(free_port)
a_port=$(free_port)
printf '%s 127.0.0.1:%s\n%s 127.0.0.1:%s\n' "$(onion b)" "$b_port" "$(onion a)" "$a_port" >"$T/routes"
socks=$(free_port)
MP_SOCKS=127.0.0.1:$socks
export MP_SOCKS
mkfifo "$T/ready"
# shellcheck disable=SC2016 # for the inner shell
start env MP_HOME="$T/a" sh -c 'exec strace -f -qq -e trace=%network -o "$1" mp-serve -n -b "$2" >"$3" 2>"$4"' \
	- "$T/trace" "127.0.0.1:$a_port" "$T/ready" "$T/err"
serving=$pid
like 'ready' "$(timeout 30 head -n 1 "$T/ready")" '^ready '

# By hand into the queue; b is away, c is only to be had through the proxy, where nobody listens.
for n in b c; do echo "for $n" | as a mp-seal -t $n | as a mp-send -w 0; done
tried() { grep -q "htons($1)" "$T/trace"; }
ok 'the sender tries the route' wait_for tried "$b_port"
ok '... and the proxy' wait_for tried "$socks"
backs_off() {
	[ "$(sqlite3 -cmd '.timeout 10000' "$T/a/store.db" "SELECT count(*) FROM lane WHERE fails > 0 AND due > 0")" = 2 ]
}
ok 'both lanes back off' wait_for backs_off

# b comes, and says anything authentic: what waits for it goes now, not in half a minute.
start env MP_HOME="$T/b" mp-recv -l "127.0.0.1:$b_port"
wait_for listens "$b_port"
sqlite3 -cmd '.timeout 10000' "$T/a/store.db" 'UPDATE lane SET due = due + 3600000'
echo 'I am here' | as b mp-seal -t a >"$T/sealed"
ok 'b reaches a' as b mp-send -w 20 <"$T/sealed"
arrived() { as b mp-inbox | grep -q 'for b'; }
began=$(date +%s)
ok "an authentic message makes its sender's mail due" wait_for arrived
ok '... at once' [ $(($(date +%s) - began)) -le 10 ]

kill "$(ps -o pid= --ppid "$serving" | tr -d ' ')"
wait "$serving"
is 'it ends well' "$?" 0
strangers() {
	grep -E '(connect|sendto|sendmsg|sendmmsg)\(' "$T/trace" | grep -E 'sa_family=|AF_' |
		grep -Ev "connect\\(.*sin_port=htons\\(($socks|$b_port|$a_port)\\), sin_addr=inet_addr\\(\"127.0.0.1\"\\)"
}
is 'nobody else is connected to, by any of its processes' "$(strangers)" ''
is 'no datagram, no resolver' "$(grep -E 'socket\((AF_INET|AF_INET6).*SOCK_DGRAM|htons\(53\)|AF_NETLINK' "$T/trace")" ''

# --- Coming online, it asks those for whom mail waits.
sqlite3 -cmd '.timeout 10000' "$T/a/store.db" 'DELETE FROM queue; DELETE FROM lane'
: >"$T/none"
echo later | as a mp-seal -t b | MP_ROUTES=$T/none as a mp-send -w 1
sqlite3 -cmd '.timeout 10000' "$T/a/store.db" "UPDATE lane SET due = CAST(strftime('%s') AS INTEGER) * 1000 + 3600000"
start env MP_HOME="$T/a" mp-serve -n >"$T/out"
came() { as b mp-inbox | grep -q 'later'; }
ok 'what waited an hour more goes when we come online' wait_for came
finish
