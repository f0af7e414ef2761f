# Writes packets as --listen hears them, from the network header on, into a folder,
# for the target `packets`: a segment, messages of sync daemons, what tunnels carry,
# an error and a question for a hardware address.
use strict;
use warnings;

my ($folder) = @ARGV;
my $number = 0;

sub write_packet {
    my $path = "$folder/" . $number++;
    open my $file, '>:raw', $path or die "$path: $!\n";
    print $file @_;
}

my ($client, $director) = map { pack 'C4', @$_ } [198, 51, 100, 7], [192, 0, 2, 9];
my ($client6, $director6) = map { pack 'n8', 0x2001, 0xdb8, (0) x 5, $_ } 7, 9;

sub ip4 {
    my ($protocol, $to, $load) = @_;
    return pack('C2n3C2n', 0x45, 0, 20 + length $load, 1, 0, 64, $protocol, 0) . $client . $to . $load;
}

sub ip6 {
    my ($protocol, $to, $load) = @_;
    return pack('NnC2', 0x60000000, length $load, $protocol, 1) . $client6 . $to . $load;
}

sub udp {
    my ($port, $load) = @_;
    return pack('n4', 32770, $port, 8 + length $load, 0) . $load;
}

# Version 0 begins with the number of its connections, version 1 with a zero.
my $old = pack('C2nx4', 1, 31, 12) . 'conn';
my $new = pack('C2nC2x2', 0, 7, 12, 1, 1) . 'conn';
my $syn = pack 'n2N2C2n3', 40123, 80, 77001, 0, 0x50, 2, 64240, 0, 0;
my ($group, $group6) = (pack('C4', 224, 0, 0, 81), pack 'n8', 0xff02, (0) x 6, 0x51);

write_packet($_) for
    ip4(6, $director, $syn), ip6(6, $director6, $syn),
    ip4(17, $group, udp(8848, $old)), ip4(17, $group, udp(8849, $new)),
    ip6(17, $group6, udp(8850, $old)), ip6(17, $group6, udp(8851, $new)),
    ip4(4, $director, ip4(6, $director, $syn)),
    ip4(47, $director, pack('n2', 0, 0x86dd) . ip6(6, $director6, $syn)),
    ip4(17, $director, udp(6080, pack('Nx4', 0x01040000) . ip4(6, $director, $syn))),
    ip4(1, $director, pack('C2x6', 3, 1) . ip4(6, $director, $syn)),
    ip6(58, $director6, pack('C2x6', 135, 0) . $director6),
    pack('n2C2n', 1, 0x0800, 6, 4, 1) . "\2\0\0\0\0\7" . $client . "\0" x 6 . $director;
