# kind: healthy
# cause: The second director is a backup and a server, with the address hidden on lo; the first announces its address again and again, as keepalived does it with garp_master_refresh.
# traffic: yes
directors=(director director2)
setup() {
    cluster_virtual_address director2
    cluster dr 2
    serve director2 http:80
    service director 1.1.1.254:80 -g 1.1.1.10 1.1.1.26; service director2 1.1.1.254:80 -g 1.1.1.10 1.1.1.26
    put director2 vs/backup_only=1
    D --start-daemon master --mcast-interface net --syncid 7
    on director2 "$IPVSADM" --start-daemon backup --mcast-interface net --syncid 7
}
# announce: gratuitous ARP, a question and an answer.
announce() {
    # shellcheck disable=SC2016
    on director perl -MSocket -e '
        my ($index, $mac) = @ARGV;
        my ($hardware, $address) = (pack("H12", $mac =~ tr/://dr), inet_aton("1.1.1.254"));
        socket my $s, 17, SOCK_DGRAM, 0 or die "$!\n";
        my $all = pack "S n i S C C a8", 17, 0x806, $index, 1, 0, 6, "\xff" x 6;
        for my $operation (1, 2) {
            my $arp = pack "n n C C n a6 a4 a6 a4", 1, 0x800, 6, 4, $operation, $hardware, $address, "\xff" x 6, $address;
            send $s, $arp, 0, $all or die "$!\n";
        }' "$(ip -n director -o link show net | cut -d: -f1)" "$(mac director net)"
}
traffic() { announce >&2; tries client 1.1.1.254 80; announce >&2; }
teardown() { D --stop-daemon master; on director2 "$IPVSADM" --stop-daemon backup; }
