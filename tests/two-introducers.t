#!/bin/sh
# Two friends introduce the same two people at the same time, and neither knows of the other: two contacts at both ends, in agreement.
# shellcheck disable=SC2016 # for the inner shell
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/people.sh"
command -v jq >/dev/null || skip_all 'jq is not installed'

people alice dave bob carol
for n in bob carol; do
	meet alice $n
	meet dave $n
	echo 'introduction.policy = accept alice dave' >>"$T/$n/config"
done
for n in alice dave; do
	as $n mp-intro offer bob carol >"$T/owed"
	as $n sh -c 'mp-seal <"$1" | mp-send -w 10' sh "$T/owed" >/dev/null
done
settle alice dave bob carol
is 'bob has a contact by each' "$(contacts bob | grep carol | sort | tr '\n' '|')" 'carol active alice|carol-2 active dave|'
is 'carol too' "$(contacts carol | grep bob | sort | tr '\n' '|')" 'bob active alice|bob-2 active dave|'
for name in carol carol-2; do exits 0 as bob mp-ping -w 60 $name; done
for name in bob bob-2; do exits 0 as carol mp-ping -w 60 $name; done
print() { # WHO WHOM
	as "$1" mp-contact show "$2" | grep ^fingerprint
}
is 'by one fingerprint' "$(print bob carol)" "$(print carol bob)"
is 'and one' "$(print bob carol-2)" "$(print carol bob-2)"
exits 0 as bob mp-contact remove carol-2
exits 0 as carol mp-contact remove bob-2
exits 0 as bob mp-ping -w 60 carol
for n in alice dave bob carol; do exits 0 as $n mp-store check; done
finish
