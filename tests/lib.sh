# lib.sh: what every tests/*.t begins with.  Sourced: . "$(dirname "$0")/lib.sh"
#
#   $T            a private directory, removed at exit
#   ok NAME CMD   one test: CMD exits 0
#   is NAME GOT WANT            the two strings are the same
#   like NAME TEXT ERE          a line of TEXT matches ERE
#   unlike NAME TEXT ERE        none does
#   exits N CMD   one test: CMD exits N; its output is then in $T/out and $T/err
#   finish        prints the plan; the last line of the test
#   skip_all WHY, bail WHY, note TEXT
#
#   home NAME     MP_HOME is $T/NAME from now on
#   as NAME CMD   runs CMD in the home NAME
#   meet A B      two homes with identities (made when they are not there) whose people know each other: in
#                 A a contact B, in B a contact A, both confirmed
#   sanitized     true in a build with sanitizers
#   onion NAME    prints the home's onion address
#   start CMD     runs the program CMD in the background until the test ends (with a home: start env
#                 MP_HOME="$T/a" mp-recv ...); its pid is in $pid
#   wait_for CMD  polls until CMD exits 0, two minutes at least
#   free_port     prints a TCP port that nobody listens on
#   serve_tls NAME    mp-recv -l for the home, with a route in $T/routes for all others; pid in $pid
#
# A death by a signal is a failure whatever was expected; a sanitizer's finding ends by one.
# shellcheck shell=sh
# shellcheck disable=SC2034 # some are for the tests

set -u
LC_ALL=C
ROOT=$(cd "$(dirname "$0")/.." && pwd)
BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$ROOT/$BUILD ;; esac
PATH=$BUILD/bin:$PATH
TAB=$(printf '\t')
T=$(mktemp -d "${TMPDIR:-/tmp}/mp-test.XXXXXX") || exit 99
# Nothing of the user's is read, and no tor that happens to run here is asked.
HOME=$T
MP_ROUTES=$T/routes
MP_SOCKS=127.0.0.1:1
ASAN_OPTIONS=abort_on_error=1:disable_coredump=1:detect_leaks=${MP_TEST_LEAKS:-1}
UBSAN_OPTIONS=abort_on_error=1:print_stacktrace=1
export LC_ALL BUILD PATH HOME MP_ROUTES MP_SOCKS ASAN_OPTIONS UBSAN_OPTIONS
unset MP_HOME XDG_DATA_HOME
: >"$T/routes"
exec </dev/null

pids=
failed=0 # in this shell; finish counts those of subshells too
: >"$T/.tests"
: >"$T/.failed"

# A pid that the test has waited for may be another's by now: only what is still our child is killed.
ours() {
	for p in $pids; do
		[ "$(ps -o ppid= -p "$p" | tr -d ' ')" != "$$" ] || printf '%s ' "$p"
	done
}

cleanup() {
	# What does not end by itself within 5 s is killed.
	children=$(ours)
	if [ -n "$children" ]; then
		# shellcheck disable=SC2086 # a list
		kill $children 2>/dev/null
		# shellcheck disable=SC2086
		(sleep 5 && kill -9 $children) >/dev/null 2>&1 &
		killer=$!
		# shellcheck disable=SC2086
		wait $children 2>/dev/null
		kill "$killer" 2>/dev/null
	fi
	rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

note() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

bail() {
	printf 'Bail out! %s\n' "$*"
	exit 99
}

skip_all() {
	printf '1..0 # SKIP %s\n' "$*"
	exit 0
}

# Counted in files and without a number, so that a test in a subshell or at the end of a pipe counts too.
result() { # STATUS NAME
	printf . >>"$T/.tests"
	if [ "$1" -eq 0 ]; then
		printf 'ok - %s\n' "$2"
	else
		printf 'not ok - %s\n' "$2"
		printf . >>"$T/.failed"
		failed=$((failed + 1))
	fi
}

ok() {
	ok_name=$1
	shift
	"$@"
	ok_rc=$?
	result "$ok_rc" "$ok_name"
	[ "$ok_rc" -eq 0 ] || note "exit status $ok_rc"
}

is() {
	if [ "$2" = "$3" ]; then
		result 0 "$1"
	else
		result 1 "$1"
		note " got: $2"
		note "want: $3"
	fi
}

like() {
	if printf '%s\n' "$2" | grep -Eq -- "$3"; then
		result 0 "$1"
	else
		result 1 "$1"
		note " got: $2"
		note "want: $3"
	fi
}

unlike() {
	if printf '%s\n' "$2" | grep -Eq -- "$3"; then
		result 1 "$1"
		note "     got: $2"
		note "unwanted: $3"
	else
		result 0 "$1"
	fi
}

exits() {
	want=$1
	shift
	rc=0
	"$@" >"$T/out" 2>"$T/err" || rc=$?
	if [ "$rc" -eq "$want" ] && [ "$rc" -le 128 ]; then
		result 0 "exits $want: $*"
	else
		result 1 "exits $want: $*"
		note "exit status $rc"
		sed 's/^/# /' "$T/err"
	fi
}

finish() {
	printf '1..%d\n' "$(wc -c <"$T/.tests")"
	[ ! -s "$T/.failed" ]
	exit
}

home() {
	MP_HOME=$T/$1
	export MP_HOME
	[ -d "$MP_HOME" ] || mkdir -m 700 "$MP_HOME"
}

as() {
	(
		home "$1"
		shift
		"$@"
	)
}

# For what cannot be asked of such a build, for example a limit on its address space.
sanitized() {
	grep -q -e -fsanitize "$BUILD/flags"
}

onion() {
	cat "$T/$1/tor/service/hostname"
}

meet() {
	for n in "$1" "$2"; do
		[ -e "$T/$n/identity" ] || as "$n" mp-keygen >/dev/null || bail "mp-keygen for $n"
	done
	(umask 077 && as "$1" mp-contact offer "$2" >"$T/card") || bail "no card from $1 for $2"
	as "$2" mp-contact accept "$1" <"$T/card" >"$T/accept" || bail "$2 cannot accept the card of $1"
	as "$2" mp-seal <"$T/accept" >"$T/sealed" || bail "$2 cannot seal the greeting to $1"
	as "$1" mp-take <"$T/sealed" >/dev/null || bail "$1 does not take the greeting of $2"
	# Anything authentic from A tells B that its greeting arrived.
	printf 'out\tping\t%s\t-\t-\t-\t-\n' "$2" | as "$1" mp-seal >"$T/sealed" ||
		bail "$1 cannot seal for $2"
	as "$2" mp-take <"$T/sealed" >/dev/null || bail "$2 does not take from $1"
	rm -f "$T/card" "$T/accept" "$T/sealed"
}

start() {
	"$@" &
	pid=$!
	pids="$pids $pid"
}

wait_for() {
	tries=2400
	until "$@"; do
		tries=$((tries - 1))
		if [ "$tries" -le 0 ]; then
			note "waited in vain for: $*"
			return 1
		fi
		sleep 0.05
	done
}

free_port() {
	perl -MIO::Socket::INET -e \
		'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1:0")->sockport, "\n"'
}

listens() { # PORT
	perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new("127.0.0.1:$ARGV[0]")' "$1"
}

serve_tls() {
	port=$(free_port)
	start env MP_HOME="$T/$1" mp-recv -l "127.0.0.1:$port"
	wait_for listens "$port" || bail "mp-recv for $1 does not listen"
	printf '%s 127.0.0.1:%s\n' "$(onion "$1")" "$port" >>"$T/routes"
}
