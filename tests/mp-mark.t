#!/bin/sh
# mp-mark: ids and records, what is unknown, what is bad, and going on all the same.
. "$(dirname "$0")/lib.sh"

home a
mp-keygen >/dev/null
mp-contact offer alice >"$T/card" 2>/dev/null
stow() { "$BUILD/tools/stow"; }
id() { printf '000000000000000000000000000000%02x' "$1"; }
message() { printf 'in\tmessage\talice\t%s\t-\t-\tmessage %s\n' "$(id "$1")" "$1"; }
fresh() { mp-inbox | cut -f4 | tr '\n' ' '; }
for i in 1 2 3 4 5 6 7 8 9; do message $i; done | stow
printf 'event\twarning\t-\t%s\t-\t-\tsomething\n' "$(id 10)" | stow
printf 'was\tmessage\talice\t%s\t-\t-\tsent\n' "$(id 11)" | stow

# Arguments.
exits 0 mp-mark "$(id 1)" "$(id 2)"
is "success is silent" "$(cat "$T/out" "$T/err")" ""
is "two are read" "$(mp-inbox | wc -l | tr -d ' ')" 8
unlike "and no longer new" "$(fresh)" "$(id 1)|$(id 2)"
like "but in the history" "$(mp-inbox -a)" "$(id 1)"
exits 0 mp-mark "$(id 1)"
exits 0 mp-mark "$(id 10)"
unlike "an event too" "$(fresh)" "$(id 10)"
exits 0 mp-mark -v "$(id 3)"
like "-v says each" "$(cat "$T/err")" "^mp-mark: $(id 3) is read\$"
is "on standard error" "$(cat "$T/out")" ""

# Unknown and bad ones cost themselves only; the worst status wins.
exits 1 mp-mark "$(id 99)" "$(id 4)"
is "unknown: one line" "$(cat "$T/err")" "mp-mark: no message $(id 99)"
unlike "the other is marked" "$(fresh)" "$(id 4)"
exits 100 mp-mark "$(id 99)" nonsense "$(id 5)"
is "bad: one line more" "$(wc -l <"$T/err" | tr -d ' ')" 2
unlike "the other is marked" "$(fresh)" "$(id 5)"
exits 1 mp-mark "$(id 11)"
for bad in '' - 00 "$(id 6)0" "$(id 6 | tr 0 g)"; do
	exits 100 mp-mark -- "$bad"
done

# Standard input: ids, records of both forms, classes that cannot be read.
message 6 >"$T/in"
id 7 >>"$T/in"
echo >>"$T/in"
mp-inbox -j | grep "$(id 8)" >>"$T/in"
printf 'was\tmessage\talice\t%s\t-\t-\tx\nsealed\tmessage\talice\t%s\t-\t-\tAAAA\n' "$(id 11)" "$(id 9)" >>"$T/in"
exits 0 sh -c 'mp-mark <"$1"' - "$T/in"
is "ids, records and NDJSON" "$(fresh)" "$(id 9) "
printf 'nonsense\n\nin\tmessage\talice\t-\t-\t-\tno id\n%s\nfoo\tbar\n' "$(id 9)" >"$T/in"
exits 100 sh -c 'mp-mark <"$1"' - "$T/in"
is "one line for each that is bad" "$(wc -l <"$T/err" | tr -d ' ')" 4
like "with its number" "$(cat "$T/err")" '^mp-mark: standard input:3: no id$'
is "and the good one is marked" "$(fresh)" ""
exits 1 mp-mark
message 20 | stow
printf '%s' "$(id 20)" >"$T/in"
exits 100 sh -c 'mp-mark <"$1"' - "$T/in"
is "an unterminated line is none" "$(fresh)" "$(id 20) "
exits 0 sh -c 'mp-inbox | mp-mark'
is "mp-inbox | mp-mark" "$(fresh)" ""

# An id may stand twice, and is a contact's choice; a record says whose it is, and which class.
printf 'event\tfile-offer\talice\t%s\t-\t-\t{"name":"x"}\n' "$(id 30)" >"$T/offer"
printf 'in\tfile\talice\t%s\t-\t-\t{"name":"x"}\n' "$(id 30)" >"$T/in"
stow <"$T/offer"
stow <"$T/in"
exits 0 sh -c 'mp-mark <"$1"' - "$T/offer"
is "an event's record does not mark a message" "$(mp-inbox | cut -f1)" in
exits 0 sh -c 'mp-mark <"$1"' - "$T/in"
is "the message's does" "$(fresh)" ""
mp-contact offer carol >/dev/null 2>&1
for c in alice carol; do
	printf 'in\tmessage\t%s\t%s\t-\t-\tfoo\n' "$c" "$(id 31)" >"$T/of-$c"
	stow <"$T/of-$c"
done
exits 0 sh -c 'mp-mark <"$1"' - "$T/of-carol"
is "one contact's record does not mark another's message" "$(mp-inbox | cut -f 3)" alice
exits 0 sh -c 'mp-mark <"$1"' - "$T/of-alice"
is "his own does" "$(fresh)" ""

# A slow writer: what came is marked before more comes, and others can write meanwhile.
message 21 | stow
message 22 | stow
mkfifo "$T/fifo"
start sh -c 'exec mp-mark <"$1"' - "$T/fifo"
exec 4>"$T/fifo"
id 21 >&4
echo >&4
gone() { [ -z "$(mp-inbox | grep "$(id 21)")" ]; }
ok "each line takes effect when it comes" wait_for gone
ok "the store is not held meanwhile" timeout 5 mp-mark "$(id 22)"
exec 4>&-
# shellcheck disable=SC2154 # by start
wait "$pid"
is "the slow one is done" "$?" 0

# Many.
i=0
while [ $i -lt 1200 ]; do
	printf 'in\tmessage\talice\t%032x\t-\t-\tm\n' $((1000 + i))
	i=$((i + 1))
done >"$T/many"
stow <"$T/many"
ok "1,200 in a second or two" timeout 10 sh -c 'mp-inbox | mp-mark'
is "all of them" "$(fresh)" ""

exits 100 mp-mark -z
exits 100 env MP_HOME="$T/none" mp-mark "$(id 1)"
finish
