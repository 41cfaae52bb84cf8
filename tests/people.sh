# people.sh: several people who serve at once over loopback, for tests of introductions and groups.  Sourced
# after lib.sh.
#
#   people NAME ...   a home each, reachable by mp-recv -l and the routes; none knows another
#   round NAME ...    mp-due | mp-seal | mp-send for each, once
#   settle NAME ...   rounds until nobody owes anything that can be delivered
#   rounds N NAME ... N of them
#   contacts NAME     its contacts, a line each: name state introducer
# shellcheck shell=sh

people() {
	for n in "$@"; do
		as "$n" mp-keygen >/dev/null || bail "mp-keygen for $n"
		printf 'retry.min = 1s\n' >"$T/$n/config"
		serve_tls "$n"
	done
}

round() {
	for n in "$@"; do
		as "$n" mp-due >"$T/due" 2>"$T/due.err" || continue
		as "$n" sh -c 'mp-seal <"$1" | mp-send -w 10 >>"$2"' sh "$T/due" "$T/$n.sent" 2>>"$T/$n.err" || :
	done
}

# What is due in a minute is not due now.
settle() {
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
		owing=0
		for n in "$@"; do
			as "$n" mp-due >/dev/null 2>&1 && owing=1
		done
		[ "$owing" -eq 1 ] || return 0
		round "$@"
	done
}

rounds() {
	count=$1
	shift
	while [ "$count" -gt 0 ]; do
		round "$@"
		count=$((count - 1))
	done
}

contacts() {
	as "$1" mp-contact list -j | jq -r '[.contact, (.body | fromjson | .state, (.introducer // "-"))] | join(" ")'
}
