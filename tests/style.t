#!/bin/sh
# What holds for every command, manual and source file.
# The tools that only a developer has (clang-format, shellcheck) are used when they are here.
. "$(dirname "$0")/lib.sh"

cd "$ROOT" || exit 99

# One line, single blanks.
squeeze() {
	tr -s ' \t\n' ' ' | sed 's/^ //; s/ $//'
}

synopsis() { # MANUAL
	mandoc -T ascii -O width=1000 "$1" | sed 's/.\x08//g' |
		sed -n '/^SYNOPSIS/,/^DESCRIPTION/p' | sed '1d;$d' | squeeze
}

for f in cmd/mp-*.c; do
	p=${f##*/}
	p=${p%.c}
	ok "$p has a manual" [ -s "man/$p.1" ]
	ok "$p has a test" [ -s "tests/$p.t" ]
	"$BUILD/bin/$p" -h >"$T/usage" 2>"$T/err"
	is "$p -h is done" "$?" 0
	is "$p -h says nothing on stderr" "$(cat "$T/err")" ""
	is "$p -h is the manual's SYNOPSIS" "$(sed '1s/^usage: //' "$T/usage" | squeeze)" \
		"$(synopsis "man/$p.1")"
	"$BUILD/bin/$p" -'?' >"$T/out" 2>"$T/err"
	is "$p with a wrong option is 100" "$?" 100
	is "... and prints nothing on stdout" "$(cat "$T/out")" ""
	like "... and names itself" "$(head -n 1 "$T/err")" "^$p: "
	main=$(awk '/^int main\(/ { from = NR } from && /^}/ { print NR - from; exit }' "$f")
	ok "$f: main() is under 80 lines (${main:-none})" [ "${main:-999}" -lt 80 ]
done

for m in man/*.[1-8]; do
	is "$m has nothing for mandoc to say" "$(mandoc -T lint -W warning "$m" 2>&1)" ""
	p=${m##*/}
	case $p in
	mp-*.1) ok "$p has a program" [ -x "$BUILD/bin/${p%.1}" ] ;;
	esac
	# Each reference to one of our own pages is to one that is there.
	for r in $(sed -n 's/^\.Xr \(mp[a-z0-9-]*\) \([1-8]\).*/\1.\2/p' "$m" | sort -u); do
		[ -e "man/$r" ] || ok "$p refers to $r, which is there" false
	done
	for s in NAME DESCRIPTION 'SEE ALSO'; do
		ok "$p has $s" grep -q "^\\.Sh $s\$" "$m"
	done
	case $p in
	*.1)
		for s in SYNOPSIS 'EXIT STATUS' EXAMPLES; do
			ok "$p has $s" grep -q "^\\.Sh $s\$" "$m"
		done
		;;
	esac
done

is "no source file is over 500 lines" \
	"$(wc -l cmd/*.c libcommon/*/*.[ch] | awk '$2 != "total" && $1 > 500')" ""

if command -v clang-format >/dev/null; then
	is "every C file is formatted" "$(clang-format --dry-run -Werror cmd/*.c libcommon/*/*.[ch] \
		tests/*.[ch] tests/*/*.c 2>&1 | grep 'error:')" ""
else
	note "no clang-format here"
fi

if command -v shellcheck >/dev/null; then
	find share tests .ci -type f -exec awk 'FNR == 1 && /^#!\/bin\/sh/ { print FILENAME } { nextfile }' {} + >"$T/scripts"
	ok "there are scripts" [ -s "$T/scripts" ]
	# SC1091: lib.sh is found at run time.
	# shellcheck disable=SC2046 # no blanks in our names
	is "every script is clean" "$(shellcheck -S warning -e SC1090,SC1091 tests/lib.sh $(cat "$T/scripts") 2>&1)" ""
else
	note "no shellcheck here"
fi
finish
