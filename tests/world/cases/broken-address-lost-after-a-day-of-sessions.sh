# kind: broken
# cause: Directly routed servers had long sessions all day; then they lost the service's address.
# want: address-missing|client-unheard|handshake-stuck
# never: sent-in-circles|neighbour-failed|duplicate|wrong-gateway|port-
# traffic: yes
setup() {
    cluster dr; dr_service
    session; session; session; session
    sleep 12 # the director forgets what was reset after ten seconds
    local r
    for r in rs1 rs2; do ip -n $r addr del 1.1.1.254/32 dev lo; done
}
# session: one connection of two hundred requests, which the client resets when it has all answers.
session() {
    # shellcheck disable=SC2016
    on client perl -MSocket=:all -e '
        socket my $s, AF_INET, SOCK_STREAM, 0 or die;
        connect $s, pack_sockaddr_in(80, inet_aton("1.1.1.254")) or die "connect: $!";
        setsockopt $s, SOL_SOCKET, SO_LINGER, pack "ii", 1, 0;
        for (1 .. 200) {
            syswrite $s, "GET / HTTP/1.1\r\n\r\n";
            sysread $s, my $got, 9999 or die "no answer";
        }
        close $s'
}
traffic() { knocks client 1.1.1.254 80; }
repair() { local r; for r in rs1 rs2; do ip -n $r addr add 1.1.1.254/32 dev lo; done; }
