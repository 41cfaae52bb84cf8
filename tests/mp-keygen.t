#!/bin/sh
# mp-keygen: the home it makes, what it refuses, what real tor says of its keys.
. "$(dirname "$0")/lib.sh"

home a
exits 0 mp-keygen
addr=$(cat "$T/out")
like "prints one onion address" "$addr" '^[a-z2-7]{55}d\.onion$'
is "and nothing else" "$(wc -l <"$T/out" | tr -d ' ')" 1
is "says nothing on standard error" "$(cat "$T/err")" ""
is "tor's hostname file agrees" "$(cat "$MP_HOME/tor/service/hostname")" "$addr"
is "nothing in the home is open to others" "$(find "$MP_HOME" -perm /077)" ""
ok "run, files, spool are there" [ -d "$MP_HOME/run" -a -d "$MP_HOME/files" -a -d "$MP_HOME/spool" ]
ok "the certificate names the address" sh -c \
	'openssl x509 -noout -subject -in "$1/tls/cert.pem" | grep -q "$2"' - "$MP_HOME" "$addr"
ok "the certificate has the TLS key" sh -c \
	'[ "$(openssl x509 -noout -pubkey -in "$1/cert.pem")" = "$(openssl pkey -pubout -in "$1/key.pem")" ]' \
	- "$MP_HOME/tls"

# Never over an identity.
print_home() {
	(cd "$MP_HOME" && find . -type f -exec sha256sum {} + | sort && find . | sort)
}
before=$(print_home)
exits 100 mp-keygen
like "says that there is one" "$(cat "$T/err")" '^mp-keygen: there is an identity in .* already$'
is "prints nothing" "$(cat "$T/out")" ""
is "touches nothing" "$(print_home)" "$before"

# Put back from a backup: what is missing is made again, for the same address.
seed=$(sha256sum <"$MP_HOME/identity")
for gone in tls tor tor/service/hostname store.db "tls tor store.db run files spool"; do
	rm -rf "$T/restored"
	cp -r "$T/a" "$T/restored"
	home restored
	(cd "$MP_HOME" && rm -rf $gone)
	is "an identity without $gone keeps its address" "$(mp-keygen)" "$addr"
	is "and its seed" "$(sha256sum <"$MP_HOME/identity")" "$seed"
	for f in tor/service/hs_ed25519_secret_key tls/key.pem tor/service/hostname; do
		ok "and $f" cmp "$T/a/$f" "$MP_HOME/$f"
	done
	exits 100 mp-keygen
	ok "and a store" mp-store check
done
home a
export_of_a=$(mp-contact offer carl >/dev/null && mp-store export)
rm -rf "$T/restored"
mkdir -m 700 "$T/restored"
cp "$T/a/identity" "$T/restored"
home restored
mp-keygen >/dev/null
ok "an export is taken into it" sh -c 'printf "%s\n" "$1" | mp-store import' - "$export_of_a"
ok "with its contacts" mp-contact show carl
home a
mp-contact remove carl

# Cut off at any place: there is no identity file, and whatever else is there is made again.
for cut in run files spool store.db tor tls; do
	rm -rf "$T/cut"
	cp -r "$T/a" "$T/cut"
	home cut
	rm -rf "$MP_HOME/identity" "${MP_HOME:?}/$cut"
	got=$(mp-keygen)
	is "completes a home without $cut" "$got" "$(cat "$MP_HOME/tor/service/hostname")"
	[ "$got" != "$addr" ] || note "the old address again"
done
ok "a completed home works" sh -c 'mp-contact offer bob >/dev/null && [ -e "$MP_HOME/identity" ]'

# Killed while it runs, wherever that is.
i=0
bad=0
while [ $i -lt 20 ]; do
	rm -rf "$T/killed"
	home killed
	MP_HOME=$T/killed mp-keygen >/dev/null 2>&1 &
	p=$!
	perl -e "select undef, undef, undef, $i / 2000"
	kill -9 $p 2>/dev/null
	wait $p 2>/dev/null
	if [ ! -e "$MP_HOME/identity" ]; then
		mp-keygen >"$T/out" 2>"$T/err" || bad=$((bad + 1))
	fi
	mp-contact offer x >/dev/null || bad=$((bad + 1))
	i=$((i + 1))
