# kind: healthy
# cause: Nobody asks but a half-open health checker, and the masqueraded servers have no default route, but one to the clients' network through the director.
# traffic: yes
setup() {
    cluster nat
    local r
    for r in rs1 rs2; do ip -n $r route del default; ip -n $r route add 2.2.2.0/24 via 1.1.1.25; done
    nat_service
}
# With delayed acknowledgements and no lingering, RST goes out in place of the ACK.
traffic() {
    # shellcheck disable=SC2016
    on client perl -MSocket=:all -MTime::HiRes=sleep -e '
        for (1 .. 10) {
            socket my $s, AF_INET, SOCK_STREAM, 0 or die;
            setsockopt $s, IPPROTO_TCP, 12, 0 or die "TCP_QUICKACK: $!";
            setsockopt $s, SOL_SOCKET, SO_LINGER, pack "ii", 1, 0;
            $answered++ if connect $s, pack_sockaddr_in(80, inet_aton("2.2.2.25"));
            close $s;
            sleep 1;
        }
        print $answered + 0, "/10\n"'
}
