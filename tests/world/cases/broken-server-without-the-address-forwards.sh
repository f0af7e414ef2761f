# kind: broken
# cause: One directly routed server lacks the address and forwards packets, as a host of containers does: it sends what comes back to the director, round and round.
# want: address-missing|sent-in-circles|client-unheard|handshake-stuck
# never: port-|wrong-gateway|neighbour-failed|no-route
# traffic: yes
setup() {
    remote_dr
    ip -n rs2 addr del 1.1.1.254/32 dev lo
    put rs2 ip_forward=1
    dr_service
}
traffic() { knocks client 1.1.1.254 80; }
repair() { ip -n rs2 addr add 1.1.1.254/32 dev lo; }
