#!/bin/sh
# mp-recv: one connection on standard input, and the listener.
# shellcheck disable=SC2154,SC2034 # pid and pids are of lib.sh
. "$(dirname "$0")/lib.sh"

post() { # HOME ARG ...: $T/body to mp-recv ARG ... on a socket
	home_=$1
	shift
	as "$home_" perl "$ROOT/tests/post.pl" mp-recv "$@" <"$T/body" >"$T/answer" 2>"$T/err"
}

status() {
	head -n 1 "$T/answer" | cut -d ' ' -f 2
}

raw() { # BYTES-FORMAT: as they are to mp-recv
	# shellcheck disable=SC2059 # a format
	printf "$1" | as alice perl "$ROOT/tests/post.pl" -r mp-recv >"$T/answer" 2>"$T/err"
}

seal() { # TEXT: a message of bob's to alice, as an envelope in $T/body
	printf '%s' "$1" | as bob mp-seal -t alice | cut -f 7 | openssl base64 -d -A >"$T/body"
}

inbox() {
	as alice mp-inbox | grep '^in'
}

meet alice bob

exits 100 as alice mp-recv </dev/null
like "standard input that is no socket is said" "$(cat "$T/err")" '^mp-recv: .*no .*socket'
exits 100 as alice mp-recv -r 1
exits 100 as alice mp-recv -l localhost:0
exits 100 as alice mp-recv -l 127.0.0.1:0 -r 77
exits 100 as alice mp-recv -l 127.0.0.1:0 -r 0
exits 100 as alice mp-recv -l fd:0
home empty
exits 100 mp-recv -l 127.0.0.1:0
like "a home without identity is said" "$(cat "$T/err")" 'run mp-keygen$'

# One message.
seal 'hello there'
rm -f "$T/alice/run/inbox"
post alice
is "a message is taken" "$(tr -d '\r' <"$T/answer")" "HTTP/1.1 204 No Content"
is "... in silence" "$(cat "$T/err")" ""
ok "... and run/inbox is touched" [ -e "$T/alice/run/inbox" ]
is "... and is in the inbox" "$(inbox | cut -f 1,2,3,7)" "in	message	bob	hello there"
post alice -v
is "-v says status and size" "$(cat "$T/err")" "mp-recv: 204 1052"
is "a repeated one is there once" "$(inbox | wc -l)" 1

# One chunk over two connections at once: one of them is told to come again.
head -c 600000 /dev/urandom >"$T/twice.bin"
as bob mp-seal -t alice -f "$T/twice.bin" >"$T/chunks"
head -n 2 "$T/chunks" | as alice mp-take
sed -n 3p "$T/chunks" | cut -f 7 | openssl base64 -d -A >"$T/body"
exec 5<"$(find "$T/alice/spool" -type f)"
flock 5
post alice
is "a chunk that somebody else is writing is for later" "$(status)" 503
is "... without a word" "$(cat "$T/err")" ""
exec 5<&-
post alice
is "... then it is taken" "$(status)" 204

# What is no request for us.
printf x >"$T/body"
raw 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
is "GET" "$(status)" 400
raw 'POST /x HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nContent-Length: 1\r\n\r\nx'
is "another path" "$(status)" 400
raw 'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nContent-Length: 0\r\n\r\n'
is "an empty body" "$(status)" 400
raw 'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nContent-Length: 600000\r\n\r\n'
is "too long a body" "$(status)" 413
unlike "no answer names the server or the time" "$(cat "$T/answer")" '^(Server|Date):'

# A connection that never sends a whole body costs nothing.
printf 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc' >"$T/half"
as alice strace -f -e trace=openat,open -o "$T/trace" perl "$ROOT/tests/post.pl" -r mp-recv <"$T/half" >/dev/null
ok "it was traced" grep -q libsqlite3 "$T/trace"
unlike "half a request opens no store, seed or configuration" "$(grep "$T/alice" "$T/trace")" \
	'store.db|identity|config'
seal 'seed?'
as alice strace -f -e trace=openat,open -o "$T/trace" perl "$ROOT/tests/post.pl" mp-recv <"$T/body" >/dev/null
ok "it was traced" grep -q store.db "$T/trace"
unlike "a message does not open the seed" "$(cat "$T/trace")" "$T/alice/identity"

