# kind: healthy
# cause: Among clients that are served are some that reset their connection as soon as it is open.
# traffic: yes
setup() { cluster dr; dr_service; }
traffic() {
    # shellcheck disable=SC2016
    on client perl -MSocket=:all -e '
        for (1 .. 20) {
            socket my $s, AF_INET, SOCK_STREAM, 0 or die;
            setsockopt $s, SOL_SOCKET, SO_LINGER, pack "ii", 1, 0;
            connect $s, pack_sockaddr_in(80, inet_aton("1.1.1.254"));
            close $s;
        }'
    tries client 1.1.1.254 80
}
