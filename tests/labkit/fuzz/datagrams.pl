# Writes what the kernel answers into a folder, for the target `netlink`: each file
# is one datagram or more, every one behind its length.
use strict;
use warnings;

my ($folder) = @ARGV;

sub attribute {
    my ($kind, $payload) = @_;
    my $bytes = pack('SS', 4 + length $payload, $kind) . $payload;
    return $bytes . "\0" x (-length($bytes) % 4);
}

sub message {
    my ($kind, $payload) = @_;
    return pack('LSSLL', 16 + length $payload, $kind, 2, 1, 0) . $payload;
}

# An answer of IPVS: the command that it is one to means nothing to the readers.
sub answer { return message(20, pack('CCS', 1, 1, 0) . join '', @_) }
sub done { return message(3, pack 'l', $_[0]) }

my $address4 = pack('C4', 10, 0, 0, 1) . "\0" x 12;
my $address6 = pack 'n8', 0x2001, 0xdb8, (0) x 5, 1;
my $statistics = join '', map { attribute($_, pack 'Q', 1000 * $_) } 1 .. 10;

sub service {
    my ($family, @name) = @_;
    return answer(
        attribute(1, join '',
            attribute(1, pack 'S', $family), @name,
            attribute(6, "wlc\0"), attribute(7, pack 'LL', 1, ~0 & 0xffffffff),
            attribute(8, pack 'L', 300), attribute(9, pack 'L', $family == 2 ? 0xffffff : 128),
            attribute(11, "sip\0"), attribute(12, $statistics))
    );
}

sub destination {
    my ($family, $address, $method) = @_;
    return answer(
        attribute(2, join '',
            attribute(11, pack 'S', $family), attribute(1, $address), attribute(2, pack 'n', 80),
            attribute(3, pack 'L', $method), attribute(13, pack 'C', 1),
            attribute(14, pack 'n', 5555), attribute(15, pack 'S', 1),
            (map { attribute($_, pack 'L', $_) } 4 .. 9), attribute(12, $statistics))
    );
}

my @endpoint = (attribute(2, pack 'S', 6), attribute(4, pack 'n', 80));
my $service4 = service(2, @endpoint, attribute(3, $address4));
my $service6 = service(10, @endpoint, attribute(3, $address6));
my $marked = service(2, attribute(5, pack 'L', 7));
my @destinations = (destination(2, $address4, 0), destination(2, $address4, 2), destination(10, $address6, 3));
my $daemon = answer(
    attribute(3, join '',
        attribute(1, pack 'L', 1), attribute(2, "eth0\0"), attribute(3, pack 'L', 7),
        attribute(4, pack 'S', 1460), attribute(5, pack 'C4', 224, 0, 0, 81),
        attribute(7, pack 'S', 8848), attribute(8, pack 'C', 1))
);
my %replies = (
    services => [$service4 . $marked, $service6 . done(0)],
    destinations => [join('', @destinations) . done(0)],
    table => [$service4 . join('', @destinations) . $marked . done(0)],
    daemons => [$daemon . done(0)],
    timeouts => [answer(map { attribute($_, pack 'L', 900) } 4 .. 6) . message(2, pack 'l', 0)],
    info => [answer(map { attribute($_, pack 'L', 0x10201) } 1, 2) . message(2, pack 'l', 0)],
    family => [answer(attribute(1, pack 'S', 20)) . message(2, pack 'l', 0)],
    refused => [message(2, pack 'l', -3), message(2, pack 'l', 0)],
);
for my $name (keys %replies) {
    open my $file, '>:raw', "$folder/$name" or die "$folder/$name: $!\n";
    print $file map { pack('v', length) . $_ } @{ $replies{$name} };
}
