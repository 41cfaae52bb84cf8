#!/bin/sh
# What the manuals and the README list is what there is: option letters, variables, states, tables, libraries.
. "$(dirname "$0")/lib.sh"

cd "$ROOT" || exit 99

# --- mp(7): one table of letters, no more and no less than the commands have.
for c in "$BUILD"/bin/mp-*; do
	"$c" -h
done | grep -oE '(^|[[| ])-[A-Za-z]+' | tr -d '[| -' | fold -w 1 | sort -u | tr '\n' ' ' >"$T/used"
sed -n '/^\.Sh OPTIONS IN COMMON/,/^\.El/s/^\.It Fl \([A-Za-z]\) .*/\1/p' man/mp.7 | tr '\n' ' ' >"$T/listed"
is 'mp(7) has every option letter, in order, once' "$(cat "$T/listed")" "$(cat "$T/used")"
for c in cmd/mp-*.c; do
	c=${c##*/}
	ok "mp(7) names ${c%.c}" grep -q "^\\.\\(It \\)\\?Xr ${c%.c} 1" man/mp.7
done
for n in 0 1 100 111; do
	ok "mp(7) has exit status $n" sh -c 'sed -n "/^\.Sh EXIT STATUS/,/^\.Sh EX/p" man/mp.7 | grep -qx "\.It $1"' - $n
done

# --- Each variable that a program reads is in a manual.
grep -ohE 'getenv\("[A-Z_]+"' libcommon/*/*.c cmd/*.c | sed 's/.*"\(.*\)"/\1/' | sort -u >"$T/variables"
ok 'programs read MP_HOME' grep -qx MP_HOME "$T/variables"
while read -r v; do
	case $v in
	MP_*) ok "mp(7) has $v" grep -qx "\\.It Ev $v" man/mp.7 ;;
	*) ok "a manual has $v" grep -lqE "Ev $v|\\\$$v" man/* ;;
	esac
done <"$T/variables"

# --- mp-store(5): the states by number, the tables and their columns.
section() { # TITLE
	sed -n "/^\\.Ss $1\$/,/^\\.El/p" man/mp-store.5
}
documented() { # TITLE: NUMBER NAME, whichever column is first
	section "$1" | sed -n 's/ Ta$//; s/^\.It //p' | awk -F ' Ta ' '$1 !~ /^Sy/ {
		for (i = 1; i <= NF; i++) if ($i ~ /^[0-9]+$/) n = $i
		name = $1 ~ /^[0-9]+$/ ? $2 : $1
		gsub(/ /, "_", name); print n, name }' | sort -n | tr '\n' ' '
}
declared() { # PREFIX FILE
	sed -n "s/^[[:blank:]]*$1_\\([A-Z_]*\\) = \\([0-9]*\\).*/\\2 \\L\\1/p" "$2" | sort -n | tr '\n' ' '
}
is 'the states of a message' "$(documented 'States of a message')" "$(declared MESSAGE libcommon/store/message.h)"
for t in $(sed -n 's/^CREATE TABLE \([a-z_]*\) .*/\1/p' libcommon/store/schema.sql); do
	ok "mp-store(5) has the table $t" grep -qE "^\\.It (Ic|Sy|Cm|Li|Va|Dv)? ?$t\\b" man/mp-store.5
done

# --- The README's dependencies are what the programs are linked with, and what runs beside them.
sed -n '/^## Dependencies/,/^Nothing/p' README.md >"$T/table"
for c in "$BUILD"/bin/mp-*; do
	readelf -Wd "$c"
done | sed -n 's/.*NEEDED.*\[\(lib[a-z0-9]*\).*/\1/p' | sort -u >"$T/linked"
ok 'they are linked with something' [ "$(wc -l <"$T/linked")" -ge 6 ]
while read -r lib; do
	case $lib in
	libc) continue ;;
	libcrypto | libssl) name='OpenSSL 3' ;;
	libsqlite3) name=SQLite ;;
	libjansson) name=jansson ;;
	*) name=$lib ;;
	esac
	ok "the README says why $lib" grep -qE "^\\| $name \\| ....*\\|\$" "$T/table"
done <"$T/linked"
for p in socat tor qrencode; do
	ok "and $p" grep -qE "^\\| $p \\| ....*\\|\$" "$T/table"
done
for f in libcommon/*/; do
	f=${f%/}
	ok "the README knows the floor ${f##*/}" grep -q "\`${f##*/}\`" README.md
done
finish
