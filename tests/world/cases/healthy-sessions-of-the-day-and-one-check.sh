# kind: healthy
# cause: Directly routed servers had long sessions all day, which were reset at their end; now one health checker asks, half open.
# traffic: yes
setup() {
    cluster dr; dr_service
    sessions 40
}
# check: with delayed acknowledgements and no lingering, RST goes out in place of the ACK. It
# prints how many were answered.
check() {
    # shellcheck disable=SC2016
    on client perl -MSocket=:all -e '
        socket my $s, AF_INET, SOCK_STREAM, 0 or die;
        setsockopt $s, IPPROTO_TCP, 12, 0 or die "TCP_QUICKACK: $!";
        setsockopt $s, SOL_SOCKET, SO_LINGER, pack "ii", 1, 0;
        print connect($s, pack_sockaddr_in(80, inet_aton("1.1.1.254"))) ? 1 : 0;
        close $s'
}
traffic() { echo "$(check)/1"; sleep 2; }
