#!/bin/sh
# kill -9 of mp-inbox -x at random moments, two at once: every message is done in the end, at least once, and
# never by two hooks at the same time.  MP_KILLS says how often (50).
# shellcheck disable=SC2154 # pid is set by start
. "$(dirname "$0")/lib.sh"

kills=${MP_KILLS:-50}
n=$((kills * 12))
home a
mp-keygen >/dev/null
for c in alice bob carol; do mp-contact offer $c 2>/dev/null | cat >/dev/null; done
i=0
while [ $i -lt $n ]; do
	case $((i % 3)) in 0) c=alice ;; 1) c=bob ;; 2) c=carol ;; esac
	printf 'in\tmessage\t%s\t%032x\t-\t-\tmessage %d\n' $c $i $i
	i=$((i + 1))
done | "$BUILD/tools/stow"

# Who meets a directory of his contact may have company.  The hook of a killed mp-inbox is killed too; it
# gets a moment to be gone.
cat >"$T/hook" <<'END'
#!/bin/sh
d=$T/at/$MP_CONTACT
if ! mkdir "$d" 2>/dev/null; then
	other=$(cat "$d/pid" 2>/dev/null)
	alive() { grep -q '^State:.[^ZX]' "/proc/$other/status" 2>/dev/null; }
	if [ -n "$other" ] && alive; then
		sleep 0.2
		! alive || echo "$MP_CONTACT $MP_ID $other" >>"$T/company"
	fi
fi
echo $$ >"$d/pid"
echo "$MP_ID" >>"$T/log"
rm -rf "$d"
exit 0
END
chmod 700 "$T/hook"
mkdir "$T/at"
: >"$T/log"
: >"$T/company"
export T

i=0
while [ $i -lt "$kills" ]; do
	mp-inbox -x "$T/hook" 2>>"$T/err" &
	one=$!
	mp-inbox -x "$T/hook" 2>>"$T/err" &
	two=$!
	perl -e 'select undef, undef, undef, rand(0.03)'
	kill -9 $one 2>/dev/null
	perl -e 'select undef, undef, undef, rand(0.01)'
	kill -9 $two 2>/dev/null
	wait $one $two 2>/dev/null
	i=$((i + 1))
done 2>/dev/null
note "$(sort -u "$T/log" | wc -l) of $n done under $((2 * kills)) kills"
mp-inbox -x "$T/hook"
is "the last run does the rest" $? 0
exits 1 mp-inbox -x "$T/hook"
is "every message was done" "$(sort -u "$T/log" | wc -l | tr -d ' ')" "$n"
is "all are read" "$(sqlite3 "$MP_HOME/store.db" 'SELECT count(*) FROM message WHERE state = 1')" "$n"
is "no two of a contact at once" "$(cat "$T/company")" ""
twice=$(sort "$T/log" | uniq -d | wc -l)
ok "no more were done again than were killed at work ($((twice)))" [ "$twice" -le $((2 * kills)) ]
is "the store is sound" "$(sqlite3 "$MP_HOME/store.db" 'PRAGMA integrity_check')" ok
finish
