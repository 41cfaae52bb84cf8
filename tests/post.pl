#!/usr/bin/perl
# post.pl [-r] CMD ...: runs CMD with one end of a socket as its standard input, as socat does, and
# posts standard input to it (with -r: sends it as it is).  Prints the bytes of the answer.
use strict;
use warnings;
use Socket;

my $raw = @ARGV && $ARGV[0] eq '-r' && shift;
local $/;
binmode STDIN;
binmode STDOUT;
my $body = <STDIN> // '';
my $head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n";
socketpair(my $ours, my $theirs, AF_UNIX, SOCK_STREAM, 0) or die "socketpair: $!";
my $pid = fork // die "fork: $!";
if ($pid == 0) {
	close $ours;
	open STDIN, '+<&', $theirs or die "dup: $!";
	exec @ARGV or die "exec: $!";
}
close $theirs;
$SIG{ALRM} = sub { kill 9, $pid; die "no answer in 60 s\n" };
alarm 60;
$SIG{PIPE} = 'IGNORE';
my $all = $raw ? $body : $head . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
my $at = 0;
while ($at < length $all) {
	my $n = syswrite $ours, $all, length($all) - $at, $at;
	last unless defined $n;
	$at += $n;
}
shutdown $ours, 1;
print <$ours>;
waitpid $pid, 0;
exit($? & 127 ? 99 : $? >> 8);
