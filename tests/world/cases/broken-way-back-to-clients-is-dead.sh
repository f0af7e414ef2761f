# kind: broken
# cause: Requests come in by one router, and the director's way to the clients is another router that is off.
# want: client-unheard|answer-held|neighbour-failed|clients-unrouted
# never: address-|port-|no-route|wrong-gateway|answers-elsewhere|server-silent|duplicate
# traffic: yes
setup() {
    local r
    cluster_hosts client router director rs1 rs2
    cluster_network out client router; cluster_network uplink router director; cluster_network inner director rs1 rs2
    cluster_address client out 198.51.100.8/24; cluster_address router out 198.51.100.1/24; cluster_address router uplink 2.2.2.1/24
    cluster_address director uplink 2.2.2.25/24; cluster_address director inner 1.1.1.25/24
    cluster_plan client "route add default via 198.51.100.1"; cluster_plan director "route add default via 2.2.2.2"
    cluster_set router ipv4/ip_forward=1; cluster_set director ipv4/ip_forward=1
    for r in 1 2; do cluster_address rs$r inner 1.1.1.${r}0/24; cluster_plan rs$r "route add default via 1.1.1.25"; done
    cluster_settle
    serve rs1 http:80; serve rs2 http:80
    nat_service
}
traffic() { knocks client 2.2.2.25 80; }
repair() { ip -n director route replace default via 2.2.2.1; }
