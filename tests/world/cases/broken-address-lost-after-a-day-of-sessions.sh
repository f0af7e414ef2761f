# kind: broken
# cause: Directly routed servers had long sessions all day; then they lost the service's address.
# want: address-missing|client-unheard|handshake-stuck
# never: sent-in-circles|neighbour-failed|duplicate|wrong-gateway|port-
# traffic: yes
setup() {
    cluster dr; dr_service
    sessions 200
    local r
    for r in rs1 rs2; do ip -n $r addr del 1.1.1.254/32 dev lo; done
}
traffic() { knocks client 1.1.1.254 80; }
repair() { local r; for r in rs1 rs2; do ip -n $r addr add 1.1.1.254/32 dev lo; done; }
