# kind: healthy
# cause: Directly routed servers had long sessions all day, which were reset at their end; now somebody scans them, and answers nobody.
# traffic: yes
setup() {
    cluster dr; dr_service
    ip -n client address add 1.1.1.111/32 dev net
    on client tc qdisc add dev net ingress
    on client tc filter add dev net ingress protocol ip flower dst_ip 1.1.1.111 action drop
    session; session; session; session
    sleep 12 # the director forgets what was reset after ten seconds
}
# session: one connection of forty requests, which the client resets when it has all answers.
session() {
    # shellcheck disable=SC2016
    on client perl -MSocket=:all -e '
        socket my $s, AF_INET, SOCK_STREAM, 0 or die;
        connect $s, pack_sockaddr_in(80, inet_aton("1.1.1.254")) or die "connect: $!";
        setsockopt $s, SOL_SOCKET, SO_LINGER, pack "ii", 1, 0;
        for (1 .. 40) {
            syswrite $s, "GET / HTTP/1.1\r\n\r\n";
            sysread $s, my $got, 9999 or die "no answer";
        }
        close $s'
}
# The scan is no client: it is what it meets that counts, and that is one SYN, and no other.
traffic() { tries client 1.1.1.254 80 1 0.8 tcp 1.1.1.111 >/dev/null; echo 0/0; }
