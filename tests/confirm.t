#!/bin/sh
# A contact is confirmed by whatever is answered under the pair key, when the answer to the greeting was lost.
. "$(dirname "$0")/lib.sh"

for n in alice bob; do as "$n" mp-keygen >/dev/null; done
as alice mp-contact offer bob >"$T/card" 2>/dev/null
as bob mp-contact accept alice <"$T/card" | as bob mp-seal >"$T/greeting"
as alice mp-take <"$T/greeting"
state() {
	as bob mp-contact list -j | jq -r '.body | fromjson | .state'
}
is "bob does not know that his greeting arrived" "$(state)" pending
serve_tls alice
echo hello | as bob mp-seal -t alice >"$T/hello"
exits 0 as bob mp-send -w 20s <"$T/hello"
is "it arrives" "$(as alice mp-inbox | grep -c hello)" 1
is "... now he knows" "$(state)" active
is "... no greeting is owed" "$(as bob mp-due)" ""
finish
