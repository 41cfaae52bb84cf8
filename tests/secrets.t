#!/bin/sh
# What is secret stands in no argument and no environment, of ours or of what we start, and in locked memory.
# not under the sanitizers: their memory is not ours
# shellcheck disable=SC2154 # pid: of lib.sh
. "$(dirname "$0")/lib.sh"

meet a b
mkfifo "$T/ready"
# shellcheck disable=SC2016 # for the inner shell
start env MP_HOME="$T/a" sh -c 'exec mp-serve -n >"$1"' - "$T/ready"
where=$(timeout 30 head -n 1 "$T/ready" | cut -d ' ' -f 3)
like 'mp-serve is ready' "$where" '^127\.0\.0\.1:'
# A connection under way, so that mp-recv runs as socat starts it.
{ printf 'POST / HTTP/1.1\r\n'; sleep 4; } | openssl s_client -quiet -connect "$where" >/dev/null 2>&1 &
group=$(ps -o pgid= --ppid "$pid" | awk 'NR == 1 { print $1 }')
family() { ps -e -o pid=,pgid= | awk -v g="$group" '$2 == g { print $1 }'; }
receiving() { ps -e -o pgid=,comm= | awk -v g="$group" '$1 == g && $2 == "mp-recv" { found = 1 } END { exit !found }'; }
ok 'mp-recv runs' wait_for receiving
for p in $pid $(family); do
	cat "/proc/$p/cmdline" "/proc/$p/environ" 2>/dev/null
done >"$T/seen"
cat >"$T/hook" <<'END'
#!/bin/sh
cat /proc/$$/cmdline /proc/$$/environ /proc/$PPID/cmdline /proc/$PPID/environ >>"$T/seen"
END
chmod 700 "$T/hook"
export T
echo hello | as b mp-seal -t a | as a mp-take
ok 'a hook runs' as a mp-inbox -x "$T/hook"
ok 'arguments and environments were seen' grep -aq 'MP_HOME=' "$T/seen"
ok '... of socat, too' grep -aq OPENSSL-LISTEN "$T/seen"

# The seed, tor's key, the keys of the contact: as bytes, in hex, in base64.
as a mp-store export >"$T/export" 2>/dev/null
cat >"$T/find.pl" <<'END'
use MIME::Base64; local $/;
my ($home, $seen, $export) = @ARGV;
my $read = sub { open my $f, '<:raw', $_[0] or die "$_[0]: $!"; <$f> };
my $all = $read->($seen);
my @secrets = (substr($read->("$home/identity"), -32), substr($read->("$home/tor/service/hs_ed25519_secret_key"), -64));
push @secrets, map { decode_base64($_) } $read->($export) =~ /"(?:secret|send|recv)":"([A-Za-z0-9+\/=]{43,})"/g;
my $found = grep { my $s = $_; grep { index($all, $_) >= 0 } $s, unpack('H*', $s), uc unpack('H*', $s), encode_base64($s, '') } @secrets;
print scalar(@secrets), " secrets, $found found\n";
END
like 'no secret is in them' "$(perl "$T/find.pl" "$T/a" "$T/seen" "$T/export")" '^([4-9]|[1-9][0-9]) secrets, 0 found$'
printf '%s' "$(tail -c 32 "$T/a/identity" | od -An -v -tx1 | tr -d ' \n')" >>"$T/seen"
like 'one would be found' "$(perl "$T/find.pl" "$T/a" "$T/seen" "$T/export")" ' [1-9] found$'

# Locked, and in no core: what each program that holds a key asks of the kernel.
if strace -o "$T/probe" true 2>/dev/null; then
	echo hello >"$T/text"
	as b mp-seal -t a <"$T/text" >"$T/sealed"
	cut -f 7 "$T/sealed" | openssl base64 -d -A >"$T/body"
	for c in 'mp-seal -t a' mp-open mp-take mp-recv; do
		# shellcheck disable=SC2086 # words
		case $c in
		mp-seal*) as b strace -o "$T/trace" $c <"$T/text" >"$T/out" ;;
		mp-recv) as a perl "$ROOT/tests/post.pl" strace -o "$T/trace" $c <"$T/body" >"$T/out" ;;
		*) as a strace -o "$T/trace" $c <"$T/sealed" >"$T/out" ;;
		esac
		ok "$c: memory is locked" grep -q '^mlock2\?(0x' "$T/trace"
		ok '... no core' grep -q '^prctl(PR_SET_DUMPABLE, SUID_DUMP_DISABLE' "$T/trace"
	done
else
	note 'strace may not trace here'
fi
finish
