#!/bin/sh
# run.sh: what `make bench` runs: each figure beside a peer, in one run on one machine; the
# table goes to stdout and to tests/bench/RESULTS.md.
#   run.sh [ROW ...]      rows: file start trial pipeline socat inbox memory
# Figures are medians of RUNS runs, peers taken in turn.  Needs age, sqlite3, curl.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
ROOT=$(cd "$ROOT/.." && pwd)

RUNS=${RUNS:-5}
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
	head -c 1052 /dev/urandom >"$T/one"
	took curl_loop && b=$(median)
	row 'the same; peer: curl posting noise to the same mp-recv on one connection (all refused)' \
		"$(calc '%.0f/s' "$MESSAGES/$a")" "$(calc '%.0f/s' "$MESSAGES/$b")" "$(calc '%.2f' "$b/$a")" '-'
}

bench_inbox() {
	"$TOOLS/stow" -n 1000000 bob || bail stow # read already
	printf 'in\tmessage\tbob\t-\t2026-01-01T00:00:00.000Z\t-\tnew %d\n' 1 2 3 | "$TOOLS/stow"
	spawns alice 100 /dev/null mp-inbox -- sqlite3 "$MP_HOME/store.db" 'SELECT count(*) FROM contact'
	row 'inbox of 1,000,000 messages, 3 of them new: print these; peer: sqlite3 opening the store for one row' \
		"$(calc '%.2f ms' "$a")" "$(calc '%.2f ms' "$b")" "$(calc '%.2f' "$a/$b")" '<= 20 ms'
}

rows=${*:-file start trial pipeline socat inbox memory}
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
[ $# -gt 0 ] || cp "$T/table" "$ROOT/tests/bench/RESULTS.md"
