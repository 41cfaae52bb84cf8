#!/bin/sh
# mp-relay: nodes on loopback, asked by a client in Python that shares no code with them.
# shellcheck disable=SC2154 # pid: of lib.sh
. "$(dirname "$0")/lib.sh"

command -v python3 >/dev/null || skip_all "python3 is not installed"
command -v jq >/dev/null || skip_all "jq is not installed"

PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE

# All that the client does, one process does for it: it keeps its connections, and to start Python costs more than it does.
mkfifo "$T/mesh.ask" "$T/mesh.answer"
start python3 "$ROOT/tests/tools/mesh.py" serve "$T"

mesh() {
	case $1 in
	id | mark | batch | without | spoilt | refused)
		mesh_in=$T/mesh.$1
		cat >"$mesh_in"
		;;
	*) mesh_in=- ;;
	esac
	(IFS=$TAB && printf '%s\n' "$mesh_in$TAB$*" >"$T/mesh.ask")
	cat "$T/mesh.answer"
}

relay() { # NAME [PORT]: it listens; its address is in $T/NAME.at, its pid in $T/NAME.pid
	rm -f "$T/$1.ready"
	start env MP_HOME="$T/$1" mp-relay -l "127.0.0.1:${2:-0}" -r 7 7>"$T/$1.ready" 2>>"$T/$1.log"
	echo "$pid" >"$T/$1.pid"
	wait_for [ -s "$T/$1.ready" ] || bail "the relay $1 does not listen"
	sed 's/^ready //' "$T/$1.ready" >"$T/$1.at"
}

ask() { # NAME METHOD PATH [FILE]: the status; the answer is in $T/answer
	mesh ask "$(cat "$T/$1.at")" "$2" "$3" "$T/answer" ${4:+"$4"}
}

fetch() { # NAME PERSON DEVICE [CURSOR]: the status; packets, one a line, are in $T/fetched
	mesh fetch "$(cat "$T/$1.at")" "$T/$2.key" "$(onion "$1")" "$3" "${4:-0}" "$T"
}

has() { # NAME PERSON DEVICE COUNT: so many packets are there
	[ "$(fetch "$1" "$2" "$3")" = 200 ] && [ "$(wc -l <"$T/fetched")" -eq "$4" ]
}

status_of() { # NAME FILTER
	as "$1" mp-relay status | jq -r "$2"
}

is_status() { # NAME FILTER WANT
	[ "$(status_of "$1" "$2")" = "$3" ]
}

D1=0000000000000001 D2=0000000000000002

# --- Without what it needs.
home empty
exits 100 mp-relay -l 127.0.0.1:0
like 'a home without identity is said' "$(cat "$T/err")" 'mp-keygen$'
exits 100 mp-relay -l 127.0.0.1:0 -r 77
like 'nobody waits for a line that cannot be written' "$(cat "$T/err")" 'mp-relay: -r: descriptor 77 is not open'
exits 100 mp-relay status
exits 100 mp-relay accept
exits 100 mp-relay frobnicate
exits 100 mp-relay -w 1

for n in a b c; do
	as "$n" mp-keygen >/dev/null || bail "mp-keygen for $n"
	printf '%s\n' 'retry.min = 1s' 'retry.max = 1s' 'audit.every = 30d' 'box.quota = 128K' >"$T/$n/relay.conf"
done
exits 100 as a mp-relay </dev/null
like 'standard input that is no socket is said' "$(cat "$T/err")" 'no .*socket'
exits 100 as a mp-relay accept nobody.onion
like 'what is no server is said' "$(cat "$T/err")" "^mp-relay: 'nobody.onion' is no server's name\$"
exits 100 as a mp-relay accept "$(onion a)"
exits 1 as a mp-relay drop "$(onion b)"
echo 'box.quote = 1m' >"$T/empty/relay.conf"
cp -R "$T/a/." "$T/wrong" && cp "$T/empty/relay.conf" "$T/wrong/"
exits 100 as wrong mp-relay status
like 'a setting that is none is said with its line' "$(cat "$T/err")" 'relay.conf.*1'

