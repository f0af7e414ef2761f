# kind: healthy
# cause: UDP, masqueraded, answered.
# traffic: yes
setup() {
    cluster nat
    local r
    for r in rs1 rs2; do on $r perl -MSocket -e 'socket S, AF_INET, SOCK_DGRAM, 0; bind S, pack_sockaddr_in(53, INADDR_ANY) or die; while (1) { $f = recv S, $d, 99, 0; send S, "'$r'\n", 0, $f }' >/dev/null 2>&1 & done
    rules director "-A -u 2.2.2.25:53 -s rr" "-a -u 2.2.2.25:53 -r 1.1.1.10 -m" "-a -u 2.2.2.25:53 -r 1.1.1.20 -m"
    bound 53 rs1 rs2
}
traffic() { tries client 2.2.2.25 53 6 1 udp; }
