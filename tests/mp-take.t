#!/bin/sh
# mp-take: what came by hand.
. "$(dirname "$0")/lib.sh"

meet alice bob
meet alice carol
printf 'one' | as bob mp-seal -b -t alice >"$T/one"
printf 'two' | as bob mp-seal -t alice >"$T/two"

exits 1 as alice mp-take </dev/null
is "empty input says nothing" "$(cat "$T/err")" ""
is "blank contact and ref" "$(cut -f 3,6 "$T/one")" "-	-"
cat "$T/one" "$T/two" >"$T/both"
exits 0 as alice mp-take <"$T/both"
is "it is silent" "$(cat "$T/out" "$T/err")" ""
is "both are there" "$(as alice mp-inbox | grep ^in | cut -f 3,7)" "bob	one
bob	two"
exits 0 as alice mp-take <"$T/both"
is "... once, however often" "$(as alice mp-inbox | grep -c ^in)" 2
exits 0 as alice mp-take -v <"$T/one"
is "-v says so" "$(cat "$T/err")" "mp-take: message $(cut -f 4 "$T/one") was taken before"

# One bad record does not stop the others.
printf 'three' | as bob mp-seal -t alice >"$T/three"
printf 'four' | as bob mp-seal -t alice >"$T/four"
printf 'alien' | as alice mp-seal -t carol >"$T/alien"
{
	cat "$T/alien"
	cat "$T/three"
	printf 'in\tmessage\tbob\t00000000000000000000000000000001\t-\t-\tfoo\n'
	printf 'sealed\tmessage\t-\t00000000000000000000000000000002\t-\t-\tnot base64\n'
	printf 'sealed\tmessage\t-\t00000000000000000000000000000003\t-\t-\t-\n'
	printf 'what is this\n'
	cat "$T/four"
} >"$T/mixed"
exits 100 as alice mp-take <"$T/mixed"
is "what was wrong is said" "$(cat "$T/err")" "mp-take: cannot take $(cut -f 4 "$T/alien"): not for us or damaged
mp-take: cannot take 00000000000000000000000000000001: it is not sealed
mp-take: cannot take 00000000000000000000000000000002: not for us or damaged
mp-take: cannot take 00000000000000000000000000000003: not for us or damaged
mp-take: $(sed -n 5p "$T/err" | sed 's/^mp-take: //')"
like "... and the line that is no record" "$(sed -n 5p "$T/err")" '^mp-take: standard input:6: '
is "... and the rest was taken" "$(as alice mp-inbox | cut -f 7 | tail -n 2)" "three
four"
printf 'sealed\tmessage' >"$T/cut"
exits 100 as alice mp-take <"$T/cut"

printf 'inbox.quota = 1\n' >"$T/alice/config"
printf 'five' | as bob mp-seal -t alice >"$T/five"
exits 111 as alice mp-take <"$T/five"
is "a full quota is temporary" "$(cat "$T/err")" \
	"mp-take: cannot take $(cut -f 4 "$T/five"): too much of this contact waits already"
rm "$T/alice/config"
exits 0 as alice mp-take <"$T/five"

# The meeting itself goes by hand, too.
as alice mp-contact offer dora >"$T/card" 2>/dev/null
as dora mp-keygen >/dev/null
as dora mp-contact accept alice <"$T/card" | as dora mp-seal >"$T/greeting"
exits 0 as alice mp-take <"$T/greeting"
is "a contact by hand" "$(as alice mp-inbox | grep '^event' | tail -n 1 | cut -f 2,3)" "contact-active	dora"

# A file, whole, twice, in pieces; the answer is owed.
head -c 700000 /dev/urandom >"$T/data.bin"
as bob mp-seal -t alice -f "$T/data.bin" >"$T/file"
sed -n 2p "$T/file" >"$T/chunk"
exits 111 as alice mp-take <"$T/chunk"
is "a chunk before its offer is for later" "$(cat "$T/err")" \
	"mp-take: cannot take $(cut -f 4 "$T/chunk"): the offer of this file was not taken"