for n in a b c; do relay "$n"; done
for n in a b c; do
	printf '%s %s\n' "$(onion "$n")" "$(cat "$T/$n.at")" >>"$T/routes"
	for m in a b c; do
		[ "$n" = "$m" ] || as "$n" mp-relay accept "$(onion "$m")" || bail "$n does not accept $m"
	done
done
exits 100 as a mp-relay accept "$(onion b)"
exits 111 as a mp-relay work -w 1
like 'one works for a relay at a time' "$(cat "$T/err")" 'another process works for this relay'

# --- What a server says of itself.
is 'GET /load' "$(ask a GET /load)" 200
is '... in tens' "$(jq -c '[.type, .load % 10]' "$T/answer")" '["load",0]'
printf '{"type":"server_list_request","requester_id":"anonymous","timestamp":"2026-01-01T00:00:00.000Z"}' >"$T/request"
is 'POST /servers' "$(ask a POST /servers "$T/request")" 200
is '... names itself and its peers' "$(jq -r '.known_servers[]' "$T/answer" | sort)" \
	"$(for n in a b c; do onion "$n"; done | sort)"
is 'GET /status is for who has the key' "$(ask a GET /status)" 400
(umask 077 && echo 0123456789abcdef0123 >"$T/a/relay-status")
is '... not for another' "$(curl -sk -o "$T/answer" -w '%{http_code}' -H 'Authorization: Bearer 0123456789abcdef0124' \
	"https://$(cat "$T/a.at")/status")" 400
is '... who gets it' "$(curl -sk -o "$T/answer" -w '%{http_code}' -H 'Authorization: Bearer 0123456789abcdef0123' \
	"https://$(cat "$T/a.at")/status")" 200
is '... with all peers' "$(jq '.peers | length' "$T/answer")" 2
is 'no such path' "$(ask a GET /nothing)" 400
is 'no such method there' "$(ask a POST /load "$T/request")" 400
curl -sk -i "https://$(cat "$T/a.at")/load" >"$T/head"
unlike 'no answer names the software or the time' "$(cat "$T/head")" '^(Server|Date):'

# --- A packet goes through the mesh to where its recipient polls.
mesh key "$T/ann.key"
mesh key "$T/eve.key"
is 'a first retrieval' "$(fetch c ann $D1)" 200
is '... has nothing' "$(cat "$T/fetched")" ''
mesh packet "$T/ann.key" >"$T/packet"
id=$(mesh id <"$T/packet")
is 'a packet is taken' "$(ask a POST /packets "$T/packet")" 204
is '... and once more' "$(ask a POST /packets "$T/packet")" 204
ok '... and is at the relay where she polls' wait_for has c ann $D1 1
is '... as it was' "$(jq -cS . "$T/fetched")" "$(jq -cS . "$T/packet")"
ok '... and still there' has c ann $D1 1
cursor=$(jq .cursor "$T/answer")
is 'from a cursor on' "$(fetch c ann $D1 "$cursor")" 200
is '... there is what is newer' "$(cat "$T/fetched")" ''

# --- An answer of the size that was asked for, whatever is in it.
sized() { # CURSOR SIZE: the answer's bytes and how many packets it has
	ask c GET /challenge >/dev/null
	mesh retrieval "$T/ann.key" "$(onion c)" "$(jq -r .challenge "$T/answer")" $D1 "$1" |
		jq -c ".size = $2" >"$T/proof"
	ask c GET /messages "$T/proof" >/dev/null
	echo "$(wc -c <"$T/answer") $(jq '.packets | length' "$T/answer")"
}
is 'an answer of one size, with a packet' "$(sized 0 65536)" '65536 1'
is '... and without' "$(sized "$cursor" 65536)" '65536 0'
like '... which is never too small for one' "$(sized 0 1)" '^[67][0-9]{3} 1$'

