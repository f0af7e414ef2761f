# kind: healthy
# cause: A directly routed DNS server was drained, and is off; the kernel remembers the questions that it has answered, each from a port that nobody asks from again.
# traffic: yes
setup() {
    cluster dr
    local r
    for r in rs1 rs2; do
        on $r perl -MSocket -e 'socket S, AF_INET, SOCK_DGRAM, 0; bind S, pack_sockaddr_in(53, inet_aton("1.1.1.254")) or die; while ($f = recv S, $d, 99, 0) { send S, "$ARGV[0]\n", 0, $f }' $r >/dev/null 2>&1 &
    done
    rules director "-A -u 1.1.1.254:53 -s rr" "-a -u 1.1.1.254:53 -r 1.1.1.10 -g" "-a -u 1.1.1.254:53 -r 1.1.1.20 -g"
    bound 53 rs1 rs2
    tries client 1.1.1.254 53 12 2 udp
    D -e -u 1.1.1.254:53 -r 1.1.1.10 -g -w 0
    sleep 8
    ip -n rs1 link set net down
}
traffic() { tries client 1.1.1.254 53 8 2 udp; }
