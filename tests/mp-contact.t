#!/bin/sh
# mp-contact: cards and their refusals, the list, verifying, blocking, forgetting.
. "$(dirname "$0")/lib.sh"
umask 077

for h in a b c; do as $h mp-keygen >/dev/null || bail "mp-keygen"; done

# A card.
exits 0 as a mp-contact offer bob
like "a card is one line of QR alphanumerics" "$(cat "$T/out")" '^MARIPOSA:[A-Z2-7]{168}$'
is "and nothing else" "$(wc -l <"$T/out" | tr -d ' ')" 1
cp "$T/out" "$T/card"
is "a file of our own needs no warning" "$(cat "$T/err")" ""
touch "$T/public"
chmod 644 "$T/public"
as a mp-contact offer public >"$T/public" 2>"$T/err"
like "one that others can read does" "$(cat "$T/err")" '^mp-contact: warning: others can read'
as a mp-contact offer piped 2>"$T/err" | cat >"$T/piped"
is "a pipe does not" "$(cat "$T/err")" ""
exits 100 as a mp-contact offer bob
like "a name is taken" "$(cat "$T/err")" "^mp-contact: .*'bob'"
exits 0 as a mp-contact show bob
like "the new contact is offered" "$(cat "$T/out")" '^state: offered$'

exits 111 as a sh -c 'mp-contact offer full >/dev/full'
exits 0 as a mp-contact offer full

exits 0 as a mp-contact offer later -e 2w
exits 0 as a mp-contact offer -- dashes

# Names.
for bad in Alice ../x a/b .a -- '' "a b" aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "a$TAB"; do
	exits 100 as a mp-contact offer "$bad"
done

# Refusals, one line each, nothing stored.
refused() { # NAME PATTERN < card
	cat >"$T/bad"
	rc=0
	as b mp-contact accept somebody <"$T/bad" >"$T/out" 2>"$T/err" || rc=$?
	is "$1: 100" "$rc" 100
	is "$1: one line" "$(wc -l <"$T/err" | tr -d ' ')" 1
	like "$1: says so" "$(cat "$T/err")" "$2"
	is "$1: no record" "$(cat "$T/out")" ""
	is "$1: nothing stored" "$(as b sqlite3 "$T/b/store.db" 'SELECT count(*) FROM contact')" 0
}
# A card with a right checksum: version byte $1, other bytes from the card $2.
forge() {
	perl -MDigest::SHA=sha256 -e '
		my ($version, $card) = @ARGV;
		my %v; @v{("A".."Z", 2..7)} = 0..31;
		my $bits = join "", map { sprintf "%05b", $v{$_} } split //, substr($card, 9);
		my $raw = pack "B*", substr($bits, 0, 8 * int(length($bits) / 8));
		$raw = chr($version) . substr($raw, 1, -4);
		$raw .= substr(sha256("mariposa/1 card" . $raw), 0, 4);
		$bits = unpack "B*", $raw;
		$bits .= "0" x (-length($bits) % 5);
		print "MARIPOSA:", map { ("A".."Z", 2..7)[oct "0b$_"] } $bits =~ /.{5}/g;
		print "\n"' "$1" "$(cat "$2")"
}
is "the forger is right" "$(forge 1 "$T/card")" "$(cat "$T/card")"

echo hello | refused "no card" 'not a contact card'
refused "nothing" 'not a contact card' </dev/null
head -c 100000 /dev/zero | refused "too much" 'not a contact card'
tr 'A2' 'B3' <"$T/card" | sed 's/^M[A-Z]*:/MARIPOSA:/' | refused "damaged" 'damaged'
cut -c1-100 "$T/card" | refused "cut off" 'damaged'
sed 's/$/A/' "$T/card" | refused "too long" 'damaged'
sed 's/.$/1/' "$T/card" | refused "no base32" 'damaged'
forge 2 "$T/card" | refused "another version" 'version 2'
as b mp-contact offer x >"$T/own"
as b mp-contact remove x
refused "our own" "own" <"$T/own"
as a mp-contact offer -e 1s soon >"$T/soon"
past() { [ "$(date +%s)" -gt "$late" ]; }
late=$(($(date +%s) + 1))
wait_for past
refused "expired" 'expired' <"$T/soon"
exits 0 as a mp-contact offer soon