# --- Retrieval: whoever is not she gets nothing.
is 'the bare phrase' "$(
	printf 'I AM WHO I SAY I AM' >"$T/phrase"
	openssl dgst -sha256 -sign "$T/ann.key" -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 "$T/phrase" |
		openssl base64 -A >"$T/sig"
	jq --rawfile s "$T/sig" '{public_key, signature: $s}' "$T/proof" >"$T/bare"
	ask c GET /messages "$T/bare"
)" 400
is 'a proof that was used' "$(ask c GET /messages "$T/proof")" 400
is '... at another relay' "$(ask b GET /messages "$T/proof")" 400
ask b GET /challenge >/dev/null
mesh retrieval "$T/ann.key" "$(onion c)" "$(jq -r .challenge "$T/answer")" $D1 0 >"$T/proof"
is "a proof for another relay with this one's challenge" "$(ask b GET /messages "$T/proof")" 400
ask c GET /challenge >/dev/null
mesh retrieval "$T/eve.key" "$(onion c)" "$(jq -r .challenge "$T/answer")" $D1 0 |
	jq --slurpfile p "$T/packet" '.public_key = $p[0].recipient' >"$T/proof"
is "another's signature" "$(ask c GET /messages "$T/proof")" 400
ask c GET /challenge >/dev/null
mesh retrieval "$T/ann.key" "$(onion c)" "$(jq -r .challenge "$T/answer")" $D1 5 | jq '.cursor = 0' >"$T/proof"
is 'a cursor that was changed' "$(ask c GET /messages "$T/proof")" 400

# --- Acknowledgements: hers, of all her devices.
ok 'a second device' has c ann $D2 1
mesh ack "$T/eve.key" $D1 "$id" >"$T/ack"
is "a stranger's acknowledgement" "$(ask c POST /acks "$T/ack")" 204
ok '... deletes nothing' has c ann $D1 1
mesh ack "$T/ann.key" $D1 "$id" >"$T/ack"
is 'one device has it' "$(ask c POST /acks "$T/ack")" 204
ok '... the other can still get it' has c ann $D2 1
mesh ack "$T/ann.key" $D2 "$id" >"$T/ack"
jq '.signature = (.signature | "A" + .[1:])' "$T/ack" >"$T/bad"
is 'a damaged acknowledgement' "$(ask c POST /acks "$T/bad")" 400
is 'both have it' "$(ask c POST /acks "$T/ack")" 204
ok '... it is gone' has c ann $D1 0
for n in a b c; do
	ok "... and it was at $n" wait_for is_status "$n" .packets 1
	ok "... which keeps nothing of it" wait_for is_status "$n" .held 0
done
for i in 3 4 5 6 7 8 9 a b; do
	mesh ack "$T/ann.key" 000000000000000$i "$id" >"$T/ack"
	ask b POST /acks "$T/ack" >/dev/null
done
is 'a packet has no more acknowledgements than a box has devices' \
	"$(sqlite3 "$T/b/relay.db" 'SELECT count(*) FROM acked')" 8
is 'posted again' "$(ask b POST /packets "$T/packet")" 204
is '... it is not there again' "$(fetch c ann $D1)$(cat "$T/fetched")" 200

# --- What is malformed has no effect.
mesh packet "$T/ann.key" >"$T/other"
refused() { # NAME METHOD PATH: each line of standard input; prints those that are not
	mesh refused "$(cat "$T/$1.at")" "$2" "$3"
}
ok 'the peers have all there is' wait_for is_status b .flood 0
before=$(status_of b '[.packets, .held, .boxes, .devices, .flood]|tostring')
malformed() { # FILE METHOD PATH: without each member, and with a wrong one
	mesh without <"$1" >"$T/variants"
	mesh spoilt <"$1" >>"$T/variants"
	refused b "$2" "$3" <"$T/variants"
}
within() { # METHOD PATH KIND KEY [CHALLENGE]: wrong inside what is signed
	within_m=$1
	within_p=$2
	shift 2
	within_kind=$1
	within_key=$2
	shift 2
	mesh malformed "$within_kind" "$within_key" "$(onion b)" "$@" | refused b "$within_m" "$within_p"
}
is 'a packet' "$(malformed "$T/other" POST /packets)" ''
mesh mark "$(printf '%064d' 7)" 1 1 <"$T/other" >"$T/marked"
is '... with a token' "$(mesh spoilt <"$T/marked" | refused b POST /packets)" ''
is 'an acknowledgement' "$(malformed "$T/ack" POST /acks)" ''
is '... what it says' "$(within POST /acks ack "$T/ann.key")" ''
is 'a retrieval' "$(malformed "$T/proof" GET /messages)" ''
jq -c '.size = 1000' "$T/proof" >"$T/sized"
is '... with a size' "$(mesh spoilt <"$T/sized" | refused b GET /messages)" ''
ask b GET /challenge >/dev/null
is '... what it says' "$(within GET /messages retrieval "$T/ann.key" "$(jq -r .challenge "$T/answer")")" ''
mesh tokens "$T/ann.key" "$(onion b)" "$(printf '%064d' 7)" $(($(date +%s) / 86400)) 2 >"$T/tokens"
is 'tokens' "$(malformed "$T/tokens" POST /tokens)" ''
is '... what they say' "$(within POST /tokens tokens "$T/ann.key")" ''
is 'a server list request' "$(malformed "$T/request" POST /servers)" ''
printf '{"reporter_id":"anonymous","reported_server_id":"%s","timestamp":"2026-01-01T00:00:00.000Z","evidence":"aGVsbG8="}' \
	"$(onion a)" >"$T/report"
