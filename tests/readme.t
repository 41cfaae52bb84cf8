#!/bin/sh
# The recipes of README.md run as they stand: each indented block of "Recipes" and the meeting of
# "For real", with a stand-in for what a test machine lacks (the stick, the remote machine, cron's clock).
# shellcheck disable=SC2016 # the README's own words
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/people.sh"

# Every block of a section, numbered from 1, into $T/NAME.N
blocks() { # SECTION NAME
	awk -v section="## $1" -v out="$T/$2" '
		/^## / { on = $0 == section; next }
		on && /^    / { if (!in_block) n++; in_block = 1; sub(/^    /, ""); print > (out "." n); next }
		on && /^$/ { next }
		{ in_block = 0 }' "$ROOT/README.md"
}

# What only a real machine has.
mkdir -p "$T/bin" "$T/media/usb" "$T/notes" "$T/work"
cat >"$T/bin/ssh" <<'END'
#!/bin/sh
shift
MP_HOME=$T/web1 exec sh -c "$*"
END
chmod +x "$T/bin/ssh"
PATH=$T/bin:$PATH
export PATH T
echo 'a note' >"$T/notes/a"

# The block in file $1, by the home $2, with /media/usb and the five fields of a crontab taken care of.
block() {
	sed -e "s|/media/usb|$T/media/usb|g" -e 's|^[*/0-9]* \* \* \* \* *||' "$1" >"$T/block"
	(cd "$T/work" && home "$2" && sh -u "$T/block")
}

meet alice bob
meet ops bob
meet alice ops
serve_tls alice
serve_tls bob
serve_tls ops

blocks 'For real, with a friend' real
blocks Recipes recipe

# --- the meeting, typed from the README by two people
as you mp-keygen >/dev/null
as friend mp-keygen >/dev/null
serve_tls you
serve_tls friend
sed -n 1p "$T/real.2" >"$T/step"
ok 'a card is made' block "$T/step" you
if command -v qrencode >/dev/null; then
	sed -n 2p "$T/real.2" >"$T/step"
	ok 'and drawn' block "$T/step" you
fi
sed -n 3p "$T/real.2" >"$T/step"
ok 'and accepted' block "$T/step" friend
sed '$d' "$T/real.3" >"$T/step"
ok 'then a message goes' block "$T/step" friend
tail -n 1 "$T/real.3" >"$T/step"
exits 1 block "$T/step" friend
as you mp-inbox >"$T/got" || :
like 'and is there' "$(cat "$T/got")" "^in${TAB}message${TAB}bob${TAB}.*hello"

# --- the recipes
inbox_has() { as "$1" mp-inbox >"$T/got" || :; grep -q -- "$2" "$T/got"; }
mark_all() { as "$1" mp-inbox | cut -f4 | as "$1" mp-mark; }

is 'there are as many recipes as this test knows' "$(find "$T" -name 'recipe.*' | wc -l)" 10

sed -e 's/\$5+0 > 90/1/' -e '2,$d' "$T/recipe.1" >"$T/alert"
ok 'an alert from cron' block "$T/alert" bob
ok 'arrives at ops' inbox_has ops '/'
mark_all ops
block "$T/recipe.1" bob >"$T/out" 2>"$T/err"
is 'and with nothing to say cron stays quiet' "$(cat "$T/out" "$T/err")" ''

echo 'to the hook' | as bob mp-seal -t alice | as bob mp-send || bail 'no message'
exits 0 block "$T/recipe.2" alice
like 'a hook prints the message' "$(cat "$T/out")" '^to the hook$'
exits 1 as alice mp-inbox

ok 'a backup goes as a file' block "$T/recipe.3" bob
ok 'and is whole' sh -c "tar tzf '$T/alice/files/bob/notes.tar.gz' | grep -q notes/a"
mark_all alice

