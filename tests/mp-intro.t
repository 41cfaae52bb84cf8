#!/bin/sh
# mp-intro: introductions between real homes over loopback: offered, accepted, declined, cancelled, unattended.
# not under the sanitizers: for the time that it takes; the units plans_* take the same steps there
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/people.sh"
command -v jq >/dev/null || skip_all 'jq is not installed'

people alice bob carol dave erin frank gina hank
for n in bob carol dave erin frank gina hank; do meet alice $n; done
for n in alice bob carol dave erin frank gina hank; do as $n mp-inbox | cut -f 4 | as $n mp-mark; done

does() { # WHO ARGUMENT ...: mp-intro, and what it owes goes out
	who=$1
	shift
	as "$who" mp-intro "$@" >"$T/owed" || return
	as "$who" sh -c 'mp-seal <"$1" | mp-send -w 10' sh "$T/owed" >/dev/null
}
id_of() { # WHO: of the one introduction that is under way there
	as "$1" mp-intro list | cut -f 4
}
event() { # WHO KIND: how many of them are new
	as "$1" mp-inbox | cut -f 1,2 | grep -cx "event${TAB}$2"
}
forget() { # WHO ...: what is new is read
	for n in "$@"; do as "$n" mp-inbox | cut -f 4 | as "$n" mp-mark; done
}

# --- The call.
exits 100 as alice mp-intro
exits 100 as alice mp-intro frobnicate
exits 100 as alice mp-intro offer
exits 100 as alice mp-intro offer bob
like 'one is not enough' "$(cat "$T/err")" '2 to 32'
exits 100 as alice mp-intro offer bob bob
like 'twice the same' "$(cat "$T/err")" "'bob' is named twice"
exits 1 as alice mp-intro offer bob nobody
like 'nobody knows nobody' "$(cat "$T/err")" "no contact 'nobody'"
exits 100 as alice mp-intro accept
exits 100 as alice mp-intro accept zz
exits 100 as alice mp-intro accept 12
exits 1 as alice mp-intro accept 1234
exits 100 as alice mp-intro petition
exits 1 as alice mp-intro petition nogroup
exits 100 as alice mp-intro offer -j bob carol
exits 1 as alice mp-intro list
is 'an empty list says nothing' "$(cat "$T/out" "$T/err")" ''
is 'none of that is owed' "$(as alice mp-due)" ''

# --- Two, start to end.
exits 0 as alice mp-intro offer bob carol
is 'a request for each' "$(cut -f 1-3 "$T/out" | sort | tr '\n' '|')" \
	"out${TAB}introduction-request${TAB}bob|out${TAB}introduction-request${TAB}carol|"
cp "$T/out" "$T/offer"
as alice mp-due | cut -f 1-4 >"$T/again"
is 'mp-due prints the same' "$(sort "$T/again")" "$(cut -f 1-4 "$T/offer" | sort)"
as alice sh -c 'mp-seal <"$1" | mp-send -w 10' sh "$T/offer" >/dev/null
is 'bob is asked' "$(event bob introduction-request)" 1
id=$(id_of bob)
is 'both see one id' "$id" "$(id_of carol)"
is 'which is the event, too' "$(as bob mp-inbox -j | jq -r '.body | fromjson | .introduction')" "$id"
is '-j has who is in it' "$(as bob mp-intro list -j | jq -r '.contact, (.body | fromjson | .state, .people[].nickname)' | tr '\n' ' ')" \
	'alice asked bob carol '
like 'a person sees it, too' "$(as bob mp-intro list | mp-show)" 'introduction alice: .*people=\[\(ourselves\), "carol" [a-z2-7]{56}\.onion\]'
exits 0 as bob mp-intro show "$id"
like 'who introduces' "$(cat "$T/out")" '^initiator +alice$'
like 'whom' "$(cat "$T/out")" '^member +\(no contact\), called carol'
exits 1 as bob mp-intro show "$id" 0000
like 'one wrong id costs itself only' "$(cat "$T/out")" '^state +asked$'
settle alice bob carol
is 'nothing happens before they accept' "$(contacts bob)" 'alice active -'
ok 'bob accepts by the first digits' does bob accept "$(printf '%.6s' "$id")"
settle alice bob carol
like 'alice waits for carol' "$(as alice mp-intro show "$id")" '^waits for +carol$'
unlike 'and for nobody else' "$(as alice mp-intro show "$id")" '^waits for +bob$'
is 'bob knows nobody yet' "$(contacts bob)" 'alice active -'
ok 'carol accepts' does carol accept "$id"
settle alice bob carol
is 'bob knows carol, by alice' "$(contacts bob | sort)" "$(printf 'alice active -\ncarol active alice')"
is 'carol knows bob, by alice' "$(contacts carol | sort)" "$(printf 'alice active -\nbob active alice')"
like 'who is not verified' "$(as bob mp-contact show carol)" '^verified: no$'
is 'the fingerprints are the same' "$(as bob mp-contact show carol | grep ^fingerprint)" "$(as carol mp-contact show bob | grep ^fingerprint)"
is 'the inbox says so' "$(event bob contact-introduced)" 1
is 'once at carol, too' "$(event carol contact-introduced)" 1
ok 'bob writes to carol' sh -c 'echo hello | MP_HOME=$1 mp-seal -t carol | MP_HOME=$1 mp-send -w 10' sh "$T/bob"
as carol sh -c 'echo hello | mp-seal -t bob | mp-send -w 10'
like 'who has it' "$(as carol mp-inbox)" "^in${TAB}message${TAB}bob${TAB}.*hello"
for n in alice bob carol; do
	exits 1 as $n mp-intro list
	exits 1 as $n mp-due
	exits 0 as $n mp-store check
	is "$n keeps no temporary key" "$(sqlite3 "$T/$n/store.db" 'SELECT count(*) FROM key WHERE role = 2')" 0
