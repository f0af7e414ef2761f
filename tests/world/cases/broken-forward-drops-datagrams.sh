# kind: broken
# cause: The director's FORWARD drops what the DNS servers answer.
# want: answer-held|server-silent|answers-elsewhere
# never: address-|port-|neighbour-failed|wrong-gateway|duplicate|no-route
# traffic: yes
# needs: iptable_filter
setup() {
    cluster nat
    answering rs1 udp:53; answering rs2 udp:53
    ipt director -A FORWARD -p udp --sport 53 -j DROP
    rules director "-A -u 2.2.2.25:53 -s rr" "-a -u 2.2.2.25:53 -r 1.1.1.10:53 -m" "-a -u 2.2.2.25:53 -r 1.1.1.20:53 -m"
}
traffic() { tries client 2.2.2.25 53 12 1.5 udp; }
repair() { ipt director -F FORWARD; }
