# kind: healthy
# cause: Names by UDP and TCP, directly routed, UDP one packet at a time.
# traffic: yes
setup() {
    cluster dr
    serve rs1 line:53; serve rs2 line:53
    local r
    for r in rs1 rs2; do on $r perl -MSocket -e 'socket S, AF_INET, SOCK_DGRAM, 0; bind S, pack_sockaddr_in(53, inet_aton("1.1.1.254")) or die; while ($f = recv S, $d, 99, 0) { send S, "$ARGV[0]\n", 0, $f }' $r >/dev/null 2>&1 & done
    rules director "-A -u 1.1.1.254:53 -s rr -o" "-a -u 1.1.1.254:53 -r 1.1.1.10 -g" "-a -u 1.1.1.254:53 -r 1.1.1.20 -g" \
        "-A -t 1.1.1.254:53 -s rr" "-a -t 1.1.1.254:53 -r 1.1.1.10 -g" "-a -t 1.1.1.254:53 -r 1.1.1.20 -g"
    bound 53 rs1 rs2
}
traffic() { tries client 1.1.1.254 53 8 2 udp; }
