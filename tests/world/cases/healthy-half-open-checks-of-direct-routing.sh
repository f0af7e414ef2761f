# kind: healthy
# cause: A health checker alone asks directly routed servers, once a second; it opens nothing, and resets what it is answered.
# traffic: yes
setup() { cluster dr; dr_service; }
# With delayed acknowledgements and no lingering, RST goes out in place of the ACK.
traffic() {
    # shellcheck disable=SC2016
    on client perl -MSocket=:all -MTime::HiRes=sleep -e '
        for (1 .. 14) {
            socket my $s, AF_INET, SOCK_STREAM, 0 or die;
            setsockopt $s, IPPROTO_TCP, 12, 0 or die "TCP_QUICKACK: $!";
            setsockopt $s, SOL_SOCKET, SO_LINGER, pack "ii", 1, 0;
            $answered++ if connect $s, pack_sockaddr_in(80, inet_aton("1.1.1.254"));
            close $s;
            sleep 1;
        }
        print "$answered/14\n"'
}