is 'a report' "$(malformed "$T/report" POST /reports)" ''
is '... what it says' "$(within POST /reports report -)" ''
mesh server "$T/s1" >"$T/s1.name"
mesh decision "$(onion a)" blacklisted $(($(date +%s) / 86400)) "$T/s1" >"$T/decision"
is 'a decision' "$(malformed "$T/decision" POST /decisions)" ''
is '... its votes' "$(within POST /decisions decision "$T/s1")" ''
mesh batch "$T/s1" "$(onion b)" 3 0 <"$T/other" >"$T/batch"
is 'a batch' "$(malformed "$T/batch" POST /mesh)" ''
is 'no JSON, two values, duplicate keys, a byte that is no text' "$(printf '%s\n' x '{}{}' '{"type":1,"type":1}' \
	"$(printf '{"a":"\377"}')" '[]' | refused b POST /packets)" ''
is '... changed nothing' "$(status_of b '[.packets, .held, .boxes, .devices, .flood]|tostring')" "$before"
as b mp-relay accept "$(cat "$T/s1.name")"
is 'what a batch of a peer says' "$(within POST /mesh batch "$T/s1")" ''
as b mp-relay drop "$(cat "$T/s1.name")"
is '... has no effect either' "$(status_of b '[.packets, .held, .boxes, .devices, .flood]|tostring')" "$before"
is 'a report as it should be' "$(ask b POST /reports "$T/report")" 204
like '... is in the log with what it says' "$(as b mp-relay log)" "$(onion a)${TAB}somebody reports it: hello\$"
says() { # WHAT, as printf has it: a report of a
	# shellcheck disable=SC2059
	jq -c --arg e "$(printf "$1" | base64 -w 0)" '.evidence = $e' "$T/report" >"$T/line"
}
for what in 'one\tmore' '\033[2J' ''; do
	says "$what"
	ask b POST /reports "$T/line" >/dev/null
done
is '... but not oftener than it makes an audit due' "$(as b mp-relay log | grep -c 'somebody reports it')" 1
says '\t\033[2J\377'
jq -c --arg s "$(onion c)" '.reported_server_id = $s' "$T/line" >"$T/line2"
is 'one of bytes that are no text' "$(ask b POST /reports "$T/line2")" 204
like '... shows them as such' "$(as b mp-relay log)" "$(onion c)${TAB}somebody reports it: "'[\\]t[\\]0033[[]2J[\\]0377$'
jq -c --arg s "$(cat "$T/s1.name")" '.reported_server_id = $s' "$T/line" >"$T/line2"
is 'of a stranger' "$(ask b POST /reports "$T/line2")" 204
unlike '... it is nothing to us' "$(as b mp-relay log)" "$(cat "$T/s1.name")"

