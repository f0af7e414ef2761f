# kind: broken
# cause: The director gives what it sends to the servers a source that they have no route to.
# want: wrong-gateway|answers-elsewhere|server-silent|handshake-stuck
# never: address-|neighbour-failed|port-|duplicate|forwarding-off|client-beside
# traffic: yes
# needs: iptable_nat
setup() {
    cluster nat
    local r
    for r in rs1 rs2; do ip -n $r route replace default via 1.1.1.1; done
    put director vs/conntrack=1
    ipt director -t nat -A POSTROUTING -d 1.1.1.0/24 -j SNAT --to 9.9.9.9
    nat_service
}
traffic() { knocks client 2.2.2.25 80; }
repair() { ipt director -t nat -F POSTROUTING; ipt director -t nat -A POSTROUTING -d 1.1.1.0/24 -j SNAT --to 1.1.1.25; }
