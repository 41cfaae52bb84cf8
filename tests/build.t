#!/bin/sh
# What make does with the flags it is given, what is in the programs, what is installed and taken away again.
# not under the sanitizers: the flags of the normal build
. "$(dirname "$0")/lib.sh"

cd "$ROOT" || exit 99
MAKE=${MAKE:-make}
ci=${CI:-}
unset CI CFLAGS CPPFLAGS LDFLAGS MAKEFLAGS MFLAGS

# --- The commands that a build from nothing would run, each on one line.
plan() { # ARGUMENT ...: of one object and one program, whatever is built already
	$MAKE -n -B BUILD="$T/none" "$@" "$T/none/libcommon/base/buf.o" "$T/none/bin/mp-show" |
		sed -e ':a' -e '/\\$/N' -e 's/\\\n//' -e ta
}
compiling() { plan "$@" | grep -- '-c -o .*/buf\.o '; }
linking() { plan "$@" | grep -- ' -o .*/bin/mp-show '; }

usual=$(compiling)
is 'an object is compiled by one command' "$(printf '%s\n' "$usual" | wc -l)" 1
is 'a program linked by one' "$(linking | wc -l)" 1
unlike 'warnings are no errors by themselves' "$usual" ' -Werror'
like 'they are with CI=1' "$(compiling CI=1)" ' -Werror( |$)'
for w in -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla; do
	like "$w is on" "$usual" " $w( |\$)"
done
like "the user's CPPFLAGS come after ours" "$(compiling CPPFLAGS=-DLAST)" '-Ilibcommon .*-DLAST'
like "his CFLAGS too" "$(compiling CFLAGS=-O1)" '-O2 .*-fstack-protector-strong .*-O1 '
like "his LDFLAGS too" "$(linking LDFLAGS=-Wl,-O1)" '-z,now.* -Wl,-O1'
like "his LDLIBS too" "$(linking LDLIBS=-lm)" '-lsodium.* -lm'
like 'also from the environment' "$(CFLAGS=-O1 && export CFLAGS && compiling)" '-O2 .*-O1 '

# What a distribution gives already is not given twice.
count() { grep -o -e "$1" | wc -l; }
is 'we fortify' "$(printf '%s\n' "$usual" | count '-D_FORTIFY_SOURCE')" 1
is 'not where somebody else does' "$(compiling CPPFLAGS=-D_FORTIFY_SOURCE=3 | count '-D_FORTIFY_SOURCE')" 1
like 'but as he says' "$(compiling CPPFLAGS=-D_FORTIFY_SOURCE=3)" '-D_FORTIFY_SOURCE=3'
is 'one stack protector' "$(compiling CFLAGS=-fstack-protector-all | count '-fstack-protector')" 1
is 'no fortification without optimisation, which warns' "$(compiling CFLAGS=-O0 | count '-D_FORTIFY_SOURCE')" 0
if command -v dpkg-buildflags >/dev/null; then
	eval "$(DEB_BUILD_MAINT_OPTIONS=hardening=+all dpkg-buildflags --export=sh)"
	$MAKE -s CI=1 BUILD="$T/deb" "$T/deb/libcommon/base/buf.o" >"$T/out" 2>&1
	is "a distribution's flags compile without a warning" "$? $(cat "$T/out")" '0 '
	unset CFLAGS CPPFLAGS LDFLAGS
else
	note 'no dpkg-buildflags here'
fi
like 'make asks pkg-config' "$(compiling PKGCONFIG='echo -DASKED')" ' -DASKED '

# --- The programs.
for p in "$BUILD"/bin/mp-*; do
	name=${p##*/}
	readelf -Wdhl "$p" >"$T/elf"
	ok "$name is position independent" grep -q 'Type: *DYN' "$T/elf"
	ok "... binds at once" grep -q 'BIND_NOW\|Flags:.*NOW' "$T/elf"
	ok "... has RELRO" grep -q GNU_RELRO "$T/elf"
	ok "... no stack to run" sh -c 'grep GNU_STACK "$1" | grep -q "RW "' - "$T/elf"
	readelf -W --dyn-syms "$p" >"$T/syms"
	ok "... the stack protector" grep -q __stack_chk_fail "$T/syms"
	ok "... fortified calls" grep -q '_chk@' "$T/syms"
	unlike "... no way of its own to libraries" "$(cat "$T/elf")" 'RPATH|RUNPATH'
done

# Two functions of one name: the linker would take the first that it meets, in any program.
is 'no name is defined twice in the library' \
	"$(nm -g --defined-only "$BUILD/libcommon.a" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort | uniq -d)" ''

# --- Installed, and the source tree taken away.
here=${BUILD#"$ROOT/"}
# With the flags of the build: what is built is used by other tests at this moment.
make_() { CI=$ci $MAKE -s BUILD="$here" PREFIX="$T/prefix" "$@" >"$T/log" 2>&1; }
is 'another PREFIX compiles nothing again' "$(compiling PREFIX=/one)" "$(compiling PREFIX=/two)"
ok 'make install PREFIX=DIR' make_ install
(cd "$T/prefix" && find . -mindepth 1 -maxdepth 2 | sort) >"$T/got"
is 'has bin, share/man and share/mp' "$(tr '\n' ' ' <"$T/got" | sed 's,\./bin/[^ ]* ,,g')" './bin ./share ./share/man ./share/mp '
is 'every command is in bin' "$(ls "$T/prefix/bin")" "$( (cd cmd && ls mp-*.c | sed 's/\.c$//'; echo mp) | sort)"
is 'every page in man' "$(cd "$T/prefix/share/man" && find . -type f | sed 's,.*/,,' | sort)" "$(ls man | sort)"
is 'nothing of it installs packages' "$(grep -rlE 'apt-get .*(-y|\$)|sudo|dpkg -i|packages_need' "$T/prefix/share/mp" \
	"$T/prefix/bin/mp")" ''
cat >"$T/away.sh" <<'AWAY'
mount -t tmpfs none "$1" || exit 99
[ ! -e "$1/Makefile" ] && cd / || exit 99
PATH=$2/bin:/usr/bin:/bin
export PATH
umask 077
mp init >/dev/null && mp status && mp-contact offer bob >"$3" || exit
mp-serve -n -w 120 >"$3.ready" &
tries=0
until grep -q . "$3.ready" || [ $tries -ge 1200 ]; do tries=$((tries + 1)) && sleep 0.1; done
kill $! && wait $! && cat "$3.ready" && mp-store check
AWAY
case $T in
"$ROOT"/*) note 'the temporary directory is in the source tree' ;;
*)
	if unshare -rm true 2>/dev/null; then
		MP_HOME=$T/away unshare -rm sh "$T/away.sh" "$ROOT" "$T/prefix" "$T/card" >"$T/out" 2>"$T/err"
		is 'the programs need nothing of the source tree' "$? $(cat "$T/err")" '0 '
		like '... mp-serve neither' "$(cat "$T/out")" '^ready '
		like '... and make a card' "$(cat "$T/card")" '^MARIPOSA:'
	else
		note 'no mount can be made here'
	fi
	;;
esac
ok 'make uninstall' make_ uninstall
is 'leaves no file' "$(find "$T/prefix" -type f)" ''
finish
