# kind: broken
# cause: The servers have a rule that sends what comes from the address of the service to a router that is gone.
# want: client-unheard|handshake-stuck|wrong-gateway
# never: address-|port-|neighbour-failed|duplicate|no-route
# traffic: yes
setup() {
    remote_dr; dr_service
    local r
    for r in rs1 rs2; do ip -n $r rule add from 1.1.1.254 lookup 7; ip -n $r route add default via 1.1.1.77 dev net table 7; done
}
traffic() { knocks client 1.1.1.254 80; }
repair() { local r; for r in rs1 rs2; do ip -n $r rule del from 1.1.1.254 lookup 7; done; }
