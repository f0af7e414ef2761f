# kind: healthy
# cause: Metrics by UDP with one-packet scheduling, masqueraded, at a port that no list of ports has: nobody ever answers, or has to.
# traffic: yes
setup() {
    cluster nat
    local r
    for r in rs1 rs2; do on $r perl -MSocket -e 'socket S, AF_INET, SOCK_DGRAM, 0; bind S, pack_sockaddr_in(9125, INADDR_ANY) or die; open F, ">>", $ARGV[0]; F->autoflush; while (recv S, $d, 99, 0) { print F "x\n" }' "$T/log" >/dev/null 2>&1 & done
    rules director "-A -u 2.2.2.25:9125 -s rr -o" "-a -u 2.2.2.25:9125 -r 1.1.1.10 -m" "-a -u 2.2.2.25:9125 -r 1.1.1.20 -m"
    bound 9125 rs1 rs2
}
traffic() { : >"$T/log"; tries client 2.2.2.25 9125 6 .5 udp >/dev/null; sleep 1; echo "$(wc -l <"$T/log")/6"; }