# Any one character changed.
i=10
wrong=0
while [ $i -le 177 ]; do
	perl -pe "substr(\$_, $i - 1, 1) =~ tr/A-Z2-7/B-Z2-7A/" "$T/card" >"$T/bad"
	as b mp-contact accept somebody <"$T/bad" >/dev/null 2>&1
	[ $? -eq 100 ] || wrong=$((wrong + 1))
	i=$((i + 1))
done
is "no card with a changed character is accepted" $wrong 0

# Accepting.
printf 'nickname = Bert B.\n' >"$T/b/config"
exits 0 as b mp-contact accept alice <"$T/card"
like "prints the initial-contact" "$(cat "$T/out")" \
	"^out${TAB}initial-contact${TAB}alice${TAB}[0-9a-f]{32}${TAB}20[-0-9]*T[0-9:.]*Z${TAB}-${TAB}"
is "with our nickname" "$(cut -f7 "$T/out")" '{"nickname":"Bert B."}'
cp "$T/out" "$T/greeting"
exits 0 as b mp-contact show alice
like "is pending" "$(cat "$T/out")" '^state: pending$'
like "knows the address" "$(cat "$T/out")" "^address: $(onion a)\$"

used() { # NAME PATTERN
	exits 100 as b mp-contact accept "$1" <"$T/used"
	like "$1: $2" "$(cat "$T/err")" "$2"
	is "$1: no record" "$(cat "$T/out")" ""
}
cp "$T/card" "$T/used"
used alice2 "accepted before, as 'alice'"
used alice "accepted before, as 'alice'"
as b mp-contact rename alice ally
used alice "accepted before, as 'ally'"
as b mp-contact rename ally alice
cp "$T/piped" "$T/used"
used other "known already, as 'alice'"
as c mp-contact offer b >"$T/used"
used alice "'alice'"
# In capitals or not, with blanks around.
printf '  %s \r\n\n' "$(tr 'A-Z' 'a-z' <"$T/used")" >"$T/blank"
exits 0 as b mp-contact accept -j carl <"$T/blank"
like "-j prints NDJSON" "$(cat "$T/out")" '^\{"class":"out","kind":"initial-contact","contact":"carl",'

# The same card twice at the same time.
as a mp-contact offer twice >"$T/twice"
(as c mp-contact accept one <"$T/twice" >"$T/one" 2>/dev/null) &
as c mp-contact accept two <"$T/twice" >"$T/two" 2>/dev/null
wait $!
is "accepted twice at once counts once" "$(cat "$T/one" "$T/two" | wc -l | tr -d ' ')" 1

# Two people who have met.
home x
meet x y
exits 0 as x mp-contact show y
like "both confirmed: active" "$(cat "$T/out")" '^state: active$'
print=$(sed -n 's/^fingerprint: //p' "$T/out")
like "a fingerprint is eight groups of four" "$print" '^([a-z2-7]{4} ){7}[a-z2-7]{4}$'
is "and the same on both sides" "$print" "$(as y mp-contact show x | sed -n 's/^fingerprint: //p')"

# The list.
exits 0 as x mp-contact list
is "list: class, kind, name" "$(cut -f1-4,6 "$T/out")" "event${TAB}contact${TAB}y${TAB}-${TAB}-"
json=$(cut -f7 "$T/out")
is "list: the members" "$(printf %s "$json" | perl -MJSON::PP -e '
	print join " ", sort keys %{decode_json(<STDIN>)}')" \
	"address blocked created introducer nickname seen state verified"
is "list: the values" "$(printf %s "$json" | perl -MJSON::PP -e '
	my $o = decode_json(<STDIN>);
	print join " ", map { defined $o->{$_} ? $o->{$_} ? $o->{$_} : "no" : "-" }
		qw(address state verified blocked nickname introducer)')" "$(onion y) active no no - -"
