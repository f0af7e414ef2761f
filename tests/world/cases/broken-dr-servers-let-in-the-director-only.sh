# kind: broken
# cause: The servers' own filter lets in what comes from the director's address and not from clients.
# want: port-silent|client-unheard|handshake-stuck
# never: address-missing|neighbour-failed|duplicate-address|port-refused|no-route|wrong-gateway
# traffic: yes
setup() {
    remote_dr
    local r
    for r in rs1 rs2; do
        on $r tc qdisc add dev net ingress
        on $r tc filter add dev net ingress protocol ip flower ip_proto tcp src_ip 2.2.2.0/24 action drop
    done
    dr_service
}
traffic() { knocks client 1.1.1.254 80; }
repair() { on rs1 tc qdisc del dev net ingress; on rs2 tc qdisc del dev net ingress; }
