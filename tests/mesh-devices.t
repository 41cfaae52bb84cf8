#!/bin/sh
# mp-mesh devices: a second home of the same person.  What one receives or sends the other shows; keys that are renewed
# follow; who did not ask gets nothing, and who is removed gets nothing more.
# shellcheck disable=SC2154 # pid: of lib.sh
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/mesh.sh"

command -v jq >/dev/null || skip_all "jq is not installed"
command -v sqlite3 >/dev/null || skip_all "sqlite3 is not installed"

sync() { # FROM: what it owes, delivered
	as "$1" mp-due >"$T/due" || return 0
	as "$1" sh -c 'mp-seal <"$1" | mp-send -w 60' - "$T/due" >>"$T/$1.sent" 2>>"$T/$1.err" ||
		bail "what $1 owes is not delivered"
}
texts() { # NAME: class, contact, kind, body of its messages, without events
	as "$1" mp-inbox -a -j | jq -r 'select(.class != "event") | [.class, .contact, .ref, .body] | join(" ")'
}
write() { # FROM TO TEXT
	printf '%s\n' "$3" | as "$1" mp-seal -l -t "$2" >"$T/sealed" || bail "$1 cannot seal for $2"
	as "$1" mp-send -w 60 <"$T/sealed" >>"$T/$1.sent" || bail "$2 does not get it"
}

# --- Nobody becomes a device who did not ask.
meet desk lap
meet desk carol
for n in desk lap carol; do
	serve_tls "$n"
done
exits 1 as desk mp-mesh devices
exits 100 as desk mp-mesh devices add
exits 100 as desk mp-mesh devices frobnicate lap
exits 1 as desk mp-mesh devices join nobody
exits 100 as desk mp-mesh devices join lap
like 'a home with contacts is no second device' "$(cat "$T/err")" 'this one has contacts'
exits 100 as desk mp-mesh devices add lap
like 'without keys of the mesh there is nothing to share' "$(cat "$T/err")" 'run mp-mesh keys$'
as desk mp-mesh keys >"$T/keys"
exits 100 as desk mp-mesh devices add lap
like 'who did not ask is not added' "$(cat "$T/err")" "'lap' has not asked"
exits 1 as desk mp-mesh devices remove carol

# --- One asks, a person says yes.
write desk carol before
exits 0 as lap mp-mesh devices join desk
exits 100 as lap mp-mesh devices join desk
exits 100 as lap mp-mesh keys
like 'keys come from the first' "$(cat "$T/err")" 'second device'
sync lap
like 'a person hears of it' "$(as desk mp-inbox)" "^event${TAB}device-asks${TAB}lap${TAB}"
like '... and sees it' "$(as desk mp-mesh devices)" "^lap${TAB}asks${TAB}"
is 'who asks is told nothing' "$(as desk mp-due)" ''
relays r1 r2 r3 r4
as desk mp-mesh servers add "$(onion r1)" "$(onion r2)" "$(onion r3)" "$(onion r4)"
exits 0 as desk mp-mesh devices add lap
exits 100 as desk mp-mesh devices add lap
like '... and one of two' "$(as desk mp-mesh devices)" "^lap${TAB}second${TAB}.*${TAB}2\$"
sync desk
is 'all was told' "$(as desk mp-mesh devices | cut -f 5)" 0
like 'the other is the first' "$(as lap mp-mesh devices)" "^desk${TAB}first${TAB}"
is 'one address in the mesh' "$(as lap sqlite3 "$T/lap/store.db" 'SELECT hex(address) FROM mesh')" \
	"$(as desk sqlite3 "$T/desk/store.db" 'SELECT hex(address) FROM mesh')"
is 'the servers come along' "$(as lap mp-mesh servers | cut -f 1 | sort)" "$(as desk mp-mesh servers | cut -f 1 | sort)"
is 'the contacts come along' "$(as lap mp-contact list -j | jq -r .contact)" 'carol
desk'
is 'the history does not' "$(texts lap)" ''
is 'the same fingerprint... of another home' \
	"$(as lap mp-contact show -j carol | jq -r '.body | fromjson | .address')" "$(onion carol)"

# --- What came to the one and what it sent, the other shows.
write carol desk 'to desk'
write desk carol 'from desk'
sync desk
is 'the second shows it' "$(texts lap)" 'in carol  to desk
was carol  from desk'
write lap carol 'from lap'
like 'a contact cannot tell who sealed' "$(texts carol)" '^in desk  from lap'
sync lap
is 'the first shows what the second sent' "$(texts desk)" 'was carol  before
in carol  to desk
was carol  from desk
was carol  from lap'
is 'nothing goes back and forth' "$(as desk mp-due; as lap mp-due)" ''

