# mesh.sh: relays and people for the tests of mp-mesh.  Sourced after lib.sh.
#
#   relay NAME [PORT]   it listens; its address is in $T/NAME.at, its pid in $T/NAME.pid; a route for all
#   relays NAME ...     they have identities, listen and accept each other
#   accepts NAME OTHER ...   the others become its peers
#   person NAME SERVER ...   keys of the mesh, and these servers
#   tell A B            B has A's contact-update, brought by hand
#   got NAME            how many messages are in its inbox, read or not
# shellcheck shell=sh
# shellcheck disable=SC2154 # pid, T: of lib.sh

relay() {
	rm -f "$T/$1.ready"
	start env MP_HOME="$T/$1" mp-relay -l "127.0.0.1:${2:-0}" -r 7 7>"$T/$1.ready" 2>>"$T/$1.log"
	echo "$pid" >"$T/$1.pid"
	wait_for [ -s "$T/$1.ready" ] || bail "the relay $1 does not listen"
	sed 's/^ready //' "$T/$1.ready" >"$T/$1.at"
	grep -v "^$(onion "$1") " "$T/routes" >"$T/routes.new"
	printf '%s %s\n' "$(onion "$1")" "$(cat "$T/$1.at")" >>"$T/routes.new"
	mv "$T/routes.new" "$T/routes"
}

relays() {
	for relays_n in "$@"; do
		as "$relays_n" mp-keygen >/dev/null || bail "mp-keygen for $relays_n"
		[ -e "$T/$relays_n/relay.conf" ] ||
			printf '%s\n' 'retry.min = 1s' 'retry.max = 1s' 'audit.every = 30d' >"$T/$relays_n/relay.conf"
	done
	for relays_n in "$@"; do
		accepts "$relays_n" "$@"
		relay "$relays_n"
	done
}

accepts() {
	accepts_n=$1
	shift
	accepts_names=
	for accepts_m in "$@"; do
		[ "$accepts_n" = "$accepts_m" ] || accepts_names="$accepts_names $(onion "$accepts_m")"
	done
	# shellcheck disable=SC2086 # a list
	as "$accepts_n" mp-relay accept $accepts_names || bail "$accepts_n does not accept the others"
}

person() {
	person_n=$1
	shift
	as "$person_n" mp-mesh keys >/dev/null || bail "no keys for $person_n"
	person_servers=
	for person_m in "$@"; do
		person_servers="$person_servers $(onion "$person_m")"
	done
	# shellcheck disable=SC2086 # a list
	as "$person_n" mp-mesh servers add $person_servers || bail "cannot add $person_servers"
}

tell() {
	as "$1" mp-due | grep "contact-update${TAB}$2${TAB}" | as "$1" mp-seal >"$T/told" || bail "$1 tells $2 nothing"
	as "$2" mp-take <"$T/told" || bail "$2 does not take what $1 tells"
}

got() {
	as "$1" mp-inbox -a | grep -c "^in${TAB}message${TAB}"
}

fetches() { # NAME COUNT: it has so many messages after a further fetch
	as "$1" mp-mesh fetch -w 20 || [ $? -eq 1 ] || return 1
	[ "$(got "$1")" -eq "$2" ]
}