# --- What nobody can pass on stands in nobody's way.
sqlite3 -cmd '.timeout 60000' "$T/b/relay.db" \
	"INSERT INTO flood (kind, text, hops, attempt, source, time) VALUES (1, '{\"x\":\"' || hex(zeroblob(400000)) || '\"}', 0, 0, 0, $(date +%s)000)"
mesh packet "$T/ann.key" >"$T/behind"
is 'a packet behind a text that no batch holds' "$(ask b POST /packets "$T/behind")" 204
ok '... arrives' wait_for has c ann $D1 1
for d in $D1 $D2; do
	mesh ack "$T/ann.key" $d "$(mesh id <"$T/behind")" >"$T/ack"
	is '... and is confirmed' "$(ask c POST /acks "$T/ack")" 204
done

# --- A server's batch.
is "a stranger's" "$(ask b POST /mesh "$T/batch")" 403
as b mp-relay accept "$(cat "$T/s1.name")"
is '... from a peer' "$(ask b POST /mesh "$T/batch")" 200
is '... is taken' "$(jq -c .results "$T/answer")" '["taken"]'
is '... once' "$(ask b POST /mesh "$T/batch")$(jq -c .results "$T/answer")" '200["seen"]'
is 'at another server' "$(ask c POST /mesh "$T/batch")" 400
ok 'and goes on' wait_for has c ann $D1 1
as b mp-relay drop "$(cat "$T/s1.name")"
is 'a dropped peer is a stranger' "$(ask b POST /mesh "$T/batch")" 403

confirm() { # PACKET ...: by both devices
	for p in "$@"; do
		for d in $D1 $D2; do
			mesh ack "$T/ann.key" $d "$(mesh id <"$p")" >"$T/ack"
			ask c POST /acks "$T/ack" >/dev/null
		done
	done
}

# A copy that comes first, with no hops left or damaged, suppresses nothing.
as b mp-relay accept "$(cat "$T/s1.name")"
mesh packet "$T/ann.key" >"$T/late"
mesh batch "$T/s1" "$(onion b)" 0 0 <"$T/late" >"$T/batch"
is 'a copy with no hops left' "$(ask b POST /mesh "$T/batch")$(jq -c .results "$T/answer")" '200["taken"]'
mesh packet "$T/ann.key" >"$T/last"
mesh batch "$T/s1" "$(onion b)" 0 9 <"$T/last" >"$T/batch"
is "one with the last attempt's number" "$(ask b POST /mesh "$T/batch")$(jq -c .results "$T/answer")" '200["taken"]'
mesh batch "$T/s1" "$(onion b)" 3 0 <"$T/last" >"$T/batch"
is '... keeps the first from nobody' "$(ask b POST /mesh "$T/batch")$(jq -c .results "$T/answer")" '200["taken"]'
ok '... who polls' wait_for has c ann $D1 2
confirm "$T/last"
jq -c '.message = (.message | "AAAA" + .[4:])' "$T/late" >"$T/damaged"
mesh batch "$T/s1" "$(onion b)" 7 0 <"$T/damaged" >"$T/batch"
is 'a damaged copy' "$(ask b POST /mesh "$T/batch")$(jq -c .results "$T/answer")" '200["taken"]'
ok '... goes its own way' wait_for has c ann $D1 2
unlike '... the first one none' "$(cat "$T/fetched")" "$(jq -r .message "$T/late" | cut -c 1-60 | sed 's/[+]/[+]/g')"
is 'the packet itself' "$(ask b POST /packets "$T/late")" 204
ok '... arrives' wait_for has c ann $D1 3
is '... and b, where it was posted, keeps what is not confirmed' \
	"$(sqlite3 "$T/b/relay.db" "SELECT again > 0 FROM packet WHERE hex(hash) = upper('$(mesh id <"$T/late")')")" 1
as b mp-relay drop "$(cat "$T/s1.name")"

