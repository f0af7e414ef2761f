# kind: healthy
# cause: Datagrams: one service is answered, masqueraded; the other is of logs by the packet, directly routed.
# traffic: yes
setup() {
    cluster nat
    answering rs1 udp:123; answering rs2 udp:123
    rules director "-A -u 2.2.2.25:123 -s rr" "-a -u 2.2.2.25:123 -r 1.1.1.10 -m" "-a -u 2.2.2.25:123 -r 1.1.1.20 -m" \
        "-A -u 2.2.2.25:514 -s rr -o" "-a -u 2.2.2.25:514 -r 1.1.1.10 -g" "-a -u 2.2.2.25:514 -r 1.1.1.20 -g"
    local r
    for r in rs1 rs2; do
        ip -n $r addr add 2.2.2.25/32 dev lo
        on $r perl -MSocket -e 'socket S, AF_INET, SOCK_DGRAM, 0; bind S, pack_sockaddr_in(514, INADDR_ANY) or die; 1 while recv S, $d, 99, 0' >/dev/null 2>&1 &
    done
    bound 514 rs1 rs2
}
traffic() { tries client 2.2.2.25 514 6 .5 udp >/dev/null; tries client 2.2.2.25 123 8 2 udp; }