is "list -j is the same" "$(as x mp-contact list -j | perl -MJSON::PP -e 'print decode_json(<STDIN>)->{body}')" "$json"
is "options may come first" "$(as x mp-contact -j list)" "$(as x mp-contact list -j)"
is "or behind the name" "$(as x mp-contact show y -j)" "$(as x mp-contact show -j y)"
is "show -j has the fingerprint" "$(as x mp-contact show -j y | perl -MJSON::PP -e '
	print decode_json(decode_json(<STDIN>)->{body})->{fingerprint}')" "$print"
as b mp-contact list >"$T/list"
is "the list is in order of name" "$(cut -f3 "$T/list")" "$(printf 'alice\ncarl')"
ok "mp-show shows it" sh -c 'mp-show <"$1/list" | grep -q "contact alice: address=\"[a-z2-7]*.onion\" state=\"pending\""' - "$T"
as empty mp-keygen >/dev/null
exits 1 as empty mp-contact list
is "an empty list says nothing" "$(cat "$T/out" "$T/err")" ""

# A nickname is somebody else's bytes.
sqlite3 "$T/x/store.db" "UPDATE contact SET nickname = 'Y' || char(27) || '[1m' || char(10) || 'state: trusted'"
exits 0 as x mp-contact show y
unlike "a nickname cannot add a line" "$(cat "$T/out")" '^state: trusted'
ok "or control the terminal" sh -c '! LC_ALL=C grep -q "$(printf "\033")" "$1/out"' - "$T"
exits 0 as x mp-contact list
ok "nor in the list" sh -c '! LC_ALL=C grep -q "$(printf "\033")" "$1/out"' - "$T"

# Comparing.
other=$(printf %s "$print" | tr 'a-y2-6' 'b-z3-7')
exits 1 as x mp-contact verify y "$other"
like "another fingerprint is said" "$(cat "$T/err")" "^mp-contact: the fingerprint of 'y' is another"
like "and stores nothing" "$(as x mp-contact show y)" '^verified: no$'
exits 100 as x mp-contact verify y "${print%?}"
exits 100 as x mp-contact verify y "$print a"
exits 100 as x mp-contact verify y 'not a fingerprint!'
exits 100 as x mp-contact verify y
exits 0 as x mp-contact verify y "$print"
like "the right one verifies" "$(as x mp-contact show y)" '^verified: yes$'
# shellcheck disable=SC2046 # in eight arguments
exits 0 as y mp-contact verify x $(printf %s "$print" | tr 'a-z' 'A-Z')
like "in capitals and in pieces" "$(as y mp-contact show x)" '^verified: yes$'
exits 1 as a mp-contact verify bob "$print"
like "an offer has none yet" "$(cat "$T/err")" 'not accepted'

# Renaming takes all along.
printf 'in\tmessage\ty\t-\t-\t-\thello\n' | as x "$BUILD/tools/stow"
exits 0 as x mp-contact rename y yolanda
like "messages follow" "$(as x mp-inbox)" "^in${TAB}message${TAB}yolanda${TAB}"
exits 1 as x mp-contact show y
exits 0 as x mp-contact rename yolanda y
as x mp-contact offer z >/dev/null
exits 100 as x mp-contact rename z y
exits 100 as x mp-contact rename z Z
exits 1 as x mp-contact rename nobody n
like "messages stay with whom they are from" "$(as x mp-inbox)" "^in${TAB}message${TAB}y${TAB}"

# Pictures.
{ printf '\211PNG\r\n\032\n' && head -c 1000 /dev/urandom; } >"$T/png"
exits 1 as x mp-contact picture y
exits 0 as x mp-contact picture -s y <"$T/png"
exits 0 as x mp-contact picture y
ok "a picture comes back byte for byte" cmp "$T/out" "$T/png"
exits 100 as x mp-contact picture -s y </dev/null
echo '<svg onload=x>' | as x mp-contact picture -s y 2>"$T/err"
like "no picture is refused" "$(cat "$T/err")" 'no PNG, JPEG, GIF or WebP'
for head in '\377\330\377\340' 'GIF89a' 'RIFF\001\001\001\001WEBP'; do
	# shellcheck disable=SC2059 # escapes
	{ printf "$head" && head -c 64 /dev/zero; } >"$T/img"
	exits 0 as x mp-contact picture y -s <"$T/img"
