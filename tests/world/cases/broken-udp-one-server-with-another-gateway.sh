# kind: broken
# cause: Datagrams are masqueraded; one of the two servers has another gateway, so that its answers pass by the director.
# want: server-silent|answers-elsewhere|wrong-gateway
# never: neighbour-failed|port-refused|no-route|answer-held
# traffic: yes
setup() {
    cluster nat
    answering rs1 udp:53; answering rs2 udp:53
    ip -n rs2 route replace default via 1.1.1.99
    rules director "-A -u 2.2.2.25:53 -s rr" "-a -u 2.2.2.25:53 -r 1.1.1.10:53 -m" "-a -u 2.2.2.25:53 -r 1.1.1.20:53 -m"
}
traffic() { tries client 2.2.2.25 53 12 1.5 udp; }
repair() { ip -n rs2 route replace default via 1.1.1.25; }
