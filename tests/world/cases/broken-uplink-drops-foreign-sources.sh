# kind: broken
# cause: Answers leave by another uplink than requests come in by, and its provider drops sources that are not its own.
# want: client-unheard|handshake-stuck|clients-unrouted
# never: address-|neighbour-failed|port-|duplicate|no-route|wrong-gateway|answers-elsewhere|server-silent
# traffic: yes
setup() {
    local r
    cluster_hosts client routera routerb director rs1 rs2
    cluster_network out client routera routerb; cluster_network upa routera director; cluster_network upb routerb director
    cluster_network inner director rs1 rs2
    cluster_address client out 198.51.100.8/24
    cluster_address routera out 198.51.100.1/24; cluster_address routerb out 198.51.100.2/24
    cluster_address routera upa 2.2.2.1/24; cluster_address routerb upb 7.7.7.1/24
    cluster_address director upa 2.2.2.25/24; cluster_address director upb 7.7.7.25/24; cluster_address director inner 1.1.1.25/24
    cluster_plan client "route add default via 198.51.100.1"
    cluster_plan director "route add default via 7.7.7.1"
    cluster_set routera ipv4/ip_forward=1; cluster_set routerb ipv4/ip_forward=1
    cluster_set director ipv4/ip_forward=1 ipv4/conf/{all,upa,upb}/rp_filter=2
    for r in 1 2; do cluster_address rs$r inner 1.1.1.${r}0/24; cluster_plan rs$r "route add default via 1.1.1.25"; done
    cluster_settle
    on routerb tc qdisc add dev upb ingress
    on routerb tc filter add dev upb ingress protocol ip flower src_ip 2.2.2.0/24 action drop
    serve rs1 http:80; serve rs2 http:80
    nat_service
}
traffic() { knocks client 2.2.2.25 80; }
repair() { ip -n director rule add from 2.2.2.25 lookup 5; ip -n director route add default via 2.2.2.1 table 5; }
