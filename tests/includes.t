#!/bin/sh
# Who may include whom, and who must not be linked with curl.
. "$(dirname "$0")/lib.sh"

# Prints each include that its floor does not allow, of the tree in the current directory.
strangers() {
	for floor in base crypto wire store mariposa chat mesh otr net node; do
		case $floor in
		base) may='base' ;;
		crypto) may='crypto|base' ;;
		wire) may='wire|crypto|base' ;;
		store) may='store|wire|crypto|base' ;;
		mariposa) may='mariposa|wire|crypto|base' ;;
		chat) may='chat|wire|crypto|base' ;;
		mesh) may='mesh|wire|crypto|base' ;;
		otr) may='otr|wire|crypto|base' ;;
		net) may='net|crypto|base' ;;
		node) may='base|crypto|wire|store|mariposa|chat|mesh|otr|net|node' ;;
		esac
		grep -En '^[[:blank:]]*#[[:blank:]]*include[[:blank:]]*"' "libcommon/$floor"/*.[ch] /dev/null |
			grep -Ev "\"($may)/[a-z0-9_]+\\.(h|inc)\""
	done
	grep -En '^[[:blank:]]*#[[:blank:]]*include[[:blank:]]*"' cmd/*.c /dev/null |
		grep -Ev '"(base|crypto|wire|store|mariposa|chat|mesh|otr|net|node)/[a-z0-9_]+\.h"'
	for d in libcommon/*/; do
		case $d in
		*/base/ | */crypto/ | */wire/ | */store/ | */mariposa/ | */chat/ | */mesh/ | */otr/ | */net/ | */node/) ;;
		*) echo "$d: a floor that no rule speaks of" ;;
		esac
	done
}

is "every include is allowed" "$(cd "$ROOT" && strangers)" ""

# The rule finds what it is for.
cd "$T" || exit 99
for floor in base crypto wire store mariposa chat mesh otr net node; do
	mkdir -p "libcommon/$floor"
	echo '#include "base/buf.h"' >"libcommon/$floor/good.c"
done
mkdir cmd
echo '#include "node/sender.h"' >cmd/good.c
is "a good tree has no stranger" "$(strangers)" ""
refuses() {
	echo "#include \"$2\"" >"$1"
	like "$1 may not include $2" "$(strangers)" "^$1:1:"
	rm "$1"
}
refuses libcommon/base/bad.c crypto/onion.h
refuses libcommon/crypto/bad.h store/store.h
refuses libcommon/wire/bad.c net/client.h
refuses libcommon/store/bad.c node/sender.h
refuses libcommon/mariposa/bad.c store/store.h
refuses libcommon/chat/bad.c store/chat.h
refuses libcommon/mesh/bad.c store/store.h
refuses libcommon/mesh/bad.h net/client.h
refuses libcommon/mesh/bad.c mariposa/contact.h
refuses libcommon/otr/bad.c store/store.h
refuses libcommon/otr/bad.h net/client.h
refuses libcommon/otr/bad.h mariposa/file.h
refuses libcommon/net/bad.c wire/wire.h
refuses libcommon/node/bad.c ../cmd/x.h
refuses cmd/bad.c err.h
mkdir libcommon/attic
like "an unknown floor is found" "$(strangers)" 'attic'

needs_curl() {
	readelf -d "$BUILD/bin/$1" | grep -q 'NEEDED.*libcurl'
}
for p in mp-seal mp-open mp-inbox mp-mark mp-show mp-contact mp-keygen; do
	[ -x "$BUILD/bin/$p" ] || bail "$p is not built"
	ok "$p is not linked with curl" eval "! needs_curl $p"
done
ok "mp-send is" needs_curl mp-send

# The event loop is the chat server's alone.
is "one file knows of libevent" "$(cd "$ROOT" && grep -l '<event2/' libcommon/*/*.[ch] cmd/*.c)" libcommon/node/chatd.c
for p in "$BUILD"/bin/mp-*; do
	readelf -d "$p" | grep -q 'NEEDED.*libevent' && echo "${p##*/}"
done >"$T/event"
is "one program is linked with it" "$(cat "$T/event")" mp-chatd
finish
