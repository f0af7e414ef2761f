# kind: healthy
# cause: Somebody tries a hundred other ports of the service's address, and clients are served.
# traffic: yes
setup() { cluster nat; nat_service; service director 2.2.2.25:22 -m 1.1.1.10:22 1.1.1.20:22; ip -n client addr add 2.2.2.66/24 dev public; }
traffic() {
    # shellcheck disable=SC2016
    on client perl -MSocket=:all -e '
        for my $port (1 .. 21, 23 .. 79, 81 .. 100) {
            socket my $s, AF_INET, SOCK_STREAM, 0 or die;
            bind $s, pack_sockaddr_in(0, inet_aton("2.2.2.66"));
            connect $s, pack_sockaddr_in($port, inet_aton("2.2.2.25"));
        }'
    local a b
    a=$(tries client 2.2.2.25 80); b=$(tries client 2.2.2.25 22 4)
    echo $((${a%/*} + ${b%/*}))/12
}
