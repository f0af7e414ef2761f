# kind: broken
# cause: A server was removed; the datagrams of clients that send from the ports that they have always had are dropped, as long as the kernel remembers them.
# want: note:stale-connections|not-forwarded
# never: address-|port-|wrong-gateway|duplicate|no-route|forwarding-off|neighbour-failed|server-silent|dropped-before-ipvs
# traffic: yes
setup() {
    cluster nat
    answering rs1 udp:53; answering rs2 udp:53
    rules director "-A -u 2.2.2.25:53 -s rr" "-a -u 2.2.2.25:53 -r 1.1.1.10:53 -m"
    asks >/dev/null
    rules director "-a -u 2.2.2.25:53 -r 1.1.1.20:53 -m" "-d -u 2.2.2.25:53 -r 1.1.1.10:53"
}
asks() {
    # shellcheck disable=SC2016
    on client perl -MSocket=:all -e '
        my (@all, $answered);
        for my $port (7001 .. 7006) {
            socket my $s, AF_INET, SOCK_DGRAM, 0 or die;
            bind $s, pack_sockaddr_in($port, INADDR_ANY) or die;
            setsockopt $s, SOL_SOCKET, SO_RCVTIMEO, pack "qq", 1, 0;
            send $s, "q", 0, pack_sockaddr_in(53, inet_aton("2.2.2.25"));
            push @all, $s;
        }
        for my $s (@all) { $answered++ if recv $s, my $d, 99, 0 }
        print $answered + 0, "/6\n"'
}
traffic() { asks; }
repair() { put director vs/expire_nodest_conn=1; asks >/dev/null; }
