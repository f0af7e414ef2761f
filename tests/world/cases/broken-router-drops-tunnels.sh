# kind: broken
# cause: The servers are in another network, and the router between drops the tunnels' packets.
# want: tunnel-silent|client-unheard|handshake-stuck
# never: address-missing|port-|neighbour-failed|wrong-gateway|duplicate|dropped-before
# traffic: yes
setup() {
    modprobe ipip
    local r
    cluster_hosts client router director rs1 rs2
    cluster_network out client router; cluster_network net router director; cluster_network far router rs1 rs2
    cluster_address client out 2.2.2.10/24; cluster_address router out 2.2.2.1/24
    cluster_address router net 1.1.1.1/24; cluster_address router far 3.3.3.1/24
    cluster_address director net 1.1.1.25/24 1.1.1.254/32
    cluster_plan client "route add default via 2.2.2.1"; cluster_plan director "route add default via 1.1.1.1"
    cluster_set router ipv4/ip_forward=1
    for r in 1 2; do
        cluster_address rs$r far 3.3.3.${r}0/24
        cluster_plan rs$r "route add default via 3.3.3.1" "link set tunl0 up"
        cluster_set rs$r ipv4/conf/{all,tunl0}/rp_filter=0
        cluster_address rs$r tunl0 1.1.1.254/32
    done
    cluster_settle
    on router tc qdisc add dev net ingress
    on router tc filter add dev net ingress protocol ip flower ip_proto 4 action drop
    serve rs1 http:80; serve rs2 http:80
    service director 1.1.1.254:80 -i 3.3.3.10 3.3.3.20
}
traffic() { knocks client 1.1.1.254 80; }
repair() { on router tc qdisc del dev net ingress; }
