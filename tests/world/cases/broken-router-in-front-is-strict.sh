# kind: broken
# cause: The servers answer by a network of their own to the router, which checks sources: the service's address lies behind another of its cards.
# want: client-unheard|handshake-stuck
# never: address-|neighbour-failed|port-|duplicate|no-route|wrong-gateway|answers-elsewhere
# traffic: yes
setup() {
    local r
    cluster_hosts client router director rs1 rs2
    cluster_network out client router; cluster_network net router director rs1 rs2; cluster_network back router rs1 rs2
    cluster_address client out 2.2.2.10/24; cluster_address router out 2.2.2.1/24
    cluster_address router net 1.1.1.1/24; cluster_address router back 3.3.3.1/24
    cluster_address director net 1.1.1.25/24 1.1.1.254/32
    cluster_plan client "route add default via 2.2.2.1"; cluster_plan director "route add default via 1.1.1.1"
    cluster_set router ipv4/ip_forward=1 ipv4/conf/{all,back}/rp_filter=1
    for r in 1 2; do
        cluster_address rs$r net 1.1.1.${r}0/24; cluster_address rs$r back 3.3.3.${r}0/24
        cluster_set rs$r ipv4/conf/{all,lo}/arp_announce=2 ipv4/conf/{all,lo}/arp_ignore=1
        cluster_address rs$r lo 1.1.1.254/32
        cluster_plan rs$r "route add default via 3.3.3.1"
    done
    cluster_settle
    serve rs1 http:80; serve rs2 http:80
    dr_service
}
traffic() { knocks client 1.1.1.254 80; }
repair() { put router conf/all/rp_filter=0 conf/back/rp_filter=0; }
