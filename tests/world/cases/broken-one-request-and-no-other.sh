# kind: broken
# cause: The directly routed servers drop what comes from clients; there is one request, and no other.
# want: client-unheard|handshake-stuck|port-silent
# never: address-|neighbour-failed|wrong-gateway|duplicate|port-refused
# traffic: yes
setup() {
    cluster dr; dr_service
    local r
    for r in rs1 rs2; do
        on $r tc qdisc add dev net ingress
        on $r tc filter add dev net ingress protocol ip flower ip_proto tcp src_ip 1.1.1.100 action drop
    done
}
traffic() { tries client 1.1.1.254 80 1 2.3; }
repair() { on rs1 tc qdisc del dev net ingress; on rs2 tc qdisc del dev net ingress; }
