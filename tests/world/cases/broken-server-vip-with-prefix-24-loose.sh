# kind: broken
# cause: rs1 has the service's address on lo as /24 and checks sources loosely (rp_filter 2), so it does not even answer ARP.
# want: prefix|netmask|silent|client-unheard
# never: address-missing|wrong-gateway|duplicate-address|port-refused
# traffic: yes
# judged: That rs1 does not say its hardware address is true, and seen without a probe: neighbour-failed is no false accusation.
setup() {
    cluster dr
    put rs1 conf/all/rp_filter=2 conf/net/rp_filter=2
    ip -n rs1 addr del 1.1.1.254/32 dev lo; ip -n rs1 addr add 1.1.1.254/24 dev lo
    dr_service
}
traffic() { knocks client 1.1.1.254 80; }
repair() { ip -n rs1 addr add 1.1.1.254/32 dev lo; ip -n rs1 addr del 1.1.1.254/24 dev lo; sleep 1; }
