#!/bin/sh
# The loop that mp-mark(1) shows, in every sh whose printf is built in: each message byte for byte, whatever it holds.
. "$(dirname "$0")/lib.sh"

meet a b

# The bodies: $T/want/N.
mkdir "$T/want"
n=0
body() { # in printf's form
	n=$((n + 1))
	# shellcheck disable=SC2059 # escapes
	printf -- "$1" >"$T/want/$n"
}
body 'plain'
body 'a line feed at the end\n'
body '\n\n\nonly line feeds around\n\n\n'
body '\ttabs\tin\t\tit\t'
body ' blanks at both ends '
body '-'
body '-n'
body '-e \\n'
body '-- --help'
body '\\055'
body 'a backslash \\ and \\\\ two and \\n no line feed and \\0101 no A \\c no end'
body '\\'
body '\\\\0'
body 'percent %%s %%b %%n'
body 'quotes " and '"'"' and `id` and $(id) and $HOME and * ?'
body '\033[31mred\033[0m \033]0;title\007 bell'
body 'nul \000 in \000\000 it'
body '\000'
body 'digits after a control \0011 \0000 \00377'
body 'invalid \377\376\200 utf-8 \303 \355\240\200 \360\200\200\200'
body 'bidi \342\200\256 rlo \342\201\246 lri \330\234 alm'
body 'separators \342\200\250 \342\200\251 nel \302\205'
body 'gr\303\274n \344\275\240\345\245\275 \360\237\224\245'
body 'in\tmessage\talice\t-\t-\t-\tno record\n'
body '{"class":"out","kind":"message","contact":"a"}\n'
body '\r\n\r\n'
n=$((n + 1))
perl -e 'print map { chr } 0 .. 255' >"$T/want/$n"
n=$((n + 1))
perl -e 'print map { chr } reverse 0 .. 255' >"$T/want/$n"
n=$((n + 1))
perl -e 'print "x" x 65536' >"$T/want/$n"
n=$((n + 1))
head -c 65536 /dev/urandom >"$T/want/$n"
n=$((n + 1))
head -c 65536 /dev/zero >"$T/want/$n"
n=$((n + 1))
perl -e 'print "\\\n\t\r" x 16384' >"$T/want/$n"

i=0
while [ $i -lt $n ]; do
	i=$((i + 1))
	as a mp-seal -t b <"$T/want/$i" >>"$T/sealed" || bail "cannot seal body $i"
done
as b mp-take <"$T/sealed" || bail "b does not take"
as b mp-inbox >"$T/inbox"
is "all $n arrived" "$(grep -c "^in${TAB}message${TAB}a${TAB}" "$T/inbox")" "$n"
ok "no line of them has a control character" sh -c \
	'! LC_ALL=C tr -d "\t\n" <"$1/inbox" | LC_ALL=C grep -q "[[:cntrl:]]"' - "$T"
ok "each is seven columns" awk -F '\t' 'NF != 7 || $7 == "" { exit 1 }' "$T/inbox"

# As the manual has it, word for word.
cat >"$T/loop.sh" <<'END'
TAB=$(printf '\t')
mp-inbox | while IFS="$TAB" read -r class kind contact id time ref body; do
    case $class.$kind in in.message)
        printf '%b' "$body" > "msg-$id" && printf '%s\n' "$id" ;;
    esac
done | mp-mark
END
is "the loop is the one in mp-mark(1)" "$(mandoc -T ascii -O width=200,indent=0 "$ROOT/man/mp-mark.1" |
	sed 's/.\x08//g; s/^ *//' | sed -n '/^TAB=/,/mp-mark$/p')" "$(sed 's/^ *//' "$T/loop.sh")"

run_loop() { # SHELL...
	name=$*
	rm -rf "$T/b2" "$T/got"
	cp -R "$T/b" "$T/b2"
	mkdir "$T/got"
	(cd "$T/got" && as b2 "$@" "$T/loop.sh") >"$T/out" 2>"$T/err"
	is "$name: ends well" "$?" 0
	is "$name: says nothing" "$(cat "$T/out" "$T/err")" ""
	is "$name: every message has its file" "$(find "$T/got" -type f | wc -l | tr -d ' ')" "$n"
	bad=
	i=0
	for id in $(grep "^in${TAB}message" "$T/inbox" | cut -f4); do
		i=$((i + 1))
		cmp -s "$T/want/$i" "$T/got/msg-$id" || bad="$bad $i"
	done
	is "$name: byte for byte" "$bad" ""
	is "$name: all are marked" "$(as b2 mp-inbox | grep -c "^in${TAB}message")" 0
}
run_loop sh
for shell in dash bash 'bash --posix' 'busybox sh' ksh mksh yash 'zsh --emulate sh'; do
	# shellcheck disable=SC2086 # a name and its option
	set -- $shell
	if command -v "$1" >/dev/null; then
		run_loop "$@"
	else
		note "no $1 here"
	fi
done

# The other two ways.
cat >"$T/hook" <<'END'
#!/bin/sh
cat >"msg-$MP_ID"
END
chmod 700 "$T/hook"
rm -rf "$T/b2" "$T/got"
cp -R "$T/b" "$T/b2"
mkdir "$T/got"
(cd "$T/got" && as b2 mp-inbox -x "$T/hook")
is "a hook gets each" "$?" 0
bad=
i=0
for id in $(grep "^in${TAB}message" "$T/inbox" | cut -f4); do
	i=$((i + 1))
	cmp -s "$T/want/$i" "$T/got/msg-$id" || bad="$bad $i"
	as b mp-inbox -j | grep "$id" | perl -MJSON::PP -MMIME::Base64 -e '
		my $o = decode_json(scalar <STDIN>);
		my $b = $o->{body};
		utf8::encode($b) if defined $b;
		print defined $b ? $b : decode_base64($o->{body_b64})' >"$T/json"
	cmp -s "$T/want/$i" "$T/json" || bad="$bad json-$i"
done
is "byte for byte, in NDJSON too" "$bad" ""
finish
