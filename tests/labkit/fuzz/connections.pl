# Writes files like the kernel's /proc/net/ip_vs_conn and ip_vs_conn_sync into a
# folder, for the target `connections`.
use strict;
use warnings;

my ($folder) = @ARGV;
my $titles = "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n";
my $v6 = '2001:0db8:0000:0000:0000:0000:0000:000';
my @lines = (
    "TCP 0A000002 9C40 0A000001 0050 C0A80002 1F90 ESTABLISHED     899\n",
    "UDP ${v6}2 9C40 ${v6}1 0050 0A000007 0050 UDP         7\n",
    "UDP 0A000002 0000 0A000001 13C4 C0A80002 13C4 UDP         290 sip 6cb 1\@x\n",
    "SCTP 0A000002 9C40 00000001 0000 0A000007 0050 NONE      59999\n",
    "TCP 0A000002 9C41 0A000001 0050 C0A80002 1F90 FIN_WAIT    SYNC       17\n",
    "UDP ${v6}2 9C42 ${v6}1 0050 0A000007 0050 UDP         LOCAL     250\n",
);
for my $count (0 .. @lines) {
    open my $file, '>', "$folder/$count" or die "$folder/$count: $!\n";
    print $file $titles, @lines[0 .. $count - 1];
}
