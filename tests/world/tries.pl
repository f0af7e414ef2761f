# N requests at once, each from a port of its own.
#
#   tries.pl ADDRESS PORT N SECONDS tcp|udp|sctp [FROM]
#
# Prints ANSWERED/N; the answers go to standard error, a line each. An answer after
# SECONDS is none; with LINGER in the environment, clients wait that much longer for it.
# With UPLOAD, each sends so many bytes more.
use strict;
use warnings;
use Errno qw(EINPROGRESS);
use Fcntl;
use Socket qw(:DEFAULT inet_pton pack_sockaddr_in6);
use Time::HiRes qw(time);

my ($address, $port, $count, $seconds, $what, $from) = @ARGV;
my $family = $address =~ /:/ ? AF_INET6 : AF_INET;
my $number = inet_pton($family, $address) // die "not an address: $address\n";
my $peer = $family == AF_INET6 ? pack_sockaddr_in6($port, $number) : pack_sockaddr_in($port, $number);
my (%open, $answered);
$answered = 0;
$SIG{PIPE} = 'IGNORE';
for (1 .. $count) {
    socket my $s, $family, $what eq 'udp' ? SOCK_DGRAM : SOCK_STREAM, $what eq 'sctp' ? 132 : 0 or die "$!\n";
    fcntl $s, F_SETFL, O_NONBLOCK;
    !$from or bind $s, pack_sockaddr_in(0, inet_aton($from)) or die "$from: $!\n";
    connect $s, $peer or $!{EINPROGRESS} or next;
    send $s, 'q', 0 if $what eq 'udp';
    $open{ fileno $s } = { s => $s, sent => $what eq 'udp', got => '' };
}
my $in_time = time + $seconds;
my $end = $in_time + ($ENV{LINGER} // 0);
while (%open and (my $left = $end - time) > 0) {
    my ($r, $w) = ('', '');
    for (keys %open) { vec($open{$_}{sent} ? $r : $w, $_, 1) = 1 }
    next if select($r, $w, undef, $left) <= 0;
    for my $n (keys %open) {
        my $o = $open{$n};
        if (!$o->{sent} && vec $w, $n, 1) {
            if (unpack 'i', getsockopt $o->{s}, SOL_SOCKET, SO_ERROR) { delete $open{$n}; next }
            my $upload = defined $ENV{UPLOAD} ? 'Upload: ' . 'x' x $ENV{UPLOAD} . "\r\n" : '';
            syswrite $o->{s}, "GET / HTTP/1.0\r\n$upload\r\n";
            $o->{sent} = 1;
        } elsif ($o->{sent} && vec $r, $n, 1) {
            my $more = sysread $o->{s}, $o->{got}, 9999, length $o->{got};
            my ($name) = $what eq 'udp' || $o->{got} !~ /^HTTP/ ? $o->{got} =~ /(\S+)/ : $o->{got} =~ /\r\n\r\n\s*(\S+)/;
            if (defined $name && time <= $in_time) { $answered++; print STDERR "$name\n" }
            delete $open{$n} if defined $name or !$more;
        }
    }
}
print "$answered/$count\n";
