#!/bin/sh
# run.sh: what `make bench` runs: each figure beside a peer, in one run on one machine; the
# table goes to stdout and to tests/bench/RESULTS.md.
#   run.sh [ROW ...]      rows: file start trial pipeline socat kept inbox memory group many fanout relay
# Figures are medians of RUNS runs, peers taken in turn.  Needs age, sqlite3,
# curl, ngircd, nginx, mosquitto: share/packages.sh says of which packages.
# shellcheck disable=SC2317 # functions are called by name
case ${BUILD:=build} in /*) ;; *) BUILD=$(cd "$(dirname "$0")/../.." && pwd)/$BUILD ;; esac
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
ROOT=$(cd "$ROOT/.." && pwd)

RUNS=${RUNS:-5}
SECONDS_=${SECONDS_:-4} # of a run that counts requests
SIZE=${SIZE:-256} # MiB of the file
MESSAGES=${MESSAGES:-20000}
TOOLS=$BUILD/tools
for p in age age-keygen sqlite3 curl socat; do
	command -v "$p" >/dev/null || bail "bench needs $p"
done

now() { date +%s.%N; }

# Seconds that a command takes; its stdin and stdout are those of the call.
took() {
	t0=$(now)
	"$@" || bail "failed: $*"
	t1=$(now)
	echo "$t0 $t1" | awk '{ printf "%.4f\n", $2 - $1 }' >>"$T/took"
}

median() {
	sort -n "$T/took" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
	rm -f "$T/took"
}

calc() { awk "BEGIN { printf \"$1\", $2 }"; }

row() { # WHAT OURS PEER RATIO TARGET
	printf '| %s | %s | %s | %s | %s |\n' "$@" | tee -a "$T/table"
}

# Two commands in turn, RUNS times: $T/a and $T/b are their medians in seconds.
duel() { # A-COMMAND B-COMMAND, each a shell function
	rm -f "$T/took.a" "$T/took.b"
	i=0
	while [ $i -lt "$RUNS" ]; do
		took "$1"
		cat "$T/took" >>"$T/took.a" && rm "$T/took"
		took "$2"
		cat "$T/took" >>"$T/took.b" && rm "$T/took"
		i=$((i + 1))
	done
	mv "$T/took.a" "$T/took" && a=$(median)
	mv "$T/took.b" "$T/took" && b=$(median)
}

duel_row() { # WHAT TARGET
	row "$1" "$(calc '%.2f s' "$a")" "$(calc '%.2f s' "$b")" "$(calc '%.2f' "$a/$b")" "$2"
}

# Whole runs of two programs in turn: $a and $b are their medians in ms.
spawns() { # HOME RUNS INPUT PROGRAM ... -- PROGRAM ...
	who=$1
	shift
	as "$who" "$TOOLS/bench-spawn" "$@" >"$T/ms" || bail bench-spawn
	a=$(sed -n 1p "$T/ms")
	b=$(sed -n 2p "$T/ms")
}

bench_file() {
	head -c "${SIZE}M" /dev/urandom >"$T/file"
	age-keygen -o "$T/age.key" 2>/dev/null
	recipient=$(age-keygen -y "$T/age.key")
	ours() { as alice mp-seal -t bob -f "$T/file" >"$T/file.mp"; }
	peer() { age -r "$recipient" -o "$T/file.age" "$T/file"; }
	duel ours peer
	duel_row "seal a $SIZE MiB file, to a file; peer: age" '<= 1'
	ours() { as alice mp-seal -t bob -f "$T/file" | cat >/dev/null; }
	peer() { age -r "$recipient" "$T/file" | cat >/dev/null; }
	duel ours peer
	duel_row "seal a $SIZE MiB file, into a pipe; peer: age" '<= 1'
	ours() { as bob mp-open <"$T/file.mp" >/dev/null; }
	peer() { age -d -i "$T/age.key" "$T/file.age" >/dev/null; }
	duel ours peer
	duel_row "open it, bytes dropped (mp-open); peer: age -d" '<= 1'
	# A taken file is synced chunk by chunk, hashed as a whole, and moved into place.
	echo 'file.accept = 4294967296' >>"$T/bob/config"
	i=0
	: >"$T/took.a"
	: >"$T/took.b"
	while [ $i -lt "$RUNS" ]; do
		as alice mp-seal -t bob -f "$T/file" >"$T/file.mp"
		sync
		take() { as bob mp-take <"$T/file.mp"; }
		took take && cat "$T/took" >>"$T/took.a" && rm "$T/took"
		peer() { age -d -i "$T/age.key" -o "$T/file.out" "$T/file.age" && sync -d "$T/file.out" && sha256sum "$T/file.out" >/dev/null; }
		took peer && cat "$T/took" >>"$T/took.b" && rm "$T/took" "$T/file.out"
		rm -f "$T"/bob/files/alice/file*
		i=$((i + 1))
	done
	mv "$T/took.a" "$T/took" && a=$(median)
	mv "$T/took.b" "$T/took" && b=$(median)
	duel_row "take it: open, sync each chunk, hash, place; peer: age -d, sync, sha256sum" '-'
	rm -f "$T/file" "$T/file.mp" "$T/file.age"
}

bench_start() {
	echo hello >"$T/hello"
	spawns alice 300 "$T/hello" mp-seal -t bob -- "$TOOLS/init-only"
	row 'one record through mp-seal, cold, with its durable commit; peer: a program that initialises the same libraries' \
		"$(calc '%.2f ms' "$a")" "$(calc '%.2f ms' "$b")" "$(calc '+%.2f ms' "$a-$b")" '<= +2 ms'
}

bench_trial() {
	"$TOOLS/bench-crypto" >"$T/crypto"
	small=$(awk '$1 == "trial-1052" { print $2 }' "$T/crypto")
	large=$(awk '$1 == "trial-262172" { print $2 }' "$T/crypto")
	gcm=$(awk '$1 == "open-1052" { print $4 * 1000 }' "$T/crypto")
	row 'trial decryption a contact, 10,000 contacts, 1 KiB envelope; peer: opening by AES-256-GCM' \
		"$small ns" "$gcm ns" "$(calc '%.2f' "$small/$gcm")" '<= 120 ns'
	row 'the same, 256 KiB envelope; peer: the 1 KiB envelope' \
		"$large ns" "$small ns" "$(calc '%.2f' "$large/$small")" '1'
	openssl speed -seconds 2 -bytes 262144 -evp aes-256-gcm 2>/dev/null | tail -1 >"$T/speed"
	peer=$(awk '{ sub("k", "", $2); print $2 / 1000 }' "$T/speed")
	ours=$(awk '$1 == "seal-262172" { print $2 }' "$T/crypto")
	row 'seal 256 KiB envelopes; peer: openssl speed aes-256-gcm' "$ours MB/s" \
		"$(calc '%.0f MB/s' "$peer")" "$(calc '%.2f' "$ours/$peer")" '-'
}

# How often the peer does what costs a receiver most: a durable commit of 1 KiB.
sqlite_alone() {
	{
		echo 'PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (b BLOB);'
		yes "INSERT INTO t VALUES (randomblob(1100));" | head -n "$MESSAGES"
	} | sqlite3 "$T/alone.db" >/dev/null
	rm -f "$T"/alone.db*
}

curl_loop() {
	awk -v n="$MESSAGES" -v port="$port" -v file="$T/one" 'BEGIN {
		for (i = 0; i < n; i++) {
			if (i) print "next"
			print "url = https://127.0.0.1:" port "/"
			print "data-binary = @" file
			print "insecure\nsilent\noutput = /dev/null"
		}
	}' >"$T/curl.conf"
	curl -K "$T/curl.conf"
}

# What may be posted any number of times and is answered 204 each time.
sealed_ping() { # FILE: from alice to bob
	printf 'out\tping\tbob\t-\t-\t-\t-\n' | as alice mp-seal >"$T/sealed" || bail mp-seal
	envelope "$T/sealed" 1 >"$1"
}

envelope() { # FILE N: the bytes of its Nth sealed record
	sed -n "$2p" "$1" | cut -f 7 | openssl base64 -d -A
}

rate() { # FILE MODE WHERE PARALLEL: appends the requests a second
	"$TOOLS/bench-http" "$2" "$(onion bob)" "$3" "$SECONDS_" "$4" "@$T/ping" >"$T/rate" || bail bench-http
	awk '{ print $2 }' "$T/rate" >>"$1"
}

# Two servers in turn, RUNS times: $a and $b are their medians, in requests a second.
rates() { # MODE WHERE-A WHERE-B PARALLEL
	rm -f "$T/rates.a" "$T/rates.b"
	i=0
	while [ "$i" -lt "$RUNS" ]; do
		rate "$T/rates.a" "$1" "$2" "$4"
		rate "$T/rates.b" "$1" "$3" "$4"
		i=$((i + 1))
	done
	mv "$T/rates.a" "$T/took" && a=$(median)
	mv "$T/rates.b" "$T/took" && b=$(median)
}

rate_row() { # WHAT TARGET
	row "$1" "$(calc '%.0f/s' "$a")" "$(calc '%.0f/s' "$b")" "$(calc '%.2f' "$a/$b")" "$2"
}

# As mp-serve runs it; the program has bob's home.
under_socat() { # COMMAND: sets $port
	port=$(free_port)
	# shellcheck disable=SC2016 # for the inner shell
	start env MP_HOME="$T/bob" sh -c 'cd "$MP_HOME/tls" && exec socat -lf /dev/null \
		"OPENSSL-LISTEN:$1,bind=127.0.0.1,reuseaddr,fork,max-children=512,backlog=128,nodelay,cert=cert.pem,key=key.pem,verify=0,openssl-min-proto-version=TLS1.3" \
		"EXEC:$2"' sh "$port" "$1"
	wait_for listens "$port" || bail "socat does not listen"
}

bench_socat() {
	sealed_ping "$T/ping"
	under_socat mp-recv
	ours=127.0.0.1:$port
	under_socat "$TOOLS/bench-http fd0"
	rates new "$ours" "127.0.0.1:$port" 8
	rate_row 'new connections under socat, each with one sealed ping; peer: the same HTTP without a store, 204 to all' '>= 0.8'
}

bench_kept() {
	sealed_ping "$T/ping"
	serve_tls bob
	ours=127.0.0.1:$port
	mkfifo "$T/hold"
	# shellcheck disable=SC2016 # for the inner shell, which opens the FIFO without holding us up
	start sh -c 'exec "$1" listen "$2" <"$3" >"$4"' sh "$TOOLS/bench-http" "$T/bob/tls" "$T/hold" "$T/where"
	exec 9>"$T/hold"
	wait_for [ -s "$T/where" ] || bail "bench-http does not listen"
	rates kept "$ours" "$(cat "$T/where")" 8
	exec 9>&-
	rate_row 'sealed pings on 8 kept connections to mp-recv -l; peer: the same HTTP without a store, 204 to all' '-'
}

# What a process on a connection weighs, in KiB, after it has answered all that it is posted: VmRSS and VmHWM.
weigh() { # COMMAND FILE ...
	perl -MSocket -e '
		my ($cmd, @files) = @ARGV;
		socketpair(my $ours, my $theirs, AF_UNIX, SOCK_STREAM, 0) or die;
		defined(my $pid = fork) or die;
		if (!$pid) { close $ours; open STDIN, "+<&", $theirs or die; exec split(/ /, $cmd) or die }
		close $theirs;
		alarm 30;
		for my $f (@files) {
			open my $h, "<:raw", $f or die $f; local $/; my $body = <$h>;
			my $all = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nContent-Length: " .
				length($body) . "\r\n\r\n$body";
			my $at = 0;
			$at += syswrite($ours, $all, length($all) - $at, $at) // die while $at < length $all;
			my $got = "";
			until ($got =~ /^HTTP\/1\.1 (\d+) .*?\r\n\r\n/s && ($got !~ /length: (\d+)/i || length($got) - $+[0] >= 0)) {
				sysread($ours, $got, 65536, length $got) or die "no answer to $f";
			}
			$got =~ /^HTTP\/1\.1 (\d+)/; print STDERR "$1\n";
			1 while recv($ours, my $rest, 65536, MSG_DONTWAIT) // 0, length($rest // "");
		}
		open my $s, "<", "/proc/$pid/status" or die; local $/;
		<$s> =~ /VmHWM:\s+(\d+).*VmRSS:\s+(\d+)/s or die; print "$2 $1\n";
		close $ours; waitpid $pid, 0' "$@"
}

bench_memory() {
	head -c 600000 /dev/urandom >"$T/chunks"
	as alice mp-seal -t bob -f "$T/chunks" >"$T/sealed" || bail mp-seal
	for n in 1 2 3 4; do
		envelope "$T/sealed" "$n" >"$T/post.$n"
	done
	head -c 524288 /dev/urandom >"$T/post.5"
	as bob weigh mp-recv "$T"/post.[1-5] >"$T/ours" 2>"$T/codes" || bail "$(cat "$T/codes")"
	is_codes=$(tr '\n' ' ' <"$T/codes")
	[ "$is_codes" = '200 204 204 204 400 ' ] || bail "mp-recv answered $is_codes"
	weigh "$TOOLS/bench-http fd0" "$T"/post.[1-5] >"$T/peer" 2>/dev/null || bail bench-http
	a=$(cut -d ' ' -f 2 "$T/ours")
	b=$(cut -d ' ' -f 2 "$T/peer")
	row 'memory of a receiving process, the most it had: a file of 3 chunks, and 512 KiB of noise; peer: the same HTTP without a store' \
		"$(calc '%.1f MiB' "$a/1024")" "$(calc '%.1f MiB' "$b/1024")" "$(calc '%.2f' "$a/$b")" '<= 12 MiB'
}

bench_pipeline() {
	serve_tls bob
	i=0
	: >"$T/took.a"
	while [ $i -lt 3 ]; do
		seq "$MESSAGES" >"$T/lines"
		pipe() { as alice mp-seal -l -t bob <"$T/lines" | as alice mp-send -w 300; }
		took pipe && cat "$T/took" >>"$T/took.a" && rm "$T/took"
		i=$((i + 1))
	done
	mv "$T/took.a" "$T/took" && a=$(median)
	got=$(as bob mp-inbox | wc -l)
	[ "$got" -ge $((3 * MESSAGES)) ] || bail "$got messages arrived"
	took sqlite_alone && b=$(median)
	row 'messages sealed, queued, sent over TLS, stored, a durable commit each; peer: commits of SQLite alone' \
		"$(calc '%.0f/s' "$MESSAGES/$a")" "$(calc '%.0f/s' "$MESSAGES/$b")" "$(calc '%.2f' "$b/$a")" '>= 2,000/s'
	sealed_ping "$T/one"
	took curl_loop && b=$(median)
	row 'the same; peer: curl posting one sealed ping again and again to the same mp-recv on one connection' \
		"$(calc '%.0f/s' "$MESSAGES/$a")" "$(calc '%.0f/s' "$MESSAGES/$b")" "$(calc '%.2f' "$b/$a")" '-'
}

bench_inbox() {
	"$TOOLS/stow" -n 1000000 bob || bail stow # read already
	printf 'in\tmessage\tbob\t-\t2026-01-01T00:00:00.000Z\t-\tnew %d\n' 1 2 3 | "$TOOLS/stow"
	spawns alice 100 /dev/null mp-inbox -- sqlite3 "$MP_HOME/store.db" 'SELECT count(*) FROM contact'
	row 'inbox of 1,000,000 messages, 3 of them new: print these; peer: sqlite3 opening the store for one row' \
		"$(calc '%.2f ms' "$a")" "$(calc '%.2f ms' "$b")" "$(calc '%.2f' "$a/$b")" '<= 20 ms'
}

irc_server() { # sets $port
	port=$(free_port)
	mkdir -p "$T/irc"
	cat >"$T/irc/conf" <<END
[Global]
Name = irc.example.org
Info = bench
Listen = 127.0.0.1
Ports = 0
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxPenaltyTime = 0
[Options]
DNS = no
Ident = no
PAM = no
[SSL]
CertFile = $T/bob/tls/cert.pem
KeyFile = $T/bob/tls/key.pem
Ports = $port
END
	start "$NGIRCD" -n -f "$T/irc/conf" >"$T/irc/log" 2>&1
	wait_for listens "$port" || bail "$(cat "$T/irc/log")"
}

# One sender, the rest of the room hears; each server in turn, the median of RUNS.
# A group of 32 with a home for each; everybody else in it is a contact of alice only.
bench_group() {
	i=0
	set --
	while [ "$i" -lt 31 ]; do
		i=$((i + 1))
		meet alice "m$i"
		serve_tls "m$i"
		set -- "$@" "$(onion "m$i")"
	done
	serve_tls bob
	as alice "$TOOLS/fill" -g team "$@" || bail fill
	all="$(onion alice) $*"
	i=0
	while [ "$i" -lt 31 ]; do
		i=$((i + 1))
		# shellcheck disable=SC2046 # a list
		as "m$i" "$TOOLS/fill" -g team $(printf '%s\n' $all | grep -vx "$(onion "m$i")") || bail fill
	done
	seq 200 >"$T/lines"
	to_group() { as alice mp-seal -l -g team <"$T/lines" >/dev/null; }
	to_one() { as alice mp-seal -l -t bob <"$T/lines" >/dev/null; }
	duel to_group to_one
	row '200 texts to a group of 32, sealed; peer: to one person' "$(calc '%.1f ms' "1000*$a")" \
		"$(calc '%.1f ms' "1000*$b")" "$(calc '%.1f' "$a/$b")" '-'
	to_group() { as alice mp-seal -l -g team <"$T/lines" | as alice mp-send -w 300; }
	to_one() { as alice mp-seal -l -t bob <"$T/lines" | as alice mp-send -w 300; }
	duel to_group to_one
	for n in bob m1 m31; do
		got=$(as "$n" mp-inbox | grep -c "^in")
		[ "$got" -eq $((200 * RUNS)) ] || bail "$got messages arrived at $n"
	done
	row 'the same, sent over TLS and stored by each, a durable commit each' "$(calc '%.2f s' "$a")" \
		"$(calc '%.2f s' "$b")" "$(calc '%.1f' "$a/$b")" '-'
}

bench_many() {
	meet many bob
	as many "$TOOLS/fill" 10000 1000 || bail fill
	echo hello >"$T/hello"
	spawns many 300 "$T/hello" "MP_HOME=$T/many" mp-seal -t bob -- "MP_HOME=$T/alice" mp-seal -t bob
	row 'one mp-seal with 10,000 contacts and 1,000 groups in the store; peer: with one contact' \
		"$(calc '%.2f ms' "$a")" "$(calc '%.2f ms' "$b")" "$(calc '%.2f' "$a/$b")" '< 1.2'
}

bench_fanout() {
	NGIRCD=$(PATH=$PATH:/usr/sbin command -v ngircd) || bail 'bench needs ngircd'
	MP_CHATD=$T/chatd
	export MP_CHATD
	"$TOOLS/chat-crowd" users 100 || bail chat-crowd
	mp-chatd key >"$T/chat.key"
	mp-chatd -l 127.0.0.1:0 -r 1 >"$T/ready" &
	pids="$pids $!"
	wait_for grep -q ready "$T/ready"
	where=$(cut -d ' ' -f 2 "$T/ready")
	irc_server
	for members in 2 10 100; do
		count=$((members == 100 ? 5000 : 20000))
		: >"$T/ours"
		: >"$T/peer"
		i=0
		while [ "$i" -lt "$RUNS" ]; do
			"$TOOLS/chat-crowd" run "$where" "$T/chat.key" "$members" 1 "$count" 1 256 >"$T/run" || bail "$(cat "$T/run")"
			tail -n 1 "$T/run" >>"$T/ours"
			"$TOOLS/irc-crowd" "127.0.0.1:$port" "$members" "$count" 256 >>"$T/peer" || bail irc-crowd
			i=$((i + 1))
		done
		for w in ours peer; do
			awk '{ print $2 / $6, $10, $12 }' "$T/$w" | sort -n >"$T/sorted"
			sed -n "$((RUNS / 2 + 1))p" "$T/sorted" >"$T/$w.median"
		done
		# shellcheck disable=SC2046 # words
		set -- $(cat "$T/ours.median" "$T/peer.median")
		row "session chat: one sender to a room of $members, durable before it is passed on; peer: ngircd with TLS, nothing stored. Messages a second (p50, p99)" \
			"$(calc '%.0f/s' "$1") ($2, $3 ms)" "$(calc '%.0f/s' "$4") ($5, $6 ms)" "$(calc '%.2f' "$1/$4")" '>= 1 at 100'
	done
}

. "$ROOT/tests/bench/relay.sh"

rows=${*:-file start trial pipeline socat kept inbox memory group many fanout relay}
meet alice bob
{
	echo '# Results of `make bench`'
	echo
	echo "$(date -u +%Y-%m-%d), $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), Linux $(uname -r | cut -d- -f1),"
	echo "$(age --version | sed 's/^/age /'), OpenSSL $(openssl version | cut -d' ' -f2), SQLite $(sqlite3 --version | cut -d' ' -f1). Medians of $RUNS runs, peers in turn in the same run."
	echo
	echo '| what | mp | peer | ratio | target |'
	echo '|---|---|---|---|---|'
} >"$T/table"
for r in $rows; do
	case $r in
	inbox) (home alice && bench_inbox) ;;
	*) "bench_$r" ;;
	esac
done
[ $# -gt 0 ] || cat "$T/table" "$ROOT/tests/bench/profile.md" >"$ROOT/tests/bench/RESULTS.md"
