#!/bin/sh
# The hooks of share/hooks, as they are: maildir (read by mblaze), mail (a sendmail of ours), desktop (a
# notify-send of ours).
. "$(dirname "$0")/lib.sh"

hooks=$ROOT/share/hooks
home a
mp-keygen >/dev/null
mp-contact offer alice 2>/dev/null | cat >/dev/null
stow() { "$BUILD/tools/stow"; }
when=2026-11-07T10:16:34.123Z
id=00112233445566778899aabbccddeeff
# From one mail on standard input: a header's value, the decoded body.
header() { sed '/^$/q' "$2" | sed -n "s/^$1: //p"; }
decoded() { sed '1,/^$/d' "$1" | perl -MMIME::Base64 -0777 -ne 'print decode_base64($_)'; }

for h in "$hooks"/*; do
	ok "${h##*/} can be run" [ -x "$h" ]
done

# maildir
md=$HOME/Mail/mp
printf 'in\tmessage\talice\t%s\t%s\t-\tSubject: forged\\nBcc: x\\n\\n\\0033[1m \\0377 \\0000 end' $id $when >"$T/in"
echo >>"$T/in"
stow <"$T/in"
exits 0 mp-inbox -x "$hooks/maildir"
is "silent" "$(cat "$T/out" "$T/err")" ""
is "one mail in new" "$(ls "$md/new")" "$id.alice"
is "nothing left in tmp" "$(ls "$md/tmp")" ""
m=$md/new/$id.alice
is "nobody else reads it" "$(find "$HOME/Mail" -perm /077)" ""
is "From" "$(header From "$m")" "alice <alice@mp.invalid>"
is "Date" "$(header Date "$m")" "07 Nov 2026 10:16:34 +0000"
is "Subject" "$(header Subject "$m")" "message from alice"
is "Message-ID" "$(header Message-ID "$m")" "<$id.alice@mp.invalid>"
printf 'Subject: forged\nBcc: x\n\n\033[1m \377 \000 end' >"$T/want"
decoded "$m" >"$T/got"
ok "the body byte for byte" cmp "$T/want" "$T/got"
ok "the headers are ours alone" sh -c '! sed "/^\$/q" "$1" | grep -Eq "forged|Bcc"' - "$m"

# The same one again, new or read meanwhile.
sqlite3 "$MP_HOME/store.db" 'UPDATE message SET state = 0'
exits 0 mp-inbox -x "$hooks/maildir"
is "not delivered twice" "$(ls "$md/new" | wc -l | tr -d ' ')" 1
mv "$m" "$md/cur/$id.alice:2,S"
sqlite3 "$MP_HOME/store.db" 'UPDATE message SET state = 0'
exits 0 mp-inbox -x "$hooks/maildir"
is "nor when it was read" "$(ls "$md/new")" ""

export MP_MAILDIR="$T/other mail"
printf 'in\tfile\talice\t%s\t%s\t-\t{"name":"a b","path":"%s/files/alice/a b","size":1}\n' \
	"$(echo $id | tr 0 f)" $when "$MP_HOME" | stow
printf 'event\twarning\t-\t%s\t%s\t-\tsomething\n' "$(echo $id | tr 0 e)" $when | stow
exits 0 mp-inbox -x "$hooks/maildir"
f=$MP_MAILDIR/new/$(echo $id | tr 0 f).alice
is "MP_MAILDIR, with a blank" "$(ls "$MP_MAILDIR/new" | wc -l | tr -d ' ')" 2
is "a file" "$(header Subject "$f")" "file from alice"
is "its path is in the first line" "$(decoded "$f" | head -n 1)" "$MP_HOME/files/alice/a b"
is "an event is from mp" "$(header From "$MP_MAILDIR/new/$(echo $id | tr 0 e).mp")" "mp <mp@mp.invalid>"

if command -v mlist >/dev/null && command -v mshow >/dev/null; then
	md2=$T/other\ mail
	is "mblaze lists them" "$(mlist "$md2" | wc -l | tr -d ' ')" 2
	mshow "$f" >"$T/shown" 2>&1
	like "mblaze shows the sender" "$(cat "$T/shown")" '^From: alice <alice@mp.invalid>'
	like "and the decoded body" "$(cat "$T/shown")" "files/alice/a b"
	is "mblaze takes the date" "$(mhdr -D -h date "$f")" 1794046594
	is "and the Message-ID" "$(mhdr -h message-id "$f")" "<$(echo $id | tr 0 f).alice@mp.invalid>"
