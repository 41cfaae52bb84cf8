#!/bin/sh
# mp-group: group chats between real homes over loopback, and mp-seal -g, mp-ping -g.
# not under the sanitizers: minutes of many processes; mp-intro.t and the units plans_* take the same steps there
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/people.sh"
command -v jq >/dev/null || skip_all 'jq is not installed'

people ann ben cat dan
for n in ben cat dan; do meet ann $n; done

does() { # WHO COMMAND ...: and what it owes goes out
	who=$1
	shift
	as "$who" "$@" >"$T/owed" || return
	as "$who" sh -c 'mp-seal <"$1" | mp-send -w 10' sh "$T/owed" >/dev/null
}
event() { # WHO KIND: how many of them are new
	as "$1" mp-inbox | cut -f 1,2 | grep -cx "event${TAB}$2"
}
forget() {
	for n in "$@"; do as "$n" mp-inbox | cut -f 4 | as "$n" mp-mark; done
}
members() { # WHO GROUP: the others, by their local names
	as "$1" mp-group show -j "$2" | jq -r '.body | fromjson | .people[].contact' | sort | tr '\n' ' '
}
say() { # WHO GROUP TEXT
	printf '%s' "$3" | as "$1" mp-seal -g "$2" | as "$1" mp-send -w 10 >/dev/null
}
texts() { # WHO GROUP: what is new there
	as "$1" mp-inbox | awk -F '\t' -v g="$2" '$1 == "in" && $2 == "message" && $6 == g { print $3 ":" $7 }' | tr '\n' ' '
}
forget ann ben cat dan

# --- The call.
exits 100 as ann mp-group
exits 100 as ann mp-group frobnicate team
exits 100 as ann mp-group create team
exits 100 as ann mp-group create Team ben
exits 100 as ann mp-group create team ben ben
exits 1 as ann mp-group create team nobody
exits 100 as ann mp-group list team
exits 100 as ann mp-group create -j team ben
for v in show accept decline petition leave; do
	exits 1 as ann mp-group $v team
	like "$v: no such group" "$(cat "$T/err")" "no group 'team'"
done
exits 1 as ann mp-group add team ben
exits 1 as ann mp-group list
is 'an empty list says nothing' "$(cat "$T/out" "$T/err")" ''
exits 1 as ann sh -c 'echo x | mp-seal -g team'
exits 100 as ann mp-ping -g team
is 'none of that is owed' "$(as ann mp-due)" ''

# --- A group of people who do not all know each other: a petition.
exits 0 as ann mp-group create team ben cat
is 'a request for each' "$(cut -f 1-3 "$T/out" | sort | tr '\n' '|')" \
	"out${TAB}group-chat-request${TAB}ben|out${TAB}group-chat-request${TAB}cat|"
exits 100 as ann mp-group create team ben
like 'a name once' "$(cat "$T/err")" "a group 'team' already"
exits 100 as ann sh -c 'echo x | mp-seal -g team'
like 'it has not begun' "$(cat "$T/err")" 'not begun'
settle ann ben cat
is 'ben is asked' "$(event ben group-chat-request)" 1
exits 100 as ben mp-group accept team
like 'somebody is missing' "$(cat "$T/err")" "'cat' is no contact yet.*petition"
exits 1 as ann mp-group petition team
ok 'ben asks to be introduced' does ben mp-intro petition team
is 'ann sees the petition' "$(as ann mp-intro list -j | jq -r '.body | fromjson | .state')" petitioned
is 'and hears of it' "$(event ann introduction-petition)" 1
id=$(as ann mp-intro list | cut -f 4)
ok 'ann introduces them' does ann mp-intro accept "$id"
settle ann ben cat
is 'with the id of the petition' "$(as cat mp-intro list | cut -f 4)" "$id"
for n in ben cat; do ok "$n accepts" does $n mp-intro accept "$id"; done
settle ann ben cat
is 'ben knows cat' "$(contacts ben | grep cat)" 'cat active ann'
for n in ben cat; do
	exits 1 as $n mp-group petition team
	ok "$n accepts the group" does $n mp-group accept team