head -n 2 "$T/file" >"$T/start"
exits 0 as alice mp-take <"$T/start"
ok "nothing half is in files" [ ! -e "$T/alice/files/bob/data.bin" ]
exits 0 as alice mp-take <"$T/file"
ok "the file is there" cmp "$T/data.bin" "$T/alice/files/bob/data.bin"
is "... in the inbox" "$(as alice mp-inbox -j | jq -r 'select(.kind == "file") | .body | fromjson | .path, .sha256')" \
	"$T/alice/files/bob/data.bin
$(sha256sum <"$T/data.bin" | cut -d ' ' -f 1)"
exits 0 as alice mp-take <"$T/file"
is "... once" "$(find "$T/alice/files" -type f | wc -l)" 1
as alice mp-due >"$T/due"
is "its answer is owed" "$(cut -f 1-3 "$T/due")" "out	file-status	bob"
as alice mp-due | cmp -s - "$T/due"
is "... under one id" "$(as alice mp-due | cut -f 4)" "$(cut -f 4 "$T/due")"
as alice mp-seal <"$T/due" >"$T/answer"
exits 0 as bob mp-take <"$T/answer"

# JSON cannot carry every name that a home may have.
odd=$T/$(printf 'h\377me')
cp -R "$T/alice" "$odd"
head -c 10 /dev/urandom >"$T/odd.bin"
as bob mp-seal -t alice -f "$T/odd.bin" >"$T/file"
exits 0 env MP_HOME="$odd" mp-take <"$T/file"
ok "a home whose name is no UTF-8 has the file" cmp "$T/odd.bin" "$odd/files/bob/odd.bin"
is "... and tells its path from there on" "$(MP_HOME=$odd mp-inbox -j | jq -r '.body | fromjson? | .path' | tail -n 1)" \
	files/bob/odd.bin

# Two at once.
i=0
while [ "$i" -lt 100 ]; do
	i=$((i + 1))
	printf 'out\tmessage\talice\t-\t-\t-\tnumber %d\n' "$i"
done | as bob mp-seal >"$T/many"
as alice mp-take <"$T/many" &
first=$!
ok "one of two at once" as alice mp-take <"$T/many"
wait "$first"
is "... the other" "$?" 0
is "... each message once" "$(as alice mp-inbox | grep -c 'number [0-9]*$')" 100
# One contact fills a small disk: what is left of it is enough to get rid of that.
awk 'BEGIN {
	for (n = 0; n < 65000; n++) text = text "x"
	for (n = 0; n < 500; n++) printf "out\tmessage\talice\t-\t-\t-\t%d %s\n", n, text
}' | as bob mp-seal >"$T/flood"
cat >"$T/full.sh" <<'END'
T=$1
mkdir "$T/small" && mount -t tmpfs -o size=40m tmpfs "$T/small" && cp -R "$T/alice" "$T/small" || exit 99
MP_HOME=$T/small/alice
export MP_HOME
mp-take <"$T/flood" 2>"$T/err"
echo "take $?" >"$T/status"
sort "$T/err" | sed 's/[0-9a-f]\{32\}/ID/' | uniq >"$T/said"
mp-inbox | grep -c 'xxx$' >"$T/taken"
mp-inbox | mp-mark
echo "mark $?" >>"$T/status"
cp -R "$MP_HOME" "$T/kept"
mp-store prune -c 0
echo "prune $?" >>"$T/status"
[ "$(stat -c %s "$MP_HOME/store.db")" -lt 3000000 ] || echo "still large" >>"$T/status"
cp "$T/kept/store.db"* "$MP_HOME"
mp-contact remove bob
echo "remove $?" >>"$T/status"
mp-store check
echo "check $?" >>"$T/status"
umount "$T/small"
END
if unshare -rm sh "$T/full.sh" "$T" 2>"$T/err2"; then
	is "a full disk is for later, what fills it can be removed" "$(cat "$T/status")" "take 111
mark 0
prune 0
remove 0
check 0"
	is "... said for each" "$(cat "$T/said")" "mp-take: cannot take ID: the disk is full"
	ok "... and most of it was taken" [ "$(cat "$T/taken")" -gt 200 ]
	is "... no other complaint" "$(cat "$T/err2")" ""
else
	note "no small disk can be mounted here"
fi

home nowhere
exits 100 mp-take <"$T/one"
like "no store is said" "$(cat "$T/err")" "^mp-take: no store in '.*': run mp-keygen$"
finish