done
{ cat "$T/png" && head -c 1048576 /dev/zero; } >"$T/big"
exits 100 as x mp-contact picture -s y <"$T/big"
exits 0 as x mp-contact picture y
ok "a refused one leaves the old one" cmp "$T/out" "$T/img"
exits 100 as x mp-contact picture -d -s y
exits 0 as x mp-contact picture -d y
exits 1 as x mp-contact picture y
exits 0 as x mp-contact picture -s y <"$T/png"

# Blocking: as if a stranger had sent it.
echo "can you hear me" | as y mp-seal -t x >"$T/sealed"
exits 0 as x mp-contact block y
like "shown as blocked" "$(as x mp-contact show y)" '^blocked: yes$'
as x mp-take <"$T/sealed" >/dev/null 2>&1
is "a blocked one is refused" "$?" 100
as x sh -c 'echo no | mp-seal -t y' >"$T/out" 2>/dev/null
is "nothing is sealed for him" "$(cat "$T/out")" ""
exits 0 as x mp-contact unblock y
as x mp-take <"$T/sealed"
is "and heard again" "$?" 0

# Forgetting: no byte of it in the store's files, while another process has the store open.
echo "the answer is XYZZY-PLUGH-4711" | as x mp-seal -t y >"$T/sealed"
as x mp-send -w 1s <"$T/sealed" >/dev/null 2>&1
printf 'in\tmessage\ty\t-\t-\t-\tXYZZY-PLUGH-INBOX\n' | as x "$BUILD/tools/stow"
secrets=$(sqlite3 "$T/x/store.db" "SELECT lower(hex(v)) FROM (
	SELECT secret v FROM key k JOIN contact c ON c.id = k.contact WHERE c.name = 'y'
	UNION SELECT send FROM key k JOIN contact c ON c.id = k.contact WHERE c.name = 'y'
	UNION SELECT recv FROM key k JOIN contact c ON c.id = k.contact WHERE c.name = 'y'
	UNION SELECT cid FROM key k JOIN contact c ON c.id = k.contact WHERE c.name = 'y'
	UNION SELECT substr(picture, 100, 32) FROM contact WHERE name = 'y'
	UNION SELECT onion FROM contact WHERE name = 'y'
	UNION SELECT substr(envelope, 1, 32) FROM queue
	UNION SELECT x'58595a5a592d504c554748') WHERE v IS NOT NULL")
found() { # how many of the secrets are in some file of the store
	# shellcheck disable=SC2086 # a list
	cat "$T"/x/store.db* | perl -0777 -e '
		my $all = <STDIN>;
		print scalar grep { index($all, pack "H*", $_) >= 0 } @ARGV' $secrets
}
n=$(printf '%s\n' "$secrets" | wc -l | tr -d ' ')
ok "there are keys, texts and a picture to forget ($n)" [ "$n" -ge 7 ]
is "all of them are in the files before" "$(found)" "$n"
row=$(sqlite3 "$T/x/store.db" "SELECT id FROM contact WHERE name = 'y'")
: >"$T/x/spool/$row-00112233445566778899aabb00000000"
start env MP_HOME="$T/x" mp-inbox -f >"$T/follow"
wait_for grep -q PLUGH "$T/follow"
exits 0 as x mp-contact remove y
is "none of them after" "$(found)" 0
is "history and queue are gone" "$(sqlite3 "$T/x/store.db" "SELECT
	(SELECT count(*) FROM message WHERE contact IS NOT NULL) + (SELECT count(*) FROM queue) +
	(SELECT count(*) FROM lane) + (SELECT count(*) FROM seen)")" 0
is "unfinished files are gone" "$(ls "$T/x/spool")" ""
exits 1 as x mp-contact show y
echo "too late" | as y mp-seal -t x >"$T/sealed"
as x mp-take <"$T/sealed" >/dev/null 2>&1
is "what it sends from now on is refused" "$?" 100
is "the store is sound" "$(sqlite3 "$T/x/store.db" 'PRAGMA integrity_check')" ok

