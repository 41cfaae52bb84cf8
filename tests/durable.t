#!/bin/sh
# Nothing is said before what it promises is on the disk: every write to the store, the spool and the files is
# followed by its sync before the answer, the record or the exit status leaves.  Seen by strace, for a kill does
# not tell a write from a synced one; only a power cut would.
# not under the sanitizers: strace
# shellcheck disable=SC2154,SC2034 # port, pid: of lib.sh
. "$(dirname "$0")/lib.sh"

strace -o "$T/probe" true 2>/dev/null || skip_all 'strace may not trace here'

# order.pl HOME TELLS WHAT < trace: what of HOME is written and not synced when a call matches TELLS; `never`, when none
# does, `nothing`, when nothing whose path has WHAT in it was written before the first.
cat >"$T/order.pl" <<'END'
my ($home, $tells, $what) = @ARGV;
my (%dirty, %open, %bad, $wrote, $told);
sub done {
	my ($call) = @_;
	return if $call =~ / = -1 /;
	if ($call =~ /^(?:pwrite64|pwritev|write|writev|ftruncate)\(\d+<\Q$home\E\/((?:store\.db|relay\.db|spool\/|files\/)[^>]*)>/) {
		return if $1 =~ /-(?:shm|turn)$/;
		$dirty{$1} = 1;
		$wrote = 1 if index($1, $what) >= 0;
	} elsif ($call =~ /^(?:fsync|fdatasync)\(\d+<\Q$home\E\/?([^>]*)>/) {
		delete $dirty{$1};
	} elsif ($call =~ /^(?:link|linkat|rename|renameat2?)\(.*"\Q$home\E\/((?:spool|files)[^"]*)\/[^"\/]+"(?:, \w+)?\) = 0/) {
		$dirty{$1} = 1;
		$wrote = 1 if index($1, $what) >= 0;
	}
}
while (<STDIN>) {
	s/^(\d+) +// or next;
	my $pid = $1;
	chomp;
	# A write counts from its beginning, a sync from its end.
	if (s/ <unfinished \.\.\.>$//) {
		$open{$pid} = $_;
		done($_) unless /^f(?:data)?sync/;
	} elsif (s/^<\.\.\. \w+ resumed>//) {
		$_ = delete($open{$pid}) . $_;
		done($_);
		next;
	} else {
		done($_);
	}
	next unless /$tells/;
	$told = 1;
	$bad{$_} = 1 for keys %dirty;
	$bad{nothing} = 1 unless $wrote;
}
print $told ? join(' ', sort keys %bad) : 'never', "\n";
END

traced() { # HOME CMD ...: into $T/trace
	traced_=$1
	shift
	as "$traced_" strace -f -y -s 200 -o "$T/trace" -e 'trace=%file,write,writev,pwrite64,pwritev,fsync,fdatasync,ftruncate,sendto,sendmsg,connect,exit_group' \
		"$@" >"$T/out" 2>"$T/err"
}
synced() { # NAME HOME TELLS WHAT
	is "$1" "$(perl "$T/order.pl" "$T/$2" "$3" "$4" <"$T/trace")" ''
}

# The checker sees what it is for.
cat >"$T/trace" <<END
1 pwrite64(4<$T/x/store.db-wal>, "a", 1, 0) = 1
1 fdatasync(4<$T/x/store.db-wal>) = 0
2 pwrite64(5<$T/x/spool/1>, "a", 1, 0) = 1
2 fsync(5<$T/x/spool/1> <unfinished ...>
1 write(1, "HTTP/1.1 204"...) = 9
2 <... fsync resumed>) = 0
END
is 'the checker finds a sync that comes too late' "$(perl "$T/order.pl" "$T/x" 'HTTP/1.1 2' store <"$T/trace")" spool/1
is '... and what never was said' "$(perl "$T/order.pl" "$T/x" sealed store <"$T/trace")" never
is '... or never written' "$(perl "$T/order.pl" "$T/x" 'HTTP/1.1 2' files <"$T/trace")" 'nothing spool/1'

meet a b
# --- Taken: 204 and 200.
answer='(write|writev|sendto|sendmsg)\(.*HTTP/1\.1 20[04]'
printf hello | as b mp-seal -t a | cut -f 7 | openssl base64 -d -A >"$T/body"
traced a perl "$ROOT/tests/post.pl" mp-recv <"$T/body"
synced 'a message is on the disk before its 204' a "$answer" store.db-wal
head -c 300000 /dev/urandom >"$T/file"
as b mp-seal -t a -f "$T/file" >"$T/sealed"
n=0
while read -r line; do
	n=$((n + 1))
	printf '%s\n' "$line" | cut -f 7 | openssl base64 -d -A >"$T/body"
	traced a perl "$ROOT/tests/post.pl" mp-recv <"$T/body"
	what=store.db-wal
	[ "$n" -ne 2 ] || what=spool/
	[ "$n" -ne 3 ] || what=files/
	synced "a file, part $n, before its answer" a "$answer" "$what"
done <"$T/sealed"
is 'of 3' "$n" 3
ok 'the file is there' cmp -s "$T/file" "$T/a/files/b/file"

# A relay's commits are synced after the lock is let go.
as r mp-keygen >/dev/null || bail 'mp-keygen'
as r mp-relay status >/dev/null # relay.db is there
PYTHONDONTWRITEBYTECODE=1 python3 "$ROOT/tests/tools/mesh.py" key "$T/somebody"
PYTHONDONTWRITEBYTECODE=1 python3 "$ROOT/tests/tools/mesh.py" packet "$T/somebody" >"$T/packet"
{
	printf 'POST /packets HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n' \
		"$(wc -c <"$T/packet")"
	cat "$T/packet"
} >"$T/post"
traced r perl "$ROOT/tests/post.pl" -r mp-relay <"$T/post"
synced "a relay's packet is on the disk before its 204" r "$answer" relay.db-wal

serve_tls a # after which a route leads there
as b mp-seal -t a <"$ROOT/LICENSE" >"$T/sealed"
start env MP_HOME="$T/a" strace -f -y -s 200 -o "$T/trace" \
	-e trace=%file,write,writev,pwrite64,pwritev,fsync,fdatasync,ftruncate mp-recv -v -l 127.0.0.1:0 -r 7 7>"$T/ready" 2>"$T/log"
listener=$pid
wait_for [ -s "$T/ready" ]
printf '%s %s\n' "$(onion a)" "$(cut -d ' ' -f 2 "$T/ready")" >"$T/routes"
exits 0 as b mp-send <"$T/sealed"
wait_for grep -q 204 "$T/log"
# TLS hides the answer; the line of -v is written before it.
kill "$(ps -o pid= --ppid "$listener" | tr -d ' ')"
wait "$listener"
synced 'by the listener, too' a 'write\(2.*mp-recv: 204' store.db-wal

# --- Given to us: sealed, queued, sent, marked.
printf hello >"$T/text"
traced b mp-seal -t a <"$T/text"
cp "$T/out" "$T/sealed"
synced 'a text is on the disk before its record is printed' b 'write\(1<.*"sealed' store.db-wal
printf '%s 127.0.0.1:1\n' "$(onion a)" >"$T/routes"
traced b mp-send -v -w 2 <"$T/sealed"
synced 'a record is queued on the disk before anybody is connected to' b 'connect\(.*AF_INET' store.db-wal
traced b mp-send -v -w 0 <"$T/sealed"
as b mp-seal -t a <"$T/text" >"$T/sealed"
traced b mp-send -v -w 0 <"$T/sealed"
synced '... and before it is called queued' b 'write\(1<.*"queued' store.db-wal
id=$(cut -f 4 "$T/sealed")
traced b mp-queue cancel "$id"
synced 'cancelled for good' b '^exit_group' store.db-wal
as b mp-seal -t a <"$T/text" >"$T/sealed"
traced a mp-take <"$T/sealed"
synced 'taken by hand' a '^exit_group\(0' store.db-wal
traced a mp-mark "$(cut -f 4 "$T/sealed")"
synced 'marked' a '^exit_group\(0' store.db-wal

# --- An identity and its cards.
home fresh
traced fresh mp-keygen
synced 'an identity is on the disk before its address is printed' fresh 'write\(1<.*\.onion' store.db
traced fresh mp-contact offer c
synced 'so is an offer before its card' fresh 'write\(1<.*MARIPOSA' store.db-wal
cp "$T/out" "$T/card"
traced b mp-contact accept fresh <"$T/card"
synced 'and a contact before its greeting' b 'write\(1<.*initial-contact' store.db-wal
finish