done
settle ann ben cat
for n in ann ben cat; do
	is "$n is in it" "$(as $n mp-group list | cut -f 1-3,6)" "event${TAB}group${TAB}-${TAB}team"
	is "$n is told" "$(event $n group-chat-started)" 1
	exits 1 as $n mp-due
done
is 'with ben and cat' "$(members ann team)" 'ben cat '
like 'a person sees who' "$(as ben mp-group show team)" '^member +cat'
forget ann ben cat

# --- A petition that is declined.
ok 'another group' does ann mp-group create other ben dan
ok 'ben lacks dan' does ben mp-group petition other
ok 'ann will not introduce him' does ann mp-intro decline "$(as ann mp-intro list | cut -f 4)"
settle ann ben
is 'ben is told' "$(event ben petition-declined)" 1
ok 'ben declines' does ben mp-group decline other
settle ann ben dan
for n in ann dan; do is "$n is told that it is off" "$(event $n group-chat-cancelled)" 1; done
exits 1 as ann mp-group show other
forget ann ben dan

# --- Talk.
printf 'first' | as ann mp-seal -g team >"$T/sealed"
is 'a record for each, one id' "$(cut -f 1-3 "$T/sealed" | sort | tr '\n' '|')$(cut -f 4 "$T/sealed" | sort -u | wc -l)" \
	"sealed${TAB}message${TAB}ben|sealed${TAB}message${TAB}cat|1"
ok 'it goes' as ann mp-send -w 10 <"$T/sealed"
is 'ben has it, of ann and in the group' "$(texts ben team)" 'ann:first '
is 'cat, too' "$(texts cat team)" 'ann:first '
is 'one line of history, without a contact' "$(as ann mp-inbox -a | awk -F '\t' '$1 == "was"' | cut -f 2,3,6,7)" \
	"message${TAB}-${TAB}team${TAB}first"
printf 'out\tmessage\t-\t-\t-\tteam\tby record\n' | as cat mp-seal | as cat mp-send -w 10
is 'a record names the group in ref' "$(texts ann team)" 'cat:by record '
printf 'one\ntwo\nthree\n' | as ben mp-seal -l -g team | as ben mp-send -w 10
is 'lines' "$(texts cat team)" 'ann:first ben:one ben:two ben:three '
printf both | as ann mp-seal -t ben -g team >"$T/sealed"
is '-t and -g' "$(wc -l <"$T/sealed")" 3
as ann mp-send -w 10 <"$T/sealed"
as ann mp-send -w 10 <"$T/sealed"
is 'sent twice, there once' "$(texts cat team)" 'ann:first ben:one ben:two ben:three ann:both '
head -c 300000 /dev/urandom >"$T/map"
as cat mp-seal -g team -f "$T/map" | as cat mp-send -w 20 >/dev/null
for n in ann ben; do
	ok "a file is with $n" cmp -s "$T/map" "$T/$n/files/cat/map"
	is "in the group" "$(as $n mp-inbox | awk -F '\t' '$2 == "file" { print $6 }')" team
done
exits 0 as ann mp-ping -g team
is 'everybody is there' "$(cut -f 1-3 "$T/out" | sort | tr '\n' '|')" "sent${TAB}ping${TAB}ben|sent${TAB}ping${TAB}cat|"
exits 100 as ann mp-ping -g team dan
like 'dan is no member' "$(cat "$T/err")" "'dan' is no member of the group 'team'"
forget ann ben cat

