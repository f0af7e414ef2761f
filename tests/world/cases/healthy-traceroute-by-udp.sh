# kind: healthy
# cause: Somebody follows the way to a masqueraded DNS service with datagrams that live one hop, then two, three of each; clients are answered.
# traffic: yes
setup() {
    cluster nat; ip -n client addr add 2.2.2.66/24 dev public
    answering rs1 udp:53; answering rs2 udp:53
    rules director "-A -u 2.2.2.25:53 -s rr" "-a -u 2.2.2.25:53 -r 1.1.1.10:53 -m" "-a -u 2.2.2.25:53 -r 1.1.1.20:53 -m"
}
traffic() {
    # shellcheck disable=SC2016
    on client perl -MSocket=:all -e '
        my @all;
        for my $hops (1, 1, 1, 2, 2, 2) {
            socket my $s, AF_INET, SOCK_DGRAM, 0 or die;
            bind $s, pack_sockaddr_in(0, inet_aton("2.2.2.66"));
            setsockopt $s, IPPROTO_IP, IP_TTL, $hops or die;
            send $s, "q", 0, pack_sockaddr_in(53, inet_aton("2.2.2.25"));
            push @all, $s;
            select undef, undef, undef, .1;
        }'
    tries client 2.2.2.25 53 8 2 udp
}
