# kind: healthy
# cause: Logs by UDP with one-packet scheduling, masqueraded, at a port of its own: nobody ever answers, or has to.
# traffic: yes
setup() {
    cluster nat
    local r
    for r in rs1 rs2; do on $r perl -MSocket -e 'socket S, AF_INET, SOCK_DGRAM, 0; bind S, pack_sockaddr_in(1514, INADDR_ANY) or die; open F, ">>", $ARGV[0]; F->autoflush; while (recv S, $d, 99, 0) { print F "x\n" }' "$T/log" >/dev/null 2>&1 & done
    rules director "-A -u 2.2.2.25:1514 -s rr -o" "-a -u 2.2.2.25:1514 -r 1.1.1.10 -m" "-a -u 2.2.2.25:1514 -r 1.1.1.20 -m"
    bound 1514 rs1 rs2
}
traffic() { : >"$T/log"; tries client 2.2.2.25 1514 6 .5 udp >/dev/null; sleep 1; echo "$(wc -l <"$T/log")/6"; }
