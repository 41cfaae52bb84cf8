#!/bin/sh
# Every example of every manual, as it stands: each .Bd -literal of EXAMPLES is run by sh, in a home
# whose contacts alice and bob can be reached and which has a message and an offered file from alice, in a directory
# that has a report.pdf.  It must exit 0 and say nothing on standard error.  One that needs what no test has (a person, the Tor network) has a line
# before it:  .\" no-test: REASON
. "$(dirname "$0")/lib.sh"

meet me alice
meet me bob
serve_tls alice
serve_tls bob
as alice mp-seal -t me >"$T/in" <<END || bail "alice cannot seal"
hello
END
as me mp-take <"$T/in" || bail "no message from alice"
# And a file that waits for a decision: larger than what is accepted unasked.
head -c 27000000 /dev/zero >"$T/film.mkv"
as alice mp-seal -t me -f "$T/film.mkv" 2>/dev/null | head -n 1 >"$T/in"
as me mp-take <"$T/in" || bail "no offer from alice"
mv "$T/me" "$T/prepared"

# Writes the examples of the manual $1 to $T/N.sh, N from 1, prints their number and complains about what it
# cannot take.
extract() {
	awk -v dir="$T" '
	/^\.Sh / { examples = ($0 == ".Sh EXAMPLES") }
	!examples { next }
	/^\.\\" no-test: ./ { skip = 1; next }
	/^\.Bd -literal/ { inside = 1; if (!skip) file = dir "/" ++n ".sh"; next }
	/^\.Ed/ { if (!skip) close(file); inside = skip = 0; next }
	/^\.D[l1] / { print "line " NR ": an example that is no .Bd -literal" > "/dev/stderr" }
	!inside || skip { next }
	/^[.'"'"']/ { print "line " NR ": a macro inside an example" > "/dev/stderr" }
	{
		gsub(/\\&/, "")
		gsub(/\\-/, "-")
		gsub(/\\\(aq/, "'"'"'")
		gsub(/\\\(dq/, "\"")
		gsub(/\\\(ti/, "~")
		gsub(/\\\(ha/, "^")
		gsub(/\\\(ga/, "`")
		gsub(/\\\(rs|\\e/, "\\")
		print > file
	}
	END { print n + 0 }' "$1"
}

# In a home and directory of its own; what one example does the next does not see.
try() {
	rm -rf "$T/me" "$T/cwd"
	cp -R "$T/prepared" "$T/me"
	mkdir "$T/cwd"
	head -c 5000 /dev/zero >"$T/cwd/report.pdf"
	(
		home me
		HOME=$T/cwd
		cd "$T/cwd" || exit 99
		umask 077
		timeout 60 sh -u "$1"
	) >"$T/out" 2>"$T/err"
	rc=$?
	# What fails before the last line says so, for a clean no alone is silent.
	[ ! -s "$T/err" ] || [ "$rc" -ne 0 ] || rc=99
	[ "$rc" -eq 0 ] || note "$(cat "$1" "$T/err")"
	return "$rc"
}

for m in "$ROOT"/man/*.[1-8]; do
	n=$(extract "$m" 2>"$T/complaints")
	is "${m##*/}: nothing but blocks in EXAMPLES" "$(cat "$T/complaints")" ""
	i=0
	while [ "$i" -lt "$n" ]; do
		i=$((i + 1))
		ok "${m##*/}: example $i" try "$T/$i.sh"
	done
done
finish
