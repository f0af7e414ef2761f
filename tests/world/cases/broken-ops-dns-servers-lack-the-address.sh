# kind: broken
# cause: DNS by the packet, directly routed, and the servers lack the address of the service.
# want: note:address-missing
# never: neighbour-failed|wrong-gateway|duplicate|no-route
# traffic: yes
setup() {
    cluster dr
    answering rs1 udp:53; answering rs2 udp:53
    ip -n rs1 addr del 1.1.1.254/32 dev lo; ip -n rs2 addr del 1.1.1.254/32 dev lo
    rules director "-A -u 1.1.1.254:53 -s rr --ops" "-a -u 1.1.1.254:53 -r 1.1.1.10 -g" "-a -u 1.1.1.254:53 -r 1.1.1.20 -g"
}
traffic() { tries client 1.1.1.254 53 12 1.5 udp; }
repair() { ip -n rs1 addr add 1.1.1.254/32 dev lo; ip -n rs2 addr add 1.1.1.254/32 dev lo; }