# --- A full box, and what is kept in it for tokens.
confirm "$T/other" "$T/late" "$T/damaged"
ok 'an empty box' has c ann $D1 0
fill() { # until it is full: how many went in
	n=0
	while [ "$n" -lt 20 ]; do
		mesh packet "$T/ann.key" >"$T/packet"
		[ "$(ask c POST /packets "$T/packet")" = 204 ] || break
		n=$((n + 1))
	done
	echo "$n"
}
is "strangers fill a fifth of it" "$(fill)" 3
is '... then the sender is told' "$(ask c POST /packets "$T/packet")" 507
day=$(($(date +%s) / 86400))
secret=$(printf '%064d' 7)
mesh tokens "$T/eve.key" "$(onion c)" "$secret" "$day" 3 >"$T/tokens"
is "nobody registers tokens without a box" "$(ask c POST /tokens "$T/tokens")" 400
mesh tokens "$T/ann.key" "$(onion b)" "$secret" "$day" 3 >"$T/tokens"
is "... or another server's" "$(ask c POST /tokens "$T/tokens")" 400
mesh tokens "$T/ann.key" "$(onion c)" "$secret" $((day - 5)) 3 >"$T/tokens"
is "... or of another day" "$(ask c POST /tokens "$T/tokens")" 400
mesh tokens "$T/ann.key" "$(onion c)" "$secret" "$day" 3 >"$T/tokens"
is 'she registers three' "$(ask c POST /tokens "$T/tokens")" 204
mesh mark "$secret" "$day" 0 <"$T/packet" >"$T/marked"
is 'a packet with a token' "$(ask c POST /packets "$T/marked")" 204
mesh packet "$T/ann.key" | jq -c --slurpfile m "$T/marked" '.token = $m[0].token' >"$T/stolen"
is "another one with that packet's mark" "$(ask c POST /packets "$T/stolen")" 507
mesh packet "$T/ann.key" >"$T/packet"
mesh mark "$secret" "$day" 0 <"$T/packet" >"$T/marked"
is 'a token that was used' "$(ask c POST /packets "$T/marked")" 507
mesh mark "$secret" "$day" 1 <"$T/packet" >"$T/marked"
is 'the next one' "$(ask c POST /packets "$T/marked")" 204
ok 'are all there' has c ann $D1 5

# What came while the box was full gets a place above what was fetched since.
cursor=$(jq .cursor "$T/answer")
head -n 1 "$T/fetched" >"$T/first"
mesh packet "$T/ann.key" >"$T/waiting"
knows() { # NAME PACKET
	[ "$(sqlite3 "$T/$1/relay.db" "SELECT count(*) FROM packet WHERE hex(hash) = upper('$(mesh id <"$2")')")" = 1 ]
}
is 'one more, elsewhere' "$(ask b POST /packets "$T/waiting")" 204
ok '... has come' wait_for knows c "$T/waiting"
mesh packet "$T/ann.key" >"$T/packet"
mesh mark "$secret" "$day" 2 <"$T/packet" >"$T/marked"
is '... then one with a token' "$(ask c POST /packets "$T/marked")" 204
is '... which is fetched' "$(fetch c ann $D1 "$cursor")$(wc -l <"$T/fetched")" 2001
cursor=$(jq .cursor "$T/answer")
confirm "$T/first"
is '... and there is room' "$(ask c POST /packets "$T/waiting")" 204
is '... it is fetched, too' "$(fetch c ann $D1 "$cursor")$(jq -cS . "$T/fetched")" "200$(jq -cS . "$T/waiting")"

# --- Strangers who vote; peers who do.
blacklisted() {
	status_of a ".peers[] | select(.server == \"$(onion b)\") | .blacklisted"
}
gang=$(seq -f "$T/gang.%g" 30)
# shellcheck disable=SC2086 # a list
mesh server $gang >"$T/out"
# shellcheck disable=SC2086 # a list
mesh decision "$(onion b)" blacklisted "$day" $gang >"$T/decision"
is 'thirty strangers vote' "$(ask a POST /decisions "$T/decision")" 204
is '... which is nothing' "$(blacklisted)" false
for i in 1 2 3; do
	as a mp-relay accept "$(mesh server "$T/p$i")" || bail "a does not accept"