done
key=$(sqlite3 "$T/bob/store.db" "SELECT hex(secret) FROM key WHERE contact = (SELECT id FROM contact WHERE name = 'carol')")
is 'both ends have one key' "$key" "$(sqlite3 "$T/carol/store.db" "SELECT hex(secret) FROM key WHERE contact = (SELECT id FROM contact WHERE name = 'bob')")"
is 'which alice has nowhere' "$(as alice mp-store export | grep -c "$(printf %s "$key" | xxd -r -p | base64)")" 0
is 'as bob has' "$(as bob mp-store export | grep -c "$(printf %s "$key" | xxd -r -p | base64)")" 1
exits 100 as alice mp-intro cancel "$id"
like 'cancelling is too late' "$(cat "$T/err")" 'too late'
forget alice bob carol

# --- Three, of whom two know each other: what is there stays.
was=$(as bob mp-contact show carol)
ok 'three are offered' does alice offer bob carol dave
for n in bob carol dave; do ok "$n accepts" does $n accept "$(id_of $n)"; done
settle alice bob carol dave
is 'the known contact is the same' "$(as bob mp-contact show carol | grep -v ^seen)" "$(printf '%s\n' "$was" | grep -v ^seen)"
is 'bob is told that he knows her' "$(event bob already-contact)" 1
is 'dave knows both' "$(contacts dave | sort | tr '\n' ' ')" 'alice active - bob active alice carol active alice '
is 'both know dave' "$(contacts bob | grep dave) $(contacts carol | grep dave)" 'dave active alice dave active alice'
forget alice bob carol dave

# --- One who declines ends it for all.
ok 'offered' does alice offer erin frank
id=$(id_of erin)
ok 'erin accepts' does erin accept "$id"
ok 'frank declines' does frank decline "$id"
settle alice erin frank
is 'nobody knows anybody' "$(contacts erin; contacts frank)" "$(printf 'alice active -\nalice active -')"
is 'alice is told' "$(event alice introduction-cancelled)" 1
is 'erin is told' "$(event erin introduction-cancelled)" 1
exits 100 as erin mp-intro accept "$id"
exits 1 as erin mp-intro list
forget alice erin frank

# --- The initiator, or one who accepted, cancels.
ok 'offered again' does alice offer erin frank
id=$(id_of frank)
ok 'frank accepts' does frank accept "$id"
ok 'alice cancels' does alice cancel "$id"
settle alice erin frank
is 'frank is told' "$(event frank introduction-cancelled)" 1
exits 100 as erin mp-intro accept "$id"
forget alice erin frank
ok 'and again' does alice offer erin frank
id=$(id_of frank)
ok 'frank accepts' does frank accept "$id"
ok 'and changes his mind' does frank cancel "$id"
settle alice erin frank
is 'alice is told' "$(event alice introduction-cancelled)" 1
is 'erin, too' "$(event erin introduction-cancelled)" 1
is 'still nobody knows anybody' "$(contacts erin; contacts frank)" "$(printf 'alice active -\nalice active -')"
forget alice erin frank

# --- Unattended: the policies, and only what cron runs.
echo 'introduction.policy = accept bob alice' >>"$T/erin/config"
echo 'introduction.policy = decline' >>"$T/frank/config"
as alice mp-intro offer erin frank >/dev/null
settle alice erin frank
is 'declined by itself' "$(event erin introduction-cancelled)" 1
sed -i 's/^introduction.policy.*/introduction.policy = accept alice/' "$T/frank/config"
as alice mp-intro offer erin frank >/dev/null
# Two crons at once are harmless.
for _ in 1 2 3 4 5 6 7 8; do
	for n in alice erin frank; do
		for _ in 1 2; do
			(as $n sh -c 'mp-due | mp-seal | mp-send -w 10' >/dev/null 2>&1) &
			crons="${crons:-} $!"
		done
	done
	# shellcheck disable=SC2086 # a list
	wait $crons
	crons=
done
settle alice erin frank
is 'accepted by itself' "$(contacts erin | sort | tr '\n' ' ')" 'alice active - frank active alice '
is 'at both ends' "$(contacts frank | sort | tr '\n' ' ')" 'alice active - erin active alice '
is 'one event' "$(event frank contact-introduced)" 1
echo 'introduction.policy = accept somebody' >>"$T/gina/config"

# --- Temporary contacts carry nothing.
ok 'offered' does alice offer gina hank
settle alice gina hank
like 'a policy for others asks' "$(as gina mp-intro list -j | jq -r '.body | fromjson | .state')" '^asked$'
for n in gina hank; do as $n mp-intro accept "$(id_of gina)" >/dev/null; done
round gina
round hank
round alice
round alice
is 'hank is temporary' "$(contacts gina | grep hank)" 'hank temporary alice'
exits 100 as gina sh -c 'echo too soon | mp-seal -t hank'
is 'and cannot be written to' "$(cat "$T/out")" ''
exits 100 as gina mp-contact verify hank
settle alice gina hank
is 'then he can' "$(contacts gina | grep hank)" 'hank active alice'
for n in alice bob carol dave erin frank gina hank; do exits 0 as $n mp-store check; done
finish