else
	note "no mblaze here"
fi
if command -v notmuch >/dev/null; then
	NOTMUCH_CONFIG=$T/notmuch
	export NOTMUCH_CONFIG
	printf '[database]\npath=%s\n[user]\nname=a\nprimary_email=a@mp.invalid\n[new]\ntags=new\n' \
		"$MP_MAILDIR" >"$NOTMUCH_CONFIG"
	notmuch new --no-hooks --quiet
	is "notmuch finds it by its id" "$(notmuch count "id:$(echo $id | tr 0 f).alice@mp.invalid")" 1
else
	note "no notmuch here"
fi
printf 'in\tmessage\talice\t-\t-\t-\tlater\n' | stow
: >"$T/file"
exits 111 env MP_MAILDIR="$T/file/x" mp-inbox -x "$hooks/maildir"
like "no maildir: tried again" "$(mp-inbox)" later
mp-inbox | mp-mark

# mail
mkdir "$T/fake"
cat >"$T/fake/sendmail" <<'END'
#!/bin/sh
[ "$*" = -t ] || exit 64
cat >"$T/mail"
exit "${FAKE_STATUS:-0}"
END
chmod 700 "$T/fake/sendmail"
export T
mail_one() { printf 'in\tmessage\talice\t%s\t%s\t-\tTo: victim\\n.\\nend' "$1" $when; echo; }
mail_one "$(echo $id | tr 0 d)" | stow
exits 111 env MP_SENDMAIL="$T/nonexistent" mp-inbox -x "$hooks/mail"
sqlite3 "$MP_HOME/store.db" 'UPDATE message SET due = 1 WHERE state = 0'
exits 111 env FAKE_STATUS=75 MP_SENDMAIL="$T/fake/sendmail" mp-inbox -x "$hooks/mail"
sqlite3 "$MP_HOME/store.db" 'UPDATE message SET due = 1 WHERE state = 0'
exits 0 env MP_MAILTO=me@localhost MP_SENDMAIL="$T/fake/sendmail" mp-inbox -x "$hooks/mail"
is "mail: To, once" "$(header To "$T/mail")" me@localhost
is "mail: From" "$(header From "$T/mail")" "alice <alice@mp.invalid>"
is "mail: Date" "$(header Date "$T/mail")" "07 Nov 2026 10:16:34 +0000"
is "mail: the body" "$(decoded "$T/mail")" "$(printf 'To: victim\n.\nend')"
ok "mail: no line is a dot alone" sh -c '! grep -qx "\." "$1"' - "$T/mail"

# desktop
printf 'in\tmessage\talice\t%s\t%s\t-\t<b>hi</b> & \\\\033\\n\\0033[1m\\0342\\0200\\0256tail' \
	"$(echo $id | tr 0 c)" $when >"$T/in"
echo >>"$T/in"
stow <"$T/in"
cat >"$T/fake/notify-send" <<'END'
#!/bin/sh
printf '%s\n' "$@" >"$T/notified"
END
chmod 700 "$T/fake/notify-send"
mkdir "$T/bin"
for tool in sh cat tr head sed iconv; do ln -s "$(command -v $tool)" "$T/bin/$tool"; done
exits 111 env PATH="$BUILD/bin:$T/bin" mp-inbox -x "$hooks/desktop"
like "desktop: says what is missing" "$(cat "$T/err")" '^desktop: no notify-send'
sqlite3 "$MP_HOME/store.db" 'UPDATE message SET due = 1 WHERE state = 0'
exits 0 env PATH="$T/fake:$BUILD/bin:$T/bin" mp-inbox -x "$hooks/desktop"
is "desktop: who, not what" "$(tr '\n' '|' <"$T/notified")" "--|message from alice||"
sqlite3 "$MP_HOME/store.db" "UPDATE message SET state = 0 WHERE lower(hex(id)) = '$(echo $id | tr 0 c)'"
exits 0 env MP_NOTIFY_TEXT=yes PATH="$T/fake:$BUILD/bin:$T/bin" mp-inbox -x "$hooks/desktop"
is "desktop: the text, nothing in it markup, escape or control" "$(sed -n 3p "$T/notified")" \
	'&lt;b&gt;hi&lt;/b&gt; &amp; \\033 [1mtail'
finish
