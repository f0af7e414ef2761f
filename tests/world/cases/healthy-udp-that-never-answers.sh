# kind: healthy
# cause: Syslog: masqueraded servers take datagrams and never answer.
# traffic: yes
setup() {
    cluster nat
    for r in rs1 rs2; do
        on $r perl -MSocket -e 'socket S, AF_INET, SOCK_DGRAM, 0; bind S, pack_sockaddr_in(514, INADDR_ANY) or die; $| = 1; while (1) { recv S, $d, 99, 0; print "got\n" }' >>"$T/got" 2>/dev/null &
    done
    rules director "-A -u 2.2.2.25:514 -s rr" "-a -u 2.2.2.25:514 -r 1.1.1.10:514 -m" "-a -u 2.2.2.25:514 -r 1.1.1.20:514 -m"
    bound 514 rs1 rs2
}
traffic() { : >"$T/got"; tries client 2.2.2.25 514 6 1 udp >/dev/null; echo "$(grep -c got "$T/got")/6"; }
