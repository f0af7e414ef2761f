# A client for the demos: asks the servers of server.pl who they are.
#
#   client.pl tcp|sctp|udp ADDRESS:PORT [COUNT]
#
# asks COUNT times, one after the other: over connections of their own, or with
# datagrams from one port. It prints the answers, a line each.
#
#   client.pl --hold tcp|sctp ADDRESS:PORT [COUNT]
#
# opens COUNT connections and keeps them open. For every line of its input, it
# asks over each of them again.
use strict;
use warnings;
use Socket qw(:DEFAULT inet_pton pack_sockaddr_in6);

use constant IPPROTO_SCTP => 132;

my $hold = @ARGV && $ARGV[0] eq '--hold' && shift;
my ($what, $place, $count) = (@ARGV, 1);
my ($address, $port) = ($place // '') =~ /^\[?(.+?)\]?:(\d+)$/ or die "not ADDRESS:PORT\n";
my $family = $address =~ /:/ ? AF_INET6 : AF_INET;
my $number = inet_pton($family, $address) // die "not an address: $address\n";
my $server = $family == AF_INET6 ? pack_sockaddr_in6($port, $number) : pack_sockaddr_in($port, $number);
$| = 1;
$SIG{ALRM} = sub { die "$place: no answer\n" };

if ($what eq 'udp') {
    # A server that listens at all its addresses answers from its own, not from
    # the virtual one; so this is not tied to the latter by connect.
    my $socket = new_socket(SOCK_DGRAM, 0);
    for (1 .. $count) {
        alarm 5;
        send $socket, '?', 0, $server or die "$place: $!\n";
        recv $socket, my $answer, 64, 0;
        print $answer;
    }
} elsif (!$hold) {
    answer_of(dial()) for 1 .. $count;
} else {
    my @connections = map { my $connection = dial(); answer_of($connection); $connection } 1 .. $count;
    alarm 0;
    while (<STDIN>) {
        for my $connection (@connections) {
            syswrite $connection, "?\n";
            answer_of($connection);
        }
        alarm 0;
    }
}

sub new_socket {
    my ($type, $protocol) = @_;
    socket my $socket, $family, $type, $protocol or die "$what: $!\n";
    return $socket;
}

sub dial {
    my $socket = new_socket(SOCK_STREAM, $what eq 'sctp' ? IPPROTO_SCTP : 0);
    alarm 5;
    connect $socket, $server or die "$place: $!\n";
    return $socket;
}

sub answer_of {
    my ($connection) = @_;
    alarm 5;
    print scalar readline $connection // die "$place: closed\n";
}
