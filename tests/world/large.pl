# N requests larger than a packet, at once. Prints ANSWERED/N.
#
#   large.pl ADDRESS PORT N
use strict;
use warnings;
use IO::Socket::INET;
use IO::Select;
use Time::HiRes qw(time);

my ($address, $port, $count) = @ARGV;
my @clients = grep { $_ } map { IO::Socket::INET->new(PeerAddr => $address, PeerPort => $port, Timeout => 2) } 1 .. $count;
syswrite $_, "GET / HTTP/1.0\r\nX: " . 'x' x 4000 . "\r\n\r\n" for @clients;
my ($answered, $end) = (0, time + 3);
my $open = IO::Select->new(@clients);
while ($open->count and (my $left = $end - time) > 0) {
    for my $client ($open->can_read($left)) {
        $answered++ if sysread $client, my $text, 9999;
        $open->remove($client);
    }
}
print "$answered/$count\n";