# Trouble of ours is not the peer's.
home nostore
cp "$T/alice/tls" "$T/nostore/" -R
post nostore
is "without a store: later" "$(status)" 503
like "... in 30 s" "$(tr -d '\r' <"$T/answer")" '^Retry-After: 30$'
like "... and we are told" "$(cat "$T/err")" "^mp-recv: no store in '.*': run mp-keygen$"
printf 'inbox.quota = 2\n' >"$T/alice/config"
seal 'one too many'
post alice
is "a full quota: later" "$(status)" 429
like "... in an hour" "$(tr -d '\r' <"$T/answer")" '^Retry-After: 3600$'
rm "$T/alice/config"
post alice
is "with room again it is taken" "$(status)" 204

# A file's offer is answered by a sealed file-status.
head -c 1000 /dev/zero >"$T/zeros"
as bob mp-seal -t alice -f "$T/zeros" >"$T/sealed"
head -n 1 "$T/sealed" | cut -f 7 | openssl base64 -d -A >"$T/body"
post alice
is "an offer is answered" "$(status)" 200
perl -0777 -ne 'print substr($_, index($_, "\r\n\r\n") + 4)' "$T/answer" | openssl base64 -A >"$T/b64"
printf 'sealed\t-\t-\t-\t-\t-\t%s\n' "$(cat "$T/b64")" >"$T/reply"
is "... with what is wanted" "$(as bob mp-open -j <"$T/reply" | jq -r '.kind + " " + .contact + " " + (.body | fromjson | .answer + " " + (.from | tostring))')" \
	"file-status alice from 1"

# The listener.
start env MP_HOME="$T/alice" mp-recv -v -l 127.0.0.1:0 -r 7 7>"$T/ready" 2>"$T/log"
wait_for [ -s "$T/ready" ]
read -r word where <"$T/ready"
is "it says when it is ready" "$word" ready
like "... and where" "$where" '^127\.0\.0\.1:[0-9]+$'
curl_() {
	curl -sk --tlsv1.3 -H 'Content-Type: application/octet-stream' "$@" "https://$where/"
}
seal 'by the listener'
is "a message over TLS" "$(curl_ -o /dev/null -w '%{http_code}' --data-binary @"$T/body")" 204
is "TLS 1.2 is not spoken" "$(curl -sk --tls-max 1.2 -o /dev/null -w '%{http_code}' "https://$where/")" 000
i=0
while [ "$i" -lt 40 ]; do
	i=$((i + 1))
	printf 'out\tmessage\talice\t-\t-\t-\tnumber %d\n' "$i"
done | as bob mp-seal >"$T/many"
i=0 jobs=
while [ "$i" -lt 40 ]; do
	i=$((i + 1))
	sed -n "${i}p" "$T/many" | cut -f 7 | openssl base64 -d -A >"$T/body.$i"
	for _ in 1 2; do
		curl_ -o /dev/null -w '%{http_code}\n' --data-binary @"$T/body.$i" >>"$T/codes" &
		jobs="$jobs $!"
	done
done
# shellcheck disable=SC2086 # a list
wait $jobs
is "80 requests at once, each message twice" "$(sort "$T/codes" | uniq -c | tr -s ' ')" " 80 204"
is "... are 40 messages" "$(as alice mp-inbox | grep -c 'number [0-9]*$')" 40
ok "-v logged them" [ "$(grep -c '^mp-recv: 204 1052$' "$T/log")" -eq 81 ]
unlike "... without what is in them" "$(cat "$T/log")" 'number|bob'
kill "$pid"
wait "$pid"
is "SIGTERM ends it with 0" "$?" 0
pids=

# A socket that somebody else listens on.
start perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new(Listen => 9, LocalAddr => "127.0.0.1:0") or die;
	open my $f, ">", "$ARGV[0].tmp" or die; print $f $s->sockport, "\n"; close $f; rename "$ARGV[0].tmp", $ARGV[0];
	$^F = 9; use Fcntl; fcntl $s, F_SETFD, 0; $ENV{MP_HOME} = $ARGV[1];
	exec "mp-recv", "-l", "fd:" . fileno $s' "$T/port" "$T/alice"
wait_for [ -e "$T/port" ]
where=127.0.0.1:$(cat "$T/port")
seal 'by descriptor'
is "a message by -l fd:N" "$(curl_ --retry 5 --retry-connrefused -o /dev/null -w '%{http_code}' --data-binary @"$T/body")" 204
kill "$pid"
wait "$pid"
is "... and SIGTERM" "$?" 0
pids=
finish
