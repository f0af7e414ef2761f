# The program behind the real servers of a lab's cluster: tells who answered.
#
#   server.pl NAME WHAT:PORT...
#
# WHAT is one of
#   http   HTTP; the answer to every request is NAME. Connections stay open
#          until the client closes them, or wants no other request (HTTP/1.0,
#          "Connection: close").
#   line   TCP; the greeting, and the answer to every line, is NAME
#   udp    the answer to every datagram is NAME
#   sctp   as line, over SCTP
#
# It prints "ready" when all ports are open, for IPv4 and IPv6, and goes on
# until it is killed.
use strict;
use warnings;
use Socket qw(:DEFAULT inet_pton IPPROTO_IPV6 IPV6_V6ONLY pack_sockaddr_in6 IN6ADDR_ANY);

use constant IPPROTO_SCTP => 132;

my ($name, @ports) = @ARGV;
$| = 1;
$SIG{PIPE} = 'IGNORE';

my (%listening, %talking);    # by file number: [ handle, what, input ]
for (@ports) {
    my ($what, $port) = /^(http|line|udp|sctp):(\d+)$/ or die "not WHAT:PORT: $_\n";
    my ($type, $protocol) =
          $what eq 'udp'  ? (SOCK_DGRAM,  0)
        : $what eq 'sctp' ? (SOCK_STREAM, IPPROTO_SCTP)
        :                   (SOCK_STREAM, 0);
    for my $family (AF_INET, AF_INET6) {
        socket my $socket, $family, $type, $protocol or die "$_: $!\n";
        setsockopt $socket, SOL_SOCKET, SO_REUSEADDR, 1;
        setsockopt $socket, IPPROTO_IPV6, IPV6_V6ONLY, 1 if $family == AF_INET6;
        my $address = $family == AF_INET
            ? pack_sockaddr_in($port, INADDR_ANY)
            : pack_sockaddr_in6($port, IN6ADDR_ANY);
        bind $socket, $address or die "$_: $!\n";
        $what eq 'udp' or listen $socket, 128 or die "$_: $!\n";
        $listening{ fileno $socket } = [ $socket, $what ];
    }
}
print "ready\n";

while (1) {
    my $readable = '';
    vec($readable, $_, 1) = 1 for keys %listening, keys %talking;
    next if select($readable, undef, undef, undef) < 0;
    for my $number (grep { vec $readable, $_, 1 } keys %listening, keys %talking) {
        if    ($talking{$number})   { hear($number) }
        else                        { greet(@{ $listening{$number} }) }
    }
}

# Someone is at a port.
sub greet {
    my ($socket, $what) = @_;
    if ($what eq 'udp') {
        my $from = recv $socket, my $datagram, 65536, 0;
        send $socket, "$name\n", 0, $from if defined $from;
        return;
    }
    accept my $connection, $socket or return;
    $talking{ fileno $connection } = [ $connection, $what, '' ];
    syswrite $connection, "$name\n" if $what ne 'http';
}

# Someone says something.
sub hear {
    my ($number) = @_;
    my ($connection, $what) = @{ $talking{$number} };
    my $input = \$talking{$number}[2];
    my $count = sysread $connection, $$input, 65536, length $$input;
    return delete $talking{$number} if !$count;
    if ($what ne 'http') {
        syswrite $connection, "$name\n" while $$input =~ s/^.*\n//;
        return;
    }
    while ($$input =~ s/^(.*?\r?\n)\r?\n//s) {
        my $request = $1;
        my $last    = $request =~ m{^\S+ \S+ HTTP/1\.0}i || $request =~ /^connection:\s*close/im;
        my $body    = "$name\n";
        syswrite $connection, join "\r\n",
            'HTTP/1.1 200 OK',
            'Content-Type: text/plain',
            'Content-Length: ' . length $body,
            $last ? 'Connection: close' : 'Connection: keep-alive',
            '',
            $request =~ /^HEAD / ? '' : $body;
        return delete $talking{$number} if $last;
    }
}