# what came before is not the bot's
printf 'uptime\n' | as alice mp-seal -t bob | as alice mp-send || bail 'no question'
mark_all bob 2>/dev/null
printf 'uptime\n' | as alice mp-seal -t bob | as alice mp-send || bail 'no question'
sed '$d' "$T/recipe.4" >"$T/bot" # the last line runs until it is stopped
like 'the bot is run by mp-inbox' "$(tail -n 2 "$T/recipe.4")" '^mp-inbox -f -x ./bot.sh$'
grep -v '^mp-inbox' "$T/recipe.4" >"$T/bot"
ok 'a bot is written' block "$T/bot" bob
(cd "$T/work" && home bob && exec mp-inbox -f -x ./bot.sh) >/dev/null 2>&1 &
bot=$!
pids="$pids $bot"
ok 'and answers' wait_for inbox_has alice 'load average'
kill "$bot" # or it would take what comes next
wait "$bot" 2>/dev/null
mark_all alice

echo 'a key' >"$T/work/key.asc"
sed -n 1p "$T/recipe.5" >"$T/step"
ok 'a file goes onto a stick' block "$T/step" alice
unlike 'which names nobody' "$(cut -c-200 "$T/media/usb/out")" 'bob|onion'
sed -n 2p "$T/recipe.5" >"$T/step"
exits 0 block "$T/step" bob
like 'and is taken in at the other end' "$(cat "$T/out")" 'key.asc'
mark_all bob

# An introduction and a group: the words are ours, theirs, and of the rest nobody's.
sed -n 1p "$T/recipe.6" >"$T/step"
ok 'an introduction is offered' block "$T/step" ops
id=$(as bob mp-intro list | cut -f 4)
sed -n 2p "$T/recipe.6" >"$T/step"
ok 'and seen' block "$T/step" bob
for who in alice bob; do
	sed -n "3s/3f2a/$(printf '%.4s' "$id")/p" "$T/recipe.6" >"$T/step"
	ok "and accepted by $who" block "$T/step" "$who"
done
settle ops alice bob
like 'those who know each other are told so' "$(as bob mp-inbox)" "already-contact${TAB}alice"
sed -n 1p "$T/recipe.7" >"$T/step"
ok 'a group is proposed' block "$T/step" ops
for who in alice bob; do
	sed -n 2p "$T/recipe.7" >"$T/step"
	ok "and accepted by $who" block "$T/step" "$who"
done
settle ops alice bob
echo map >"$T/work/map.pdf"
sed -n 3,4p "$T/recipe.7" >"$T/step"
ok 'a message and a file to all' block "$T/step" ops
for who in alice bob; do
	like "is with $who" "$(as "$who" mp-inbox)" "ops${TAB}.*${TAB}friends${TAB}at eight"
	like "the file too" "$(as "$who" mp-inbox)" "ops${TAB}.*${TAB}friends${TAB}.*map.pdf"
	mark_all "$who"
done

ok 'a server is enrolled over ssh' block "$T/recipe.8" ops
like 'and is a contact now' "$(as ops mp-contact show web1)" '^state: active$'
mark_all ops

echo 'to the loop' | as bob mp-seal -t alice | as bob mp-send || bail 'no message'
ok 'the loop over what is new' block "$T/recipe.9" alice
ok 'wrote the message into a file' sh -c "grep -q 'to the loop' '$T'/work/msg-*"

if command -v jq >/dev/null; then
	echo 'to jq' | as alice mp-seal -t ops | as alice mp-send || bail 'no message'
	exits 0 as ops sh -c "$(sed -n 's/^With jq: `\(.*\)`\.$/\1/p' "$ROOT/README.md")"
	like 'jq reads NDJSON' "$(cat "$T/out")" '^alice: to jq$'
fi

# The unit recipe needs a systemd user session; what it copies is checked in share.t.
like 'the last recipe is the unit' "$(cat "$T/recipe.10")" 'systemctl --user enable'

# --- what the first screen shows
for c in mp-seal mp-send mp-inbox mp-take; do
	ok "the first screen names $c" grep -q "^    .*$c" "$ROOT/README.md"
done
finish