done
is "a run after kill -9 completes" $bad 0

# Two at once: one identity, one of them refuses.
rm -rf "$T/two"
home two
mp-keygen >"$T/one" 2>/dev/null &
mp-keygen >"$T/two.out" 2>/dev/null
wait $!
is "two at once make one identity" "$(cat "$T/one" "$T/two.out" | wc -l | tr -d ' ')" 1
is "and its files agree" "$(cat "$T/one" "$T/two.out")" "$(cat "$MP_HOME/tor/service/hostname")"

# A store whose identity is missing is not given another one.
rm -rf "$T/lost"
home lost
mp-keygen >/dev/null
mp-contact offer bob >/dev/null
rm "$MP_HOME/identity"
exits 100 mp-keygen
like "a lost identity is said" "$(cat "$T/err")" 'belongs to an identity that is missing'
ok "and not replaced" [ ! -e "$MP_HOME/identity" ]

# Usage.
home a
exits 0 mp-keygen -h
exits 100 mp-keygen -x
exits 100 mp-keygen extra
mkdir -m 777 "$T/open"
chmod 777 "$T/open"
home open
exits 100 mp-keygen
like "a home open to others is refused" "$(cat "$T/err")" 'others can write'

# A closed standard output is an error, and the identity stays.
home full
exits 111 sh -c 'mp-keygen >/dev/full'

# Real tor.
command -v tor >/dev/null || {
	note "no tor here"
	finish
}
home a
mkdir -m 700 "$T/tor"
: >"$T/empty"
cat >"$T/torrc" <<END
DataDirectory $T/tor
DisableNetwork 1
SocksPort 0
ControlPort unix:$T/tor/ctl
CookieAuthentication 1
Log notice file $T/tor/log
HiddenServiceDir $MP_HOME/tor/service
HiddenServicePort 443 127.0.0.1:1
END
before=$(cd "$MP_HOME/tor/service" && cksum hs_ed25519_secret_key hs_ed25519_public_key)
rm "$MP_HOME/tor/service/hostname"
start tor --defaults-torrc "$T/empty" -f "$T/torrc" --quiet
wait_for [ -S "$T/tor/ctl" ] || sed 's/^/# /' "$T/tor/log"
is "tor takes the keys and writes the same hostname" "$(cat "$MP_HOME/tor/service/hostname")" "$addr"
is "and the keys" "$(cd "$MP_HOME/tor/service" && cksum hs_ed25519_secret_key hs_ed25519_public_key)" \
	"$before"

# The same seed through ADD_ONION of a tor that does not have the service yet: another instance.
expanded=$(tail -c 64 "$MP_HOME/tor/service/hs_ed25519_secret_key" | base64 -w0)
mkdir -m 700 "$T/tor2"
sed -e '/^HiddenService/d' -e "s|$T/tor|$T/tor2|" "$T/torrc" >"$T/torrc2"
start tor --defaults-torrc "$T/empty" -f "$T/torrc2" --quiet
wait_for [ -S "$T/tor2/ctl" ]
cookie=$(od -An -v -tx1 "$T/tor2/control_auth_cookie" | tr -d ' \n')
printf 'AUTHENTICATE %s\r\nADD_ONION ED25519-V3:%s Flags=Detach,DiscardPK Port=443,127.0.0.1:1\r\nQUIT\r\n' \
	"$cookie" "$expanded" >"$T/ask"
answer=$(socat -t 5 - "UNIX-CONNECT:$T/tor2/ctl" <"$T/ask" | tr -d '\r')
like "ADD_ONION's ServiceID is the address" "$answer" "ServiceID=${addr%.onion}\$"

finish