# --- What was said to a group, and a file: as they are in the first one's history.
sqlite3 "$T/desk/store.db" "INSERT INTO message (contact, dir, id, kind, time, stored, state, ref, body) VALUES
	(NULL, 1, randomblob(16), 'message', 1, 1, 12, 'team', CAST('to all' AS BLOB)),
	((SELECT id FROM contact WHERE name = 'carol'), 0, randomblob(16), 'message', 2, 2, 0, 'team', CAST('to all, too' AS BLOB)),
	((SELECT id FROM contact WHERE name = 'carol'), 0, randomblob(16), 'file', 3, 3, 0, NULL,
		CAST('{\"file\":\"00\",\"name\":\"plan.pdf\",\"path\":\"/there/plan.pdf\",\"size\":3}' AS BLOB))"
sync desk
like 'what we said to a group' "$(texts lap)" '^was  team to all$'
like 'what another one said there' "$(texts lap)" '^in carol team to all, too$'
like 'a file by its name' "$(texts lap)" '^in carol  .*"name":"plan.pdf"'
unlike '... not by a path that is elsewhere' "$(texts lap)" there

# --- A change of a contact, and what is the first's to do.
write carol desk once
sync desk
as desk mp-contact rename carol caroline
as desk mp-contact verify caroline "$(as desk mp-contact show -j caroline | jq -r '.body | fromjson | .fingerprint')"
sync desk
is 'a name follows' "$(as lap mp-contact list -j | jq -r 'select(.contact == "caroline") | .body | fromjson | .verified')" true
as desk mp-contact rename caroline carol
sync desk
exits 100 as lap mp-contact rename carol c
like 'a shared contact is changed on the first' "$(cat "$T/err")" 'on the first device'
for v in 'rename carol x' 'block carol' 'unblock carol' 'remove carol' 'rekey carol' 'offer new' 'accept new' 'remove desk' 'block desk'; do
	# shellcheck disable=SC2086 # words
	exits 100 as lap mp-contact $v
done
exits 100 as desk mp-contact remove lap
like 'a device is no contact to remove' "$(cat "$T/err")" 'mp-mesh devices remove'
exits 100 as lap mp-intro list
exits 100 as lap mp-group list
echo file >"$T/file"
exits 100 as lap mp-seal -t carol -f "$T/file"
like 'a second device sends messages only' "$(cat "$T/err")" 'messages only'

# --- A key that is renewed: the second knows it before the old one goes, and seals anew what waits.
printf 'sealed under the old key\n' | as lap mp-seal -l -t carol >"$T/sealed"
printf 'retry.min = 1s\n' >"$T/lap/config"
exits 111 as lap sh -c 'MP_ROUTES=/dev/null mp-send -w 2 <"$1"' - "$T/sealed"
envelope() {
	sqlite3 "$T/lap/store.db" "SELECT hex(envelope) FROM queue WHERE kind = 'message'"
}
envelope >"$T/before"
kinds() { # what NAME owes
	as "$1" mp-due | cut -f 2,3 | tr "$TAB" ' '
}
as desk mp-contact rekey carol >/dev/null
sync desk
sync carol
is 'the old key has not drained while the second does not know the new one' "$(kinds desk)" 'device-sync lap'
sync desk
envelope >"$T/after"
ok '... which seals anew what waits' [ -s "$T/after" ]
ok '... under the new key' [ "$(cmp "$T/before" "$T/after" | wc -l)" -eq 1 ]
is 'now the old one has drained' "$(kinds desk)" 'rekey-drained carol'
sync desk
sync carol
arrives() {
	as lap mp-send -w 5 </dev/null 2>>"$T/lap.err"
	texts carol | grep -qx "$1"
}
ok 'what waited arrives' wait_for arrives 'in desk  sealed under the old key'
write carol desk 'under the new key'
sync desk
sync lap
like 'and both read what comes' "$(texts lap)" '^in carol  under the new key$'

# --- By the mesh: both fetch, at relays of their own, and each message counts once.
person carol r1 r2 r3 r4
for n in desk lap carol; do
	as "$n" mp-mesh fetch 2>>"$T/$n.err" || [ $? -eq 1 ] || bail "$n cannot fetch"
	printf '%s\n' 'retry.min = 1s' 'retry.max = 1s' 'route = mesh' >"$T/$n/config"
