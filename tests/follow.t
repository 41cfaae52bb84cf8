#!/bin/sh
# Whoever follows is woken, and does not look now and then: what comes is there within a second or two, again and again.
# shellcheck disable=SC2154 # pid: of lib.sh
. "$(dirname "$0")/lib.sh"

meet a b
home a
port=$(free_port)

within() { # SECONDS CMD ...: at the latest then
	began=$(date +%s)
	limit=$1
	shift
	wait_for "$@" && [ $(($(date +%s) - began)) -le "$limit" ]
}

# --- mp-inbox -f and mp-inbox -f -x, by whichever way a message comes in.
start mp-inbox -f >"$T/printed"
cat >"$T/hook" <<'END'
#!/bin/sh
cat >>"$T/hooked"
END
chmod 700 "$T/hook"
export T
start mp-inbox -f -x "$T/hook"
: >"$T/hooked"
watched() { # the process has an inotify descriptor
	grep -qs '^inotify wd:' /proc/"$pid"/fdinfo/*
}
ok 'a hook is waited for by inotify' wait_for watched
late=
for i in 1 2 3 4 5 6; do
	echo "number $i" | as b mp-seal -t a >"$T/sealed"
	if [ $((i % 2)) -eq 0 ]; then
		mp-take <"$T/sealed"
	else
		cut -f 7 "$T/sealed" | openssl base64 -d -A >"$T/body"
		perl "$ROOT/tests/post.pl" mp-recv <"$T/body" >"$T/answer"
	fi
	within 5 grep -q "number $i" "$T/hooked" || late="$late hook-$i"
done
is 'every hook ran at once' "$late" ''
ok 'each was printed, or marked before' wait_for grep -q number "$T/printed"

# --- mp-serve: what is put into the queue goes at once.
printf '%s 127.0.0.1:%s\n' "$(onion b)" "$port" >"$T/routes"
start env MP_HOME="$T/b" mp-recv -l "127.0.0.1:$port"
wait_for listens "$port"
mkfifo "$T/ready"
# shellcheck disable=SC2016 # for the inner shell
start sh -c 'exec mp-serve -n >"$1"' - "$T/ready"
like 'mp-serve is ready' "$(timeout 30 head -n 1 "$T/ready")" '^ready '
arrived() { as b mp-inbox | grep -q "queued $1"; }
late=
for i in 1 2 3 4; do
	echo "queued $i" | mp-seal -t b | mp-send -w 0
	within 5 arrived "$i" || late="$late $i"
done
is 'each of the queue went at once' "$late" ''
finish
