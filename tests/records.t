#!/bin/sh
# The loop of mp-records(5), as it stands there, in each shell: whatever a message is, its file gets the same bytes.
. "$(dirname "$0")/lib.sh"

meet alice me
mkdir "$T/want"

body() { # NAME: stdin is the message, sealed by alice and taken by me
	cat >"$T/want/$1"
	as alice mp-seal -t me <"$T/want/$1" >"$T/sealed" || bail "alice cannot seal $1"
	as me mp-take <"$T/sealed" || bail "$1 is not taken"
	id=$(cut -f 4 "$T/sealed")
	printf '%s %s\n' "$1" "$id" >>"$T/ids"
}

printf 'hello\n' | body plain
printf 'no end of line' | body unended
printf '\n\n\n' | body newlines
printf 'a\tb\t\tc\t' | body tabs
printf '\t' | body tab
printf '  spaces around  ' | body spaces
printf ' ' | body space
printf '%s' '\' | body backslash
printf '%s' '\n\t\\\0101\c\x41\' | body escapes
printf '%s' '-' | body dash
printf '%s' '-n -e --help' | body option
printf '%s' '%s%d%n%%' | body percent
# shellcheck disable=SC2016 # it is text
printf '%s' '$(touch pwned) `touch pwned` "$HOME" '\''; * ? ~' | body shell
printf '\r\n\r' | body returns
printf '\033[2J\033]0;title\007\033P' | body terminal
printf '\001\002\010\013\014\016\037\177' | body controls
printf '\302\200\302\237\302\240' | body c1
printf '\342\200\256gpj.exe\342\201\246\330\234\342\200\250' | body bidi
printf 'h\303\251llo \360\237\230\200 \346\227\245\346\234\254' | body utf8
printf '\377\376\300\257\355\240\200\303' | body invalid
printf '\0' | body nul
printf 'a\0001\0b\n\0' | body nuls
printf '\0337' | body digit
perl -e 'print map { chr } 0 .. 255' | body bytes
perl -e 'print "\n" x 65536' | body newlines64k
perl -e 'print "\\" x 65536' | body backslashes64k
perl -e 'srand 1; print map { chr int rand 256 } 1 .. 65536' | body random64k
perl -e 'print "x" x 65536' | body text64k

# The loop, taken from the manual.
awk '/^TAB=/ { on = 1 } on && /^\.Ed/ { exit } on { gsub(/\\e/, "\\"); print }' \
	"$ROOT/man/mp-records.5" >"$T/loop"
ok "the manual has the loop" grep -q "printf '%b'" "$T/loop"
mv "$T/me" "$T/mine"

try() { # SHELL ARGUMENT ...
	rm -rf "$T/me" "$T/got"
	cp -R "$T/mine" "$T/me"
	mkdir "$T/got"
	home me
	(cd "$T/got" && "$@" "$T/loop") 2>"$T/err"
	is "$*: exit status" "$?" 0
	is "$*: nothing on stderr" "$(cat "$T/err")" ""
	while read -r name id; do
		ok "$*: $name" cmp "$T/want/$name" "$T/got/msg-$id"
	done <"$T/ids"
	# shellcheck disable=SC2012 # names of ours
	is "$*: no other file" "$(ls "$T/got" | wc -l)" "$(wc -l <"$T/ids")"
	exits 1 mp-inbox
}

try sh
for shell in dash bash 'bash --posix' 'busybox sh' ksh mksh zsh; do
	command -v "${shell%% *}" >/dev/null || continue
	[ "$shell" != zsh ] || shell='zsh --emulate sh'
	# shellcheck disable=SC2086 # a program and its argument
	try $shell
done
for shell in dash bash busybox; do
	command -v "$shell" >/dev/null || note "no $shell here: not tried"
done
finish