# Nobody of that name.
for verb in show picture rekey block unblock remove; do
	exits 1 as x mp-contact $verb nobody
	is "$verb nobody: one line" "$(cat "$T/err")" "mp-contact: no contact 'nobody'"
done
exits 1 as x mp-contact verify nobody "$print"

# Usage.
exits 100 as x mp-contact
exits 100 as x mp-contact frobnicate
exits 100 as x mp-contact offer
exits 100 as x mp-contact offer one two
exits 100 as x mp-contact offer -e tomorrow one
exits 100 as x mp-contact offer -e 0 one
exits 100 as x mp-contact list -e 1h
exits 100 as x mp-contact block -j y
exits 100 as x mp-contact list extra
exits 100 as nohome mp-contact list
like "no home is said" "$(cat "$T/err")" 'run mp-keygen'
exits 111 as b sh -c 'mp-contact list >/dev/full'

# An offer whose time is over is gone, though nobody runs anything but these.
as tidy mp-keygen >/dev/null
expired() {
	as tidy mp-contact offer late >/dev/null 2>&1
	sqlite3 -cmd '.timeout 10000' "$T/tidy/store.db" 'UPDATE key SET expires = 1 WHERE role = 0 AND contact =
		(SELECT id FROM contact WHERE name = "late")'
}
keys() {
	sqlite3 -cmd '.timeout 10000' "$T/tidy/store.db" 'SELECT count(*) FROM key WHERE expires = 1'
}
expired
is "an offer whose time is over" "$(keys)" 1
late=$(sqlite3 "$T/tidy/store.db" 'SELECT lower(hex(secret)) FROM key WHERE expires = 1')
is "... is not listed" "$(as tidy mp-contact list | grep -c "${TAB}late$TAB")" 0
is "... nor in the bytes of the files" "$(cat "$T/tidy/store.db"* | od -An -v -tx1 | tr -d ' \n' |
	grep -c "${late:-none}")" 0
is "... nor kept" "$(keys)" 0
expired
printf 'sealed\tmessage\t-\t%032d\t-\t-\tAAAA\n' 1 >"$T/junk"
as tidy mp-take <"$T/junk" 2>/dev/null
is "who only receives forgets it, too" "$(keys)" 0

expired
sqlite3 -cmd '.timeout 10000' "$T/tidy/store.db" "CREATE TRIGGER full BEFORE DELETE ON key
	BEGIN SELECT RAISE(FAIL, 'full'); END"
exits 0 as tidy mp-contact list
is "a card that cannot be forgotten now keeps nobody from looking" "$(keys)" 1

# --- rekey: tests/rekey.t has the whole of it.
meet red blue
like "a contact shows its key's epoch" "$(as red mp-contact show blue)" '^epoch: 0$'
like "... and since when" "$(as red mp-contact show blue)" '^since: 20..-..-..T'
like "... in JSON" "$(as red mp-contact show -j blue)" '\\"epoch\\":0,\\"since\\":\\"20'
exits 100 as red mp-contact rekey
exits 100 as red mp-contact rekey -s blue
as red mp-contact offer later >/dev/null
exits 100 as red mp-contact rekey later
is "who has not met us is said" "$(cat "$T/err")" "mp-contact: the meeting with 'later' is not complete yet"
unlike "and has no key to show" "$(as red mp-contact show later)" '^(epoch|since):'
as red mp-contact block blue
exits 100 as red mp-contact rekey blue
is "a blocked one too" "$(cat "$T/err")" "mp-contact: 'blue' is blocked"
as red mp-contact unblock blue
exits 1 as red mp-due
exits 0 as red mp-contact rekey blue
is "its record speaks of the epoch alone" "$(cut -f 1-3,6,7 "$T/out")" \
	"out${TAB}rekey${TAB}blue${TAB}-${TAB}{\"epoch\":1}"
as red mp-contact remove blue
exits 1 as red mp-due

finish
