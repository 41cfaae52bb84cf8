#!/bin/sh
# share/: the front, the examples, the completions, the units, what is installed; and the two first commands where
# nothing can or may be installed.
# shellcheck disable=SC2154 # pid: of lib.sh
. "$(dirname "$0")/lib.sh"

# --- The front and the examples, against a peer who answers.
front=$ROOT/share/mp
cp "$front" "$T/mp-front"
run() { # WHO, then what: as that person; output in $T/out
	who=$1
	shift
	rc=0
	MP_HOME=$T/$who "$@" >"$T/out" 2>"$T/err" || rc=$?
	[ "$rc" -eq 0 ] || note "$(cat "$T/err")"
	return "$rc"
}
ok 'mp init makes an identity' run alice "$front" init
ok 'mp init, bob' run bob "$front" init
serve_tls alice
alices=$pid
serve_tls bob
ok 'mp offer' run alice "$front" offer bob
like 'is a card' "$(cat "$T/out")" '^MARIPOSA:[A-Z2-7]+$'
cp "$T/out" "$T/card"
# shellcheck disable=SC2016 # for the inner shell
ok 'mp accept, from standard input' run bob sh -c '"$1" accept alice <"$2"' sh "$front" "$T/card"
ok 'mp contacts' run alice "$front" contacts
like 'shows bob' "$(cat "$T/out")" bob
ok 'mp ping' run bob "$front" ping alice
ok 'mp send with a text' run bob "$front" send alice 'hello  there'
# shellcheck disable=SC2016 # for the inner shell
ok 'mp send from standard input' run bob sh -c 'printf "second\n" | "$1" send alice' sh "$front"
ok 'mp status' run alice "$front" status
like 'the address' "$(cat "$T/out")" "^address +$(onion alice)\$"
like 'nobody serves' "$(cat "$T/out")" '^serving +no$'
like 'what is new' "$(cat "$T/out")" '^new +[23]$'
ok 'mp inbox' run alice "$front" inbox
like 'shows both' "$(tr '\n' ' ' <"$T/out")" 'hello  there.*second'
exits 1 env MP_HOME="$T/alice" "$front" inbox
is 'which are read now' "$(cat "$T/out")" ''
printf 'x%.0s' 1 2 3 >"$T/a file"
ok 'mp file, with a blank in its name' run bob "$front" file alice "$T/a file"
is 'arrives' "$(cat "$T/alice/files/bob/a file")" xxx
ok 'mp help' run alice "$front" help
for v in init serve offer accept send file inbox intro group say ping contacts status help; do
	like "mp help names $v" "$(cat "$T/out")" "^    $v "
done
exits 100 "$front" frobnicate
exits 100 "$front" send
exits 1 env MP_HOME="$T/alice" "$front" send nobody hello
like 'nobody knows nobody' "$(cat "$T/err")" "no contact 'nobody'"
if command -v qrencode >/dev/null; then
	ok 'mp offer -q' run alice "$front" offer -q carol
	like 'draws' "$(cat "$T/out")" '█|▄|▀'
else
	note 'no qrencode here'
fi

started() {
	run alice "$front" status && grep -q '^serving  yes, process' "$T/out"
}
kill "$alices"
start env MP_HOME="$T/alice" "$front" serve -n >/dev/null 2>&1
ok 'mp serve, and status says so' wait_for started
kill "$pid"
wait "$pid"
is 'mp serve ends well' "$?" 0
: >"$T/routes"
serve_tls alice
serve_tls bob

# A group of the two, and who is introduced to whom.
ok 'mp group proposes one' run alice "$front" group friends bob
ok 'mp group accept' run bob "$front" group accept friends
run alice sh -c 'mp-due | mp-seal | mp-send' || :
ok 'mp group lists it' run bob "$front" group
like 'by its name' "$(cat "$T/out")" 'group \[friends\]'
ok 'mp say' run alice "$front" say friends 'to all'
like 'is with the other' "$(as bob mp-inbox)" "friends${TAB}to all"
exits 100 "$front" intro alice
exits 1 env MP_HOME="$T/alice" "$front" intro bob nobody
exits 1 env MP_HOME="$T/alice" "$front" intro
as bob mp-inbox | cut -f 4 | as bob mp-mark

