#!/bin/sh
# Strangers who connect, say nothing or next to nothing, and come again when they are put out: whoever has
# something to say is served all the same, under socat and by the listener.  MP_STRANGERS: silent ones, and as many slow
# ones (200 under soak; they are put out after 5 seconds and come again, which is most of what two cores can do).
# shellcheck disable=SC2154 # pid: of lib.sh
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || skip_all "python3 is not installed"

crowd() { # SILENT SLOW HELD: at $port, until go()
	start python3 "$ROOT/tests/tools/crowd.py" "$port" "$@" >"$T/crowd" 2>"$T/crowd.err"
	crowd=$pid
	wait_for grep -q held "$T/crowd" || sed 's/^/# /' "$T/crowd.err"
}

go() {
	kill "$crowd"
	wait "$crowd"
	note "put out: $(sed -n 's/^again //p' "$T/crowd")"
}

serve() { # sets $server and $port
	rm -f "$T/ready"
	mkfifo "$T/ready"
	# shellcheck disable=SC2016 # for the inner shell, which opens the FIFO without holding us up
	start env MP_HOME="$T/a" sh -c 'exec mp-serve -n >"$1" 2>&1' sh "$T/ready"
	server=$pid
	read -r _ _ where <"$T/ready"
	port=${where##*:}
	printf '%s %s\n' "$(onion a)" "$where" >"$T/routes"
}

end() {
	kill "$server"
	wait "$server"
}

meet a b

serve
n=${MP_STRANGERS:-50}
crowd "$n" "$n" $((n * 2))
exits 0 as b mp-ping -w 300 a
go
end

# All places are taken, and taken again when they become free.
echo 'serve.children = 32' >"$T/a/config"
serve
crowd 0 32 32
exits 0 as b mp-ping -w 300 a
printf 'still here' | as b mp-seal -t a >"$T/sealed"
ok "a message too" as b mp-send -w 300 <"$T/sealed"
is "... is there" "$(as a mp-inbox | grep -c 'still here$')" 1
go
end

# The listener: three times as many as there are places.
: >"$T/routes"
echo 'serve.children = 32' >"$T/a/config"
serve_tls a
server=$pid
crowd 48 48 22
exits 0 as b mp-ping -w 300 a
go
end
is "... and ends with 0 when it is asked" "$?" 0
finish