# --- A member who was away.
as ben mp-keygen >/dev/null 2>&1
sed -i "/^$(onion cat | sed 's/\..*//')/d" "$T/routes"
for i in 1 2 3; do say ann team "away $i"; done
is 'ben has them' "$(texts ben team)" 'ann:away 1 ann:away 2 ann:away 3 '
is 'cat has not' "$(texts cat team)" ''
serve_tls cat
as ann mp-queue flush >/dev/null
as ann mp-send -w 20 </dev/null >/dev/null 2>&1
settle ann ben cat
is 'and catches up' "$(texts cat team)" 'ann:away 1 ann:away 2 ann:away 3 '
is 'no gap' "$(event cat group-gap)" 0
forget ann ben cat

# --- An addition: everybody accepts, or it is off.
for n in ben cat dan; do echo 'introduction.policy = accept ann' >>"$T/$n/config"; done
as ann mp-intro offer ben cat dan >/dev/null
settle ann ben cat dan
is 'they know dan' "$(contacts ben | grep dan) $(contacts cat | grep dan)" 'dan active ann dan active ann'
forget ann ben cat dan
ok 'ben adds dan' does ben mp-group add team dan
exits 100 as ben mp-group add team dan
like 'one at a time' "$(cat "$T/err")" 'already'
settle ann ben cat dan
is 'cat is asked' "$(event cat group-addition-request)" 1
is 'dan is asked' "$(event dan group-addition-request)" 1
ok 'ann accepts' does ann mp-group accept team
ok 'cat will not' does cat mp-group decline team
settle ann ben cat dan
for n in ann ben dan; do is "$n is told that it is off" "$(event $n group-addition-cancelled)" 1; done
is 'nothing has changed' "$(members ann team)" 'ben cat '
exits 1 as dan mp-group list
forget ann ben cat dan
for n in ann cat dan; do echo 'group.policy = accept ben' >>"$T/$n/config"; done
as ben mp-group add team dan >/dev/null
settle ann ben cat dan
for n in ann cat ben; do is "$n counts dan in, unattended" "$(members $n team | grep -c dan)" 1; done
is 'dan is in it' "$(members dan team)" 'ann ben cat '
is 'the others are told' "$(event cat group-member-added)" 1
forget ann ben cat dan
say dan team 'here I am'
for n in ann ben cat; do is "$n hears dan" "$(texts $n team)" 'dan:here I am '; done
say ann team 'welcome'
is 'dan hears ann' "$(texts dan team)" 'ann:welcome '
is 'but nothing from before' "$(as dan mp-inbox -a | grep -c away)" 0
forget ann ben cat dan

# --- Somebody leaves.
as cat mp-group leave team >"$T/exit"
is 'an exit for each' "$(cut -f 2,3 "$T/exit" | sort | tr '\n' ' ')" \
	"notice-of-group-exit${TAB}ann notice-of-group-exit${TAB}ben notice-of-group-exit${TAB}dan "
exits 1 as cat mp-group list
exits 1 as ann mp-ping -g team cat
settle ann ben cat dan
for n in ann ben dan; do
	is "$n is told" "$(event $n group-member-left)" 1
	is "$n counts her out" "$(members $n team | grep -c cat)" 0
done
exits 1 as cat sh -c 'echo x | mp-seal -g team'
say ben team 'without cat'
is 'cat hears no more' "$(as cat mp-inbox -a | grep -c 'without cat')" 0
is 'dan does' "$(texts dan team)" 'ben:without cat '
forget ann ben cat dan

# --- The initiator takes it back; a policy declines.
ok 'a group' does ann mp-group create short ben dan
ok 'is taken back' does ann mp-group leave short
settle ann ben dan
is 'ben is told' "$(event ben group-chat-cancelled)" 1
exits 1 as ann mp-group show short
forget ann ben dan
sed -i 's/^group.policy.*/group.policy = decline/' "$T/dan/config"
as ben mp-group create short ann dan >/dev/null
settle ann ben dan
is 'declined by itself' "$(event ben group-chat-cancelled)" 1
for n in ann ben cat dan; do exits 0 as $n mp-store check; done
finish
