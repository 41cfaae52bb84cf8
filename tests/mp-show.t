#!/bin/sh
# mp-show: every class and kind, and nothing that a message could forge.
. "$(dirname "$0")/lib.sh"
TZ=UTC
export TZ

show() { # RECORD in printf's form: what mp-show prints
	# shellcheck disable=SC2059 # tabs
	printf "$1\n" | mp-show
}
id=00112233445566778899aabbccddeeff
when=2026-11-20T10:16:34.123Z

is "a message" "$(show "in\tmessage\talice\t$id\t$when\t-\thello")" "2026-11-20 10:16 alice> hello"
is "in the local time" "$(TZ=XXX-2 show "in\tmessage\talice\t$id\t$when\t-\thello")" \
	"2026-11-20 12:16 alice> hello"
is "NDJSON" "$(printf '{"class":"in","kind":"message","contact":"alice","body":"hi"}\n' | mp-show)" "- alice> hi"
is "one we sent" "$(show "was\tmessage\talice\t$id\t$when\t-\thello")" "2026-11-20 10:16 to alice> hello"
is "one to be sealed" "$(show "out\tmessage\talice\t-\t-\t-\thello")" "- to alice> hello"
is "in a group" "$(show "in\tmessage\talice\t-\t-\tclimbers\thello")" "- alice [climbers]> hello"
is "from nobody" "$(show "in\tmessage\t-\t-\t-\t-\thello")" "- -> hello"
is "no body" "$(show "in\tmessage\talice\t-\t-\t-\t-")" "- alice> "
is "a file" "$(show 'in\tfile\talice\t-\t-\t-\t{"name":"a.pdf","path":"/x/a.pdf","size":12,"hash":null}')" \
	'- alice: file name="a.pdf" path="/x/a.pdf" size=12'
is "a ping" "$(show 'in\tping\talice\t-\t-\t-\t{}')" '- alice: ping'
is "an initial-contact" "$(show 'out\tinitial-contact\talice\t-\t-\t-\t{"nickname":"Al"}')" \
	'- to alice: initial-contact nickname="Al"'
is "an event" "$(show 'event\tcard-used-twice\talice\t-\t-\t-\tsomebody has a copy')" \
	'- * card-used-twice alice: somebody has a copy'
is "an event without a contact" "$(show 'event\twarning\t-\t-\t-\t-\tlow')" '- * warning: low'
is "a contact" "$(show 'event\tcontact\tbob\t-\t-\t-\t{"address":null,"verified":true}')" \
	'- * contact bob: verified=true'
is "a sealed one" "$(show "sealed\tmessage\tbob\t$id\t-\tabc.onion\tAAAAAAAA")" \
	"- sealed message to bob $id: [abc.onion] 6 bytes"
is "a blank sealed one" "$(show "sealed\tmessage\t-\t-\t-\t-\tAAAA")" "- sealed message to - -: 3 bytes"
is "its size is exact" "$(show "sealed\tmessage\t-\t-\t-\t-\tAAAAAA==")" "- sealed message to - -: 4 bytes"
for class in sent queued failed; do
	is "$class" "$(show "$class\tmessage\tbob\t$id\t-\t503\tbusy")" "- $class message to bob $id: [503] busy"
done

# A message cannot look like another line.
is "lines are indented" "$(show 'in\tmessage\talice\t-\t-\t-\tone\\n2026-11-20 10:16 bob> two\\n\\nthree\\n')" "- alice> one
    2026-11-20 10:16 bob> two
    
    three"
is "events too" "$(show 'event\twarning\t-\t-\t-\t-\tone\\n- bob> two')" "- * warning: one
    - bob> two"
is "and reasons" "$(show 'failed\tmessage\tbob\t-\t-\t400\tone\\n- bob> two')" "- failed message to bob -: [400] one
    - bob> two"
is "a carriage return is shown" "$(show 'in\tmessage\talice\t-\t-\t-\tone\\rbob> two')" '- alice> one\rbob> two'
is "fields cannot pass for others" \
	"$(show 'in\tfile\talice\t-\t-\t-\t{"name":"a\\\\" path=\\\\"/etc/passwd","path":"/x","n\\\\nm":1}')" \
	'- alice: file name="a\" path=\"/etc/passwd" path="/x" n\nm=1'
