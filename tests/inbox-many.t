#!/bin/sh
# What is new does not cost more when there is much: one new message among 100,000, beside one among 10.
. "$(dirname "$0")/lib.sh"

fill() { # HOME MESSAGES
	home "$1"
	mp-keygen >/dev/null
	mp-contact offer alice 2>/dev/null | cat >/dev/null
	"$BUILD/tools/stow" -n "$2" alice
	printf 'in\tmessage\talice\t-\t-\t-\tneedle\n' | "$BUILD/tools/stow"
	is "it is found among $2" "$(mp-inbox | cut -f7)" needle
}
# The ratio: how many times what the first command takes the second does, in tenths: the least of ten times each, in turn.
ratio() { # COMMAND
	perl -MTime::HiRes=time -e '
		my ($command, @home) = @ARGV;
		my @b;
		for (1 .. 10) {
			for my $i (0, 1) {
				local $ENV{MP_HOME} = $home[$i];
				my $t = time; system("$command >/dev/null"); $t = time - $t;
				$b[$i] = $t if !$b[$i] || $t < $b[$i];
			}
		}
		printf "%d\n", 10 * $b[1] / $b[0]' "$1" "$T/few" "$T/many"
}
# Reading all of them would be some hundred times as much.
no_more() { # NAME COMMAND
	n=$(ratio "$2")
	ok "$1: $n tenths of what it is with few" [ "$n" -le 100 ]
}

fill few 10
fill many 100000
no_more 'all that is new' mp-inbox
no_more 'of one contact' 'mp-inbox -t alice'
as few mp-inbox | as few mp-mark
as many mp-inbox | as many mp-mark
no_more 'nothing to do for a hook' 'mp-inbox -x true'
finish
