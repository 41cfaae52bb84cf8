#!/bin/sh
# What an introduction leaves behind: once both ends have a contact of their own, the temporary keys that the
# introducer made, the secrets of their agreement and his own are in no file of any of the three homes.
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/people.sh"
command -v jq >/dev/null || skip_all 'jq is not installed'
command -v python3 >/dev/null || skip_all 'python3 is not installed'

# note HOME ...: adds what is secret there now, and shall not be later, to HOME.secrets; find HOME ...: looks for it, as
# bytes and as hex, in every file of the store.
cat >"$T/secrets.py" <<'END'
import glob, json, os, sqlite3, sys
bad = False
for home in sys.argv[2:]:
    listing = home + ".secrets"
    noted = set(open(listing).read().split()) if os.path.exists(listing) else set()
    if sys.argv[1] == "note":
        db = sqlite3.connect(home + "/store.db", timeout=10)
        for row in db.execute("SELECT secret, send, recv FROM key WHERE role = 2"):
            noted |= {v.hex() for v in row}
        for row in db.execute("SELECT body FROM flow WHERE kind IN (0, 2)"):
            noted.add(json.loads(row[0])["secret"])
        noted.discard("00" * 32)
        open(listing, "w").write("".join(v + "\n" for v in noted))
        continue
    files = {f: open(f, "rb").read() for f in glob.glob(home + "/store.db*")}
    found = [(v[:8], f) for v in noted for f, data in files.items()
             if bytes.fromhex(v) in data or v.encode() in data]
    print("#", len(noted), "secrets,", len(found), "found", *found)
    bad = bad or not noted or found
sys.exit(1 if bad else 0)
END
note_all() { # WHO ...
	(cd "$T" && python3 secrets.py note "$@")
}
gone() { # WHO
	python3 "$T/secrets.py" find "$T/$1"
}

people alice bob carol
for n in bob carol; do
	meet alice $n
	echo 'introduction.policy = accept alice' >>"$T/$n/config"
done
as alice mp-intro offer bob carol >"$T/due"
note_all alice bob carol
as alice sh -c 'mp-seal <"$1" | mp-send -w 10' sh "$T/due" >/dev/null
owing=1
turns=0
while [ "$owing" -eq 1 ] && [ "$turns" -lt 20 ]; do
	owing=0
	turns=$((turns + 1))
	for n in alice bob carol; do
		as $n mp-due >"$T/due" || continue
		owing=1
		# What is drawn and used up by one and the same call is seen in between.
		note_all alice bob carol
		as $n sh -c 'mp-seal <"$1" | mp-send -w 10' sh "$T/due" >/dev/null
		note_all alice bob carol
	done
done
ok 'an introduction ends' [ "$owing" -eq 0 ]
is 'both know each other' "$(for n in bob carol; do contacts $n; done | grep -c 'active alice')" 2
is 'alice had the secret that makes the keys' "$(wc -l <"$T/alice.secrets" | tr -d ' ')" 1
# A temporary key of three parts, and the secret of the agreement.
for n in bob carol; do
	lines=$(wc -l <"$T/$n.secrets" | tr -d ' ')
	ok "$n had four ($lines)" [ "$lines" -ge 4 ]
done

# Whoever has the new key keeps the temporary one until he hears something under the new one.
echo hello | as bob mp-seal -t carol | as bob mp-send -w 10
echo hello | as carol mp-seal -t bob | as carol mp-send -w 10
for n in bob carol; do
	is "$n has forgotten them" "$(sqlite3 "$T/$n/store.db" \
		'SELECT (SELECT count(*) FROM key WHERE role = 2) + (SELECT count(*) FROM flow WHERE kind = 2)')" 0
	ok "but the files of $n have not" sh -c '! python3 "$@" >/dev/null' - "$T/secrets.py" find "$T/$n"
done
for n in alice bob carol; do
	exits 1 as $n mp-due
	ok "mp-due erases it at $n" gone $n
	is "$n: once" "$(sqlite3 "$T/$n/store.db" 'SELECT n FROM traces')" 0
	exits 0 as $n mp-store check
done

# An introduction that is cancelled before the lists are there.
people dave
meet alice dave
rm -f "$T"/*.secrets
as alice mp-intro offer bob dave >/dev/null
note_all alice
as alice mp-intro cancel "$(as alice mp-intro list | cut -f 4)" >/dev/null
ok 'cancelled, alice has the secret in her files' sh -c '! python3 "$@" >/dev/null' - "$T/secrets.py" find "$T/alice"
as alice mp-due >/dev/null
ok 'until mp-due erases it' gone alice
finish