examples=$ROOT/share/examples
ok 'backup' run bob "$examples/backup" alice "$T/alice/tls"
ok 'is an archive of it' sh -c 'tar -tzf "$1"/tls-*.tar.gz | grep -q "^tls/key.pem$"' sh "$T/alice/files/bob"
mkdir "$T/disks"
cat >"$T/disks/df" <<'END'
#!/bin/sh
printf 'Filesystem 1024-blocks Used Available Capacity Mounted on\n'
printf '/dev/x 100 95 5 95%% /srv\n/dev/y 100 10 90 10%% /\n'
END
chmod +x "$T/disks/df"
ok 'disk-alert' run bob env PATH="$T/disks:$PATH" "$examples/disk-alert" alice
like 'names the full one' "$(as alice mp-inbox)" '/srv 95%'
unlike 'and no other' "$(as alice mp-inbox)" ' / 10%'
ok 'disk-alert, when nothing is that full' run bob env PATH="$T/disks:$PATH" "$examples/disk-alert" alice 95
is 'says nothing' "$(as alice mp-inbox | grep -c /srv)" 1
run alice mp-inbox
cut -f 4 "$T/out" | as alice mp-mark
printf 'uptime\n' | as bob mp-seal -t alice | as bob mp-send
ok 'the bot is asked' run alice mp-inbox -x "$examples/bot"
like 'and answers' "$(as bob mp-inbox)" 'load average'
as bob mp-inbox | cut -f 4 | as bob mp-mark
printf 'poll me\n' | as bob mp-seal -t alice | as bob mp-send
# shellcheck disable=SC2016 # for the hook's shell
ok 'poll, with a hook that has arguments' run alice "$examples/poll" sh -c 'cat >>"$0"' "$T/polled"
is 'ran it' "$(cat "$T/polled")" 'poll me'
printf 'queued\n' | as bob mp-seal -t alice >"$T/sealed"
MP_ROUTES=/dev/null as bob mp-send -w 0 <"$T/sealed"
is 'something waits' "$?" 111
ok 'poll sends it' run bob "$examples/poll" true
like 'and it is there' "$(as alice mp-inbox)" queued
for e in poll disk-alert backup; do
	exits 100 "$examples/$e"
done

# --- Completions: every option of every usage string, and every command.
usage_options() { # COMMAND
	"$1" -h | grep -oE '(^|[[ |])-[A-Za-z]+' | tr -d '[ |' | sed 's/^-//' | fold -w 1 | sort -u | sed 's/^/-/'
}
bash_offers() { # WORD ...: the last one is being typed
	# shellcheck disable=SC2016 # for bash
	bash -c '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _mp "$1" "${COMP_WORDS[COMP_CWORD]}" \
		"${COMP_WORDS[COMP_CWORD-1]}"; printf "%s\n" "${COMPREPLY[@]}"' "$ROOT/share/completions/mp.bash" "$@" | sort -u
}
zsh_offers() {
	# shellcheck disable=SC2016 # for zsh
	zsh -f -c '. "$0"; _mp_words "$1" $# "$@"' "$ROOT/share/completions/_mp" "$@" | sort -u
}
for sh in bash zsh; do
	if ! command -v $sh >/dev/null; then
		note "no $sh here"
		continue
	fi
	for c in "$BUILD"/bin/mp-*; do
		c=${c##*/}
		is "$sh: the options of $c" "$(${sh}_offers "$c" -)" "$(usage_options "$c")"
	done
	home alice
	is "$sh: names after -t" "$(${sh}_offers mp-seal -t '')" "$(mp-contact list | cut -f 3 | sort -u)"
	like "$sh: a verb of mp-contact" "$(${sh}_offers mp-contact '')" '^verify$'
	like "$sh: the first verb, behind the option, of mp-mesh" "$(${sh}_offers mp-mesh '')" '^keys$'
	like "$sh: a verb of mp-queue" "$(${sh}_offers mp-queue '')" '^cancel$'
	like "$sh: a verb of mp" "$(${sh}_offers mp '')" '^accept$'
	like "$sh: a name for mp send" "$(${sh}_offers mp send '')" '^bob$'
	unset MP_HOME
done
for f in mp.bash _mp; do
	for c in "$BUILD"/bin/mp*; do
		ok "$f completes ${c##*/}" grep -qE "^(complete.*|#compdef.*|	.*) ?${c##*/}( |$)" "$ROOT/share/completions/$f"
	done
done

# --- What is installed: nothing that installs packages, nothing that needs the source.
# make takes no blank in a target: a build below the source is named from there.
if (cd "$ROOT" && ${MAKE:-make} -s install BUILD="${BUILD#"$ROOT/"}" DESTDIR="$T/dest" PREFIX=/opt/m) \
	>"$T/out" 2>&1; then
	result 0 'make install'
else
	result 1 'make install'
	note "$(cat "$T/out")"
fi
D=$T/dest/opt/m
for p in mp mp-seal mp-serve mp-recv; do
	ok "bin/$p is there" [ -x "$D/bin/$p" ]
done
ok 'manuals are' [ -s "$D/share/man/man1/mp-serve.1" ]
is 'no script of the source tree is' "$(find "$D" -name 'demo.sh' -o -name 'check.sh' -o -name 'packages.sh')" ''
is 'no placeholder is left' "$(grep -rl '@BINDIR@\|@DATADIR@' "$D/share")" ''
is 'no path of the source tree or of DESTDIR' "$(grep -rlF -e "$ROOT/" -e "$T" "$D/share")" ''
mkdir "$T/sock"
MP_HOME=$T/alice PATH=/usr/bin:/bin "$D/bin/mp" status >"$T/out"
like 'the installed front finds its commands' "$(cat "$T/out")" '^address'
MP_HOME=$T/i PATH=/usr/bin:/bin sh -c '"$1"/mp-keygen >/dev/null && "$1"/mp-serve -n -w 8' sh "$D/bin" >"$T/out" 2>"$T/err"
like 'the installed mp-serve finds mp-recv' "$(cat "$T/out")" '^ready'

# --- Units.
if command -v systemd-analyze >/dev/null; then
	mkdir "$T/units"
	for u in "$D"/share/mp/systemd/*; do
		sed "s,/opt/m/,$D/,g" "$u" >"$T/units/${u##*/}"
	done
	complaints=$(SYSTEMD_LOG_LEVEL=warning systemd-analyze --man=no verify "$T"/units/* 2>&1 | grep -F "$T/units")
	is 'systemd has nothing to say about the units' "$complaints" ''
else
	note 'no systemd-analyze here'
fi
for u in "$ROOT"/share/systemd/*.service; do
	ok "${u##*/} is hardened" grep -q '^NoNewPrivileges=yes$' "$u"
