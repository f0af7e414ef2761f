# kind: broken
# cause: With direct routing, the servers' gateway is the director, which drops their answers: they come from its own address.
# want: wrong-gateway|client-unheard|handshake-stuck|martian
# never: address-missing|port-|neighbour-failed|duplicate-address|no-route
# traffic: yes
# judged: Only a packet as from a client shows it; the half-open connections with their usual causes are right.
setup() {
    remote_dr
    put director ip_forward=1
    for r in 1 2; do ip -n rs$r route replace default via 1.1.1.25; done
    dr_service
}
traffic() { knocks client 1.1.1.254 80; }
repair() { for r in 1 2; do ip -n rs$r route replace default via 1.1.1.1; done; }