done
sync desk
sync carol
sync lap
sync desk
is 'the second tells contacts no address' "$(kinds lap | grep carol)" ''
count() { # NAME LINE
	texts "$1" | grep -cx "$2"
}
got_it() { # NAME LINE
	as "$1" mp-mesh fetch 2>>"$T/$1.err"
	[ "$(count "$1" "$2")" -gt 0 ]
}
write carol desk 'by the mesh'
ok 'the second fetches it by itself' wait_for got_it lap 'in carol  by the mesh'
ok '... and the first' wait_for got_it desk 'in carol  by the mesh'
write lap carol 'from lap by the mesh'
ok 'a contact gets what the second posts' wait_for got_it carol 'in desk  from lap by the mesh'
both() {
	for n in desk lap; do
		as "$n" mp-due | as "$n" mp-seal | as "$n" mp-send -w 20 >/dev/null 2>>"$T/$n.err"
		as "$n" mp-mesh fetch 2>>"$T/$n.err"
	done
	[ "$(count desk 'was carol  from lap by the mesh')" -gt 0 ] && [ -z "$(kinds desk; kinds lap)" ]
}
ok 'what they owe each other goes by the mesh, too, and comes to an end' wait_for both
is 'each message is there once, at the first' "$(texts desk | sort | uniq -d)" ''
is '... and at the second' "$(texts lap | sort | uniq -d)" ''
is '... which has all of them' "$(texts lap | grep -v plan | sort)" "$(texts desk | grep -v 'before$\|plan' | sort)"
as carol sh -c 'mp-due | mp-seal | mp-send -w 20' >/dev/null 2>>"$T/carol.err"
told() {
	both
	[ -z "$(as lap mp-queue list)" ]
}
ok 'the second hears that its message came' wait_for told
tokens() { # VALUE: how many packets came into boxes so
	for n in r1 r2 r3 r4; do
		sqlite3 "$T/$n/relay.db" "SELECT hex(hash) FROM packet WHERE place > 0 AND token = $1"
	done | sort -u | wc -l
}
without=$(tokens 0) with=$(tokens 1)
for i in 1 2 3; do
	write desk carol "desk, $i"
	write lap carol "lap, $i"
done
for i in 1 2 3; do
	ok "message $i of the first by the mesh" wait_for got_it carol "in desk  desk, $i"
	ok '... and of the second' wait_for got_it carol "in desk  lap, $i"
done
is '... none without a token' "$(tokens 0)" "$without"
ok '... no token twice' [ "$(tokens 1)" -ge $((with + 6)) ]

# --- A device that is lost: it gets nothing more, and has no key of anybody.
printf '%s\n' 'retry.min = 1s' >"$T/desk/config"
cp "$T/desk/config" "$T/carol/config"
sqlite3 "$T/desk/store.db" 'SELECT hex(address) FROM mesh' >"$T/address"
exits 100 as lap mp-mesh devices remove desk
exits 0 as desk mp-mesh devices remove lap
exits 1 as desk mp-mesh devices remove lap
exits 1 as desk mp-mesh devices
ok 'there are new keys of the mesh' [ "$(cat "$T/address")" != "$(sqlite3 "$T/desk/store.db" 'SELECT hex(address) FROM mesh')" ]
is 'no relay knows both addresses by our circuits' "$(as desk mp-mesh servers | cut -f 2 | sort -u)" '-'
as desk mp-mesh fetch 2>>"$T/desk.err"
is 'each contact gets a new key and the new address' "$(kinds desk | grep carol | sort)" 'contact-update carol
rekey carol'
sync desk
sync carol
sync desk
write carol desk 'not for lap'
write desk carol 'nor this'
is 'the first goes on' "$(texts desk | tail -n 2)" 'in carol  not for lap
was carol  nor this'
sync desk
as lap mp-mesh fetch 2>>"$T/lap.err"
unlike 'the one that was removed hears nothing' "$(texts lap)" 'not for lap|nor this'
printf 'from a thief\n' | as lap mp-seal -l -t carol >"$T/sealed"
as carol mp-take <"$T/sealed" 2>/dev/null
exits 100 as carol sh -c 'mp-take <"$1"' - "$T/sealed"
unlike '... and is not heard' "$(texts carol)" thief
for n in desk lap carol; do
	ok "the store of $n is sound" as "$n" mp-store check
done
finish
