#!/bin/sh
# The examples of relays: three on one machine that know each other, two people who write by them, and one by its
# listener or under socat.
# shellcheck disable=SC2154 # pid: of lib.sh
. "$(dirname "$0")/lib.sh"

examples=$ROOT/share/examples
exits 100 "$examples/three-relays"
exits 100 "$examples/relay-serve"
exits 100 "$examples/relay-serve" -x 127.0.0.1:1

start "$examples/three-relays" "$T/mesh" >"$T/out"
three() {
	[ "$(grep -c '^[a-z2-7]*\.onion 127\.0\.0\.1:[0-9]*$' "$T/out")" -eq 3 ]
}
ok 'three relays say where they are' wait_for three
ok '... which is a routes file' cmp "$T/out" "$T/mesh/routes"
for n in 1 2 3; do
	is "... and relay $n knows two" "$(MP_HOME=$T/mesh/$n mp-relay status | jq '.peers | length')" 2
done
exits 100 "$examples/by-relays"
read_so_often() { # COUNT: alice's message has come so often, each time as a new one, and nothing waits
	"$examples/by-relays" "$T/mesh" >"$T/shown" 2>"$T/said"
	sed 's/^/# /' "$T/said"
	[ "$(as mesh/bob mp-inbox -a | grep -c "^in${TAB}message${TAB}alice")" -eq "$1" ]
}
ok 'a message by them' read_so_often 1
like '... is shown' "$(cat "$T/shown")" 'alice> hello, whenever you read this$'
ok '... and once more' read_so_often 2
export MP_ROUTES="$T/mesh/routes"
echo polled | as mesh/alice mp-seal -t bob | as mesh/alice mp-send >/dev/null
polls() {
	as mesh/bob "$examples/poll" sh -c 'cat >>"$0"' "$T/polled"
	grep -q '^polled$' "$T/polled"
}
ok '... and fetched by poll' wait_for polls
# Beside cover, nothing of its own: who is to be asked for that is written down by one in the place of mp-mesh.
mkdir "$T/instead"
cat >"$T/instead/mp-mesh" <<'END'
#!/bin/sh
echo "$*" >>"$ASKED"
END
chmod +x "$T/instead/mp-mesh"
export ASKED="$T/asked"
polled() { # SETTING: what mp-mesh is called for
	printf '%s\n' "$1" >"$T/mesh/bob/config"
	: >"$ASKED"
	PATH=$T/instead:$PATH as mesh/bob "$examples/poll" true
	tr '\n' ' ' <"$ASKED"
}
is 'poll fetches where relays are known' "$(polled '# nothing')" 'servers fetch '
is '... not beside cover' "$(polled 'cover.fetch = 15m')" ''
is '... but where that is off' "$(polled 'cover.fetch = 0')" 'servers fetch '
rm "$T/mesh/bob/config"
kill "$pid"
wait "$pid"
is '... until they are ended' "$?" 143
port=$(sed -n 's/.*://p;q' "$T/out")
ok '... which ends each' sh -c '! curl -sk -m 5 "https://127.0.0.1:$1/load"' - "$port"

for way in '' -s; do
	port=$(free_port)
	home "one$way"
	# shellcheck disable=SC2086 # no option, or one
	start "$examples/relay-serve" $way "127.0.0.1:$port" 2>"$T/err"
	ok "relay-serve $way listens" wait_for listens "$port"
	like '... and answers' "$(curl -sk -m 30 "https://127.0.0.1:$port/load")" '"type":"load"'
	kill "$pid"
	wait "$pid"
	is '... until it is ended' "$?" 143
	ok '... with all that it started' sh -c '! pgrep -f "^mp-relay .*127.0.0.1:$1$" && ! pgrep -f "^socat .*:$1,"' - "$port"
done

# It does not stay up with half of what it needs.
port=$(free_port)
start "$examples/relay-serve" -s "127.0.0.1:$port" 2>"$T/err"
wait_for listens "$port" || bail 'relay-serve does not listen'
for sub in $(pgrep -P "$pid"); do
	pkill -P "$sub" -x mp-relay
done
wait_for grep -q '^relay-serve: mp-relay ended$' "$T/err" || bail 'relay-serve does not say that its worker ended'
wait "$pid"
is 'relay-serve ends with its worker' "$?" 111
ok '... and its listener with it' sh -c '! pgrep -f "^socat .*:$1,"' - "$port"
cat >"$T/instead/tor" <<'END'
#!/bin/sh
until [ -e "$ASKED.end" ]; do sleep 0.1; done
END
chmod +x "$T/instead/tor"
port=$(free_port)
PATH=$T/instead:$PATH start "$examples/relay-serve" -o "127.0.0.1:$port" 2>"$T/err"
wait_for listens "$port" || bail 'relay-serve -o does not listen'
touch "$ASKED.end"
wait_for grep -q '^relay-serve: tor ended$' "$T/err" || bail 'relay-serve does not say that its tor ended'
wait "$pid"
is '... and with its tor' "$?" 111
ok '... its relay with it' sh -c '! pgrep -f "^mp-relay .*127.0.0.1:$1$"' - "$port"
finish
