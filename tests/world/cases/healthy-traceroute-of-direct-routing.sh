# kind: healthy
# cause: Somebody follows the way to a directly routed service with SYNs that live one hop, then two, three of each; clients are served.
# traffic: yes
setup() { cluster dr; dr_service; ip -n client addr add 1.1.1.66/24 dev net; }
traffic() {
    # shellcheck disable=SC2016
    on client perl -MSocket=:all -MFcntl -e '
        my @all;
        for my $hops (1, 1, 1, 2, 2, 2) {
            socket my $s, AF_INET, SOCK_STREAM, 0 or die;
            bind $s, pack_sockaddr_in(0, inet_aton("1.1.1.66"));
            setsockopt $s, IPPROTO_IP, IP_TTL, $hops or die;
            fcntl $s, F_SETFL, O_NONBLOCK;
            connect $s, pack_sockaddr_in(80, inet_aton("1.1.1.254"));
            push @all, $s;
            select undef, undef, undef, .1;
        }'
    tries client 1.1.1.254 80
}
