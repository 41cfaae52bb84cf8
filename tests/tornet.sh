#!/bin/sh
# tornet.sh: a private Tor network on loopback, for tests.
#
#   tornet.sh start DIR [OWNER]   one authority and four relays in DIR, ready when it returns
#   tornet.sh lines DIR           the torrc lines with which a tor joins it (tor.include)
#   tornet.sh stop DIR
#
# Nothing leaves this machine.  Each tor ends with the process OWNER (default: the caller), so that a
# killed test run leaves none behind.  Ports are drawn at random; a network that
# has not come up in time (a port was taken, a vote was missed) is made again once, with
# new keys and ports.
set -eu

relays='r1 r2 r3 r4'
nodes="a1 $relays"

die()
{
	printf 'tornet: %s\n' "$1" >&2
	exit 100
}

# A port under the kernel's range for outgoing connections, other than those in $ports.
draw_port()
{
	while :; do
		port=$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')
		port=$((11000 + port % 20000))
		case " $ports " in *" $port "*) continue ;; esac
		ports="$ports $port"
		return
	done
}

# What every tor in this network has to know.  The build time-out is learnt from use elsewhere; a new tor's 60 s
# would be what it waits for a service that was killed after the introduction.
network_lines()
{
	cat <<-END
		TestingTorNetwork 1
		PathsNeededToBuildCircuits 0.67
		LearnCircuitBuildTimeout 0
		CircuitBuildTimeout 5
		DisableOOSCheck 1
		UseMicrodescriptors 1
		SafeLogging 0
		ShutdownWaitLength 0
		DirAuthority a1 orport=$orport no-v2 v3ident=$v3 127.0.0.1:$dirport $fingerprint
	END
}

node_lines()
{
	cat <<-END
		%include "$dir/client.torrc"
		__OwningControllerProcess $owner
		DataDirectory $dir/$1
		Nickname $1
		PidFile $dir/$1/pid
		Log notice file $dir/$1/notice.log
		Address 127.0.0.1
		AssumeReachable 1
		CountPrivateBandwidth 0
		TestingMinTimeToReportBandwidth 1 day
		SocksPort 0
		ORPort 127.0.0.1:$2
		ExitRelay 0
	END
}

authority_lines()
{
	cat <<-END
		DirPort 127.0.0.1:$dirport
		AuthoritativeDirectory 1
		V3AuthoritativeDirectory 1
		ContactInfo a1@test.test
		ExitPolicy reject *:*
		TestingV3AuthInitialVotingInterval 10
		TestingV3AuthInitialVoteDelay 2
		TestingV3AuthInitialDistDelay 2
		V3AuthVotingInterval 300
		V3AuthVoteDelay 2
		V3AuthDistDelay 2
		V3AuthNIntervalsValid 3
		TestingDirAuthVoteGuard *
		TestingDirAuthVoteHSDir *
		TestingDirAuthVoteExit *
		TestingMinExitFlagThreshold 0
		TestingV3AuthVotingStartOffset $((($(date +%s) + 8) % 10))
	END
}

authority_keys()
{
	none=0000000000000000000000000000000000000000

	mkdir -p "$dir/a1/keys"
	printf 'pw\n' | tor-gencert --create-identity-key --passphrase-fd 0 -m 12 -a "127.0.0.1:$dirport" \
		-i "$dir/a1/keys/authority_identity_key" -s "$dir/a1/keys/authority_signing_key" \
		-c "$dir/a1/keys/authority_certificate" > "$dir/gencert.log" 2>&1 ||
		die "tor-gencert failed: $(tail -n 1 "$dir/gencert.log")"
	v3=$(sed -n 's/^fingerprint //p' "$dir/a1/keys/authority_certificate")
	fingerprint=$(tor --quiet --list-fingerprint --DataDirectory "$dir/a1" --ORPort "127.0.0.1:$orport" \
		--DirAuthority "x orport=1 v3ident=$none 127.0.0.1:1 $none" --Nickname a1 \
		-f "$dir/empty" --ignore-missing-torrc | sed -n '$s/^[^ ]* //p')
}

launch()
{
	ports=
	draw_port; orport=$port
	draw_port; dirport=$port
	rm -rf "$dir/a1" "$dir"/r?
	for n in $nodes; do
		mkdir -p "$dir/$n"
	done
	: > "$dir/empty"
	authority_keys
	network_lines > "$dir/client.torrc"
	{ node_lines a1 "$orport"; authority_lines; } > "$dir/a1/torrc"
	for n in $relays; do
		draw_port
		node_lines "$n" "$port" > "$dir/$n/torrc"
	done
	for n in $nodes; do
		# No descriptor of the caller's is kept open: a pipe that somebody reads to its end.
		setsid tor --defaults-torrc "$dir/empty" -f "$dir/$n/torrc" --quiet \
			< /dev/null > "$dir/$n/out.log" 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
	done
}

hup()
{
	for n in "$@"; do
		kill -HUP "$(cat "$dir/$n/pid" 2>/dev/null || echo none)" 2>/dev/null || :
	done
}

# All five relays are in the consensus that node $1 has.
knows_all()
{
	consensus=$dir/$1/cached-microdesc-consensus
	[ -f "$consensus" ] && [ "$(grep -c '^r ' "$consensus")" -eq 5 ]
}

# ... and their keys, without which no circuit is built.
has_all()
{
	knows_all "$1" && cat "$dir/$1"/cached-microdescs* 2>/dev/null |
		awk '/^@last-listed/ { n++ } END { exit n < 5 }'
}

wait_full()
{
	deadline=$(($(date +%s) + $1))
	told=0
	while [ "$(date +%s)" -lt "$deadline" ]; do
		missing=
		for n in $nodes; do
			has_all "$n" || missing="$missing $n"
		done
		[ -n "$missing" ] || return 0
		# A reload resets the back-off of downloads.
		for n in $nodes; do
			if knows_all "$n" && [ "$(date +%s)" -ge $((told + 2)) ]; then
				# shellcheck disable=SC2086
				hup $missing
				told=$(date +%s)
				break
			fi
		done
		sleep 0.2
	done
	return 1
}

stop()
{
	for n in $nodes; do
		[ -f "$dir/$n/pid" ] || continue
		pid=$(cat "$dir/$n/pid")
		# The number may have gone to another program since; a zombie has no command line.
		while grep -qsF "$dir/$n/torrc" "/proc/$pid/cmdline"; do
			kill -KILL "$pid" 2>/dev/null || :
			sleep 0.05
		done
	done
}

start()
{
	for p in tor tor-gencert; do
		command -v "$p" > /dev/null || die "$p is not installed (Debian: tor)"
	done
	mkdir -p "$dir"
	chmod 700 "$dir"
	for limit in 20 40; do
		launch
		wait_full "$limit" && return
		stop
	done
	grep -h -e warn -e err "$dir"/*/notice.log | tail -n 20 >&2 || :
	die 'the network did not come up'
}

[ $# -ge 2 ] || die 'usage: tornet.sh start DIR [OWNER] | lines DIR | stop DIR'
PATH=$PATH:/usr/sbin
umask 077
verb=$1
owner=${3:-$PPID}
[ "$verb" != start ] || mkdir -p "$2"
dir=$(cd "$2" && pwd)
case $verb in
start) start ;;
lines) cat "$dir/client.torrc" ;;
stop) stop ;;
*) die "unknown verb '$verb'" ;;
esac
