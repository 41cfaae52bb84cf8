#!/bin/sh
# A contact card survives paper: qrencode to PNG, zbarimg back, byte for byte.
. "$(dirname "$0")/lib.sh"
umask 077

command -v qrencode >/dev/null || skip_all "no qrencode here"
command -v zbarimg >/dev/null || skip_all "no zbarimg here"

as a mp-keygen >/dev/null
as b mp-keygen >/dev/null
i=0
while [ $i -lt 10 ]; do
	i=$((i + 1))
	as a mp-contact offer "c$i" >"$T/card"
	qrencode -o "$T/card.png" <"$T/card"
	zbarimg --quiet --raw --oneshot -Sbinary "$T/card.png" >"$T/back" 2>/dev/null
	ok "card $i comes back byte for byte" cmp "$T/card" "$T/back"
done
# As a person may do it: the text without its line feed, and zbarimg adds one.
printf %s "$(cat "$T/card")" | qrencode -o "$T/card.png"
zbarimg --quiet --raw "$T/card.png" >"$T/back" 2>/dev/null
ok "so does the bare text" cmp "$T/card" "$T/back"
# 41 modules are version 6: alphanumeric mode; as bytes it would be version 8.
size=$(printf %s "$(cat "$T/card")" | qrencode -o - -t ASCII -m 0 -l L | wc -l)
is "the card is alphanumeric to QR" "$((size))" 41
exits 0 as b sh -c 'mp-contact accept alice <"$1"' - "$T/back"
like "what came back is accepted" "$(cat "$T/out")" "^out${TAB}initial-contact${TAB}alice"
finish