is "braces alone are text" "$(show 'event\twarning\t-\t-\t-\t-\t{not json')" '- * warning: {not json'
is "a text message is never fields" "$(show 'in\tmessage\talice\t-\t-\t-\t{"a":1}')" '- alice> {"a":1}'

# Whatever bytes come, none but printable ones, UTF-8 and the line feeds of lines go out.
perl -e '
	for my $b (1..255) { $e .= sprintf "\\0%03o", $b }
	my $bidi = join "", map { sprintf "\\0%03o", ord } split //, "\xe2\x80\xae\xd8\x9c\xe2\x80\xa8\xc2\x9b";
	print "in\tmessage\talice\t-\t-\t-\tA$e${bidi}Z\n";
	print "event\twarning\t-\t-\t-\t-\tA$e${bidi}Z\n";
	print "sent\tmessage\tbob\t-\t-\t200\tA$e${bidi}Z\n";
	print "in\tfile\talice\t-\t-\t-\t{\"name\":\"\\\\u001b[1m\\\\u202e\\\\u009b\\\\u2028\"}\n";
' >"$T/in"
exits 0 sh -c 'mp-show <"$1"' - "$T/in"
is "four records, three of them with one line feed inside" "$(wc -l <"$T/out" | tr -d ' ')" 7
ok "no control, no C1, no bidi control" perl -CSD -ne '
	exit 1 if /[\x00-\x09\x0b-\x1f\x7f-\x9f\x{61c}\x{200e}\x{200f}\x{2028}-\x{202e}\x{2066}-\x{2069}\x{fffd}]/' "$T/out"
ok "valid UTF-8" iconv -f UTF-8 -t UTF-8 -o "$T/utf8" "$T/out"
is "umlauts stay" "$(show 'in\tmessage\talice\t-\t-\t-\tgr\303\274n')" "$(printf -- '- alice> gr\303\274n')"
is "backslashes stay" "$(show 'in\tmessage\talice\t-\t-\t-\ta\\\\b')" '- alice> a\b'

# Bad lines cost themselves only.
printf 'in\tmessage\talice\t-\t-\t-\tone\nnonsense\nfoo\tmessage\talice\t-\t-\t-\tx\n{"a"\nin\tmessage\talice\t-\t-\t-\ttwo\n' >"$T/in"
exits 100 sh -c 'mp-show <"$1"' - "$T/in"
is "the good ones are shown" "$(cat "$T/out")" "- alice> one
- alice> two"
is "one line for each bad one" "$(wc -l <"$T/err" | tr -d ' ')" 3
like "with its number" "$(cat "$T/err")" '^mp-show: standard input:2: '
printf 'in\tmessage\talice\t-\t-\t-\tcut' >"$T/in"
exits 100 sh -c 'mp-show <"$1"' - "$T/in"
is "what was cut off is not shown" "$(cat "$T/out")" ""
exits 1 mp-show
exits 111 sh -c 'printf "in\tmessage\ta\t-\t-\t-\tx\n" | mp-show >/dev/full'
exits 100 mp-show file
exits 0 env -u MP_HOME HOME=/nonexistent sh -c 'printf "in\tmessage\ta\t-\t-\t-\tx\n" | mp-show'

# What is there is shown before more comes.
mkfifo "$T/fifo"
: >"$T/slow"
start sh -c 'exec mp-show <"$1" >"$2"' - "$T/fifo" "$T/slow"
exec 4>"$T/fifo"
printf 'in\tmessage\talice\t-\t-\t-\tnow\n' >&4
ok "flushes when the input pauses" wait_for grep -q now "$T/slow"
exec 4>&-

# 64 KiB that all need escapes, and the largest sealed record.
perl -e 'print "in\tmessage\talice\t-\t-\t-\t", "\\0001" x 65536, "\n";
	print "sealed\tmessage\talice\t-\t-\t-\t", "A" x 699052, "\n"' >"$T/in"
exits 0 sh -c 'mp-show <"$1"' - "$T/in"
is "64 KiB of controls" "$(head -n 1 "$T/out" | wc -c | tr -d ' ')" $((9 + 5 * 65536 + 1))
finish
