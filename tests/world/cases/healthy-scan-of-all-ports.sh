# kind: healthy
# cause: A persistent service of all ports; somebody scans it, is refused at the ports that nobody has opened, and clients are served.
# traffic: yes
setup() {
    cluster nat; ip -n client addr add 2.2.2.66/24 dev public
    rules director "-A -t 2.2.2.25:0 -s wlc -p 300" "-a -t 2.2.2.25:0 -r 1.1.1.10:0 -m" "-a -t 2.2.2.25:0 -r 1.1.1.20:0 -m"
}
traffic() {
    # shellcheck disable=SC2016
    on client perl -MSocket=:all -e '
        for my $port (1 .. 21, 23 .. 60) {
            socket my $s, AF_INET, SOCK_STREAM, 0 or die;
            bind $s, pack_sockaddr_in(0, inet_aton("2.2.2.66"));
            connect $s, pack_sockaddr_in($port, inet_aton("2.2.2.25"));
        }'
    tries client 2.2.2.25 80
}