done

# --- check.sh and demo.sh on a machine that has nothing: here a PATH that has next to nothing.
mkdir "$T/bare"
for p in sh dirname id tr cat env; do
	ln -s "$(command -v $p)" "$T/bare/$p"
done
for s in demo check; do
	rc=0
	(cd / && PATH=$T/bare MP_NO_INSTALL=1 sh "$ROOT/share/$s.sh") >"$T/out" 2>"$T/err" || rc=$?
	is "$s.sh with MP_NO_INSTALL=1 is 100" "$rc" 100
	for p in gcc make libsodium-dev libmicrohttpd-dev socat; do
		like "$s.sh names $p" "$(cat "$T/err")" "apt-get install.* $p( |\$)"
	done
	is 'and touches nothing' "$(cat "$T/out")" ''
	(cd / && PATH=$T/bare sh "$ROOT/share/$s.sh") >"$T/out" 2>"$T/err"
	like "$s.sh where there is no apt-get" "$(cat "$T/err")" 'there is no apt-get here'
done
unlike 'the demo needs no tool of the tests' "$(PATH=$T/bare MP_NO_INSTALL=1 sh "$ROOT/share/demo.sh" 2>&1)" 'zsh|strace|mandoc'

# As root, with an apt-get that only takes notes.
printf '#!/bin/sh\nprintf "%%s\\n" "$*" >>"%s"\n' "$T/apt" >"$T/bare/apt-get"
printf '#!/bin/sh\necho 0\n' >"$T/fake-id"
rm "$T/bare/id"
mv "$T/fake-id" "$T/bare/id"
chmod +x "$T/bare/apt-get" "$T/bare/id"
rc=0
PATH=$T/bare sh "$ROOT/share/demo.sh" >"$T/out" 2>"$T/err" || rc=$?
is 'packages that do not come are an error' "$rc" 100
like 'what is installed is said' "$(cat "$T/out")" '^installing with apt-get: gcc .*socat'
like 'the lists are brought up to date first' "$(head -n 1 "$T/apt")" update
like 'then those packages are installed' "$(sed -n 2p "$T/apt")" 'install -y .*gcc .*socat'
# As somebody whose sudo wants a password.
printf '#!/bin/sh\necho 1000\n' >"$T/bare/id"
printf '#!/bin/sh\nexit 1\n' >"$T/bare/sudo"
chmod +x "$T/bare/sudo"
rm "$T/apt"
PATH=$T/bare sh "$ROOT/share/demo.sh" >"$T/out" 2>"$T/err"
like 'neither root nor sudo' "$(cat "$T/err")" 'neither root nor sudo without a password'
ok 'so nothing is installed' [ ! -e "$T/apt" ]

# --- The demo itself, from another directory.
if [ "$BUILD" = "$ROOT/build" ]; then
	(cd / && MP_NO_INSTALL=1 timeout 300 sh "$ROOT/share/demo.sh") >"$T/out" 2>&1
	is 'the demo works' "$?" 0
	like 'and says so' "$(tail -n 1 "$T/out")" '^All of that worked'
	[ "$failed" -eq 0 ] || note "$(cat "$T/out")"
else
	note 'this is no build of the demo'
fi
finish