done
mesh decision "$(onion b)" blacklisted "$day" "$T/p1" "$T/p2" >"$T/decision"
ask a POST /decisions "$T/decision" >/dev/null
is 'two of five accepted peers are too few' "$(blacklisted)" false
mesh decision "$(onion b)" whitelisted "$day" "$T/p3" >"$T/decision"
jq -c --slurpfile w "$T/decision" '.final_decision = "blacklisted"' "$T/decision" >"$T/line"
ask a POST /decisions "$T/line" >/dev/null
is 'what a decision says without votes is nothing' "$(blacklisted)" false
mesh decision "$(onion b)" blacklisted $((day + 1)) "$T/p3" >"$T/decision"
ask a POST /decisions "$T/decision" >/dev/null
is 'three are more than half' "$(blacklisted)" true
like '... and the log says so' "$(as a mp-relay log)" "$(onion b)${TAB}blacklisted by quorum"
mesh packet "$T/ann.key" >"$T/packet"
ask b POST /packets "$T/packet" >/dev/null
mesh decision "$(onion b)" whitelisted $((day + 1)) "$T/p1" "$T/p2" >"$T/decision"
ask a POST /decisions "$T/decision" >/dev/null
is 'two take it back' "$(blacklisted)" false
like '... which is in the log' "$(as a mp-relay log)" "$(onion b)${TAB}no longer blacklisted"
mesh decision "$(onion b)" blacklisted $((day + 1)) "$T/p2" >"$T/decision"
ask a POST /decisions "$T/decision" >/dev/null
like 'who votes both ways in one window is found out' "$(as a mp-relay log)" "${TAB}it contradicts itself"
is '... and has no vote' "$(status_of a '[.peers[] | select(.score == 4600)] | length')" 1
score() {
	status_of a ".peers[] | select(.server == \"$1\") | .score"
}
p4=$(mesh server "$T/p4")
as a mp-relay accept "$p4" || bail "a does not accept"
for v in blacklisted whitelisted; do
	mesh decision "$(onion b)" $v "$day" "$T/p4" "$T/gang.1" >"$T/$v"
done
prove() { # DECISION DECISION: what a makes of the server that is reported with them
	jq -nc --slurpfile one "$1" --slurpfile two "$2" '{votes: ($one + $two)}' | base64 -w 0 >"$T/evidence"
	jq -c --rawfile e "$T/evidence" --arg s "$p4" '.evidence = $e | .reported_server_id = $s' "$T/report" >"$T/line"
	ask a POST /reports "$T/line" >"$T/out"
	score "$p4"
}
is 'a report with one vote twice' "$(prove "$T/blacklisted" "$T/blacklisted")" 0
jq -c '.final_decision = "whitelisted" | .votes |= map_values(sub("^black"; "white"))' "$T/blacklisted" >"$T/forged"
is '... with a forged one' "$(prove "$T/blacklisted" "$T/forged")" 0
is '... with two that contradict each other' "$(prove "$T/blacklisted" "$T/whitelisted")" 4600

# --- Killed at any point, it loses nothing that it took.
kill -9 "$(cat "$T/b.pid")" "$(cat "$T/c.pid")"
mesh packet "$T/eve.key" >"$T/packet"
is 'a packet while the others are away' "$(ask a POST /packets "$T/packet")" 204
kill -9 "$(cat "$T/a.pid")"
relay c "$(sed 's/.*://' "$T/c.at")"
is 'eve polls' "$(fetch c eve $D1)" 200
relay a "$(sed 's/.*://' "$T/a.at")"
relay b "$(sed 's/.*://' "$T/b.at")"
ok 'it arrives all the same' wait_for has c eve $D1 1
is '... once' "$(jq -cS . "$T/fetched")" "$(jq -cS . "$T/packet")"

# --- One connection on standard input, as socat gives it.
printf 'GET /load HTTP/1.1\r\nHost: x\r\n\r\n' | as a perl "$ROOT/tests/post.pl" -r mp-relay >"$T/answer"
is 'a connection on a socket' "$(head -n 1 "$T/answer" | cut -d ' ' -f 2)" 200
kill "$(cat "$T/a.pid")"
wait "$(cat "$T/a.pid")"
is 'SIGTERM ends it with 0' "$?" 0
ok 'mp-relay work alone, for a second' as a mp-relay work -w 1
finish
