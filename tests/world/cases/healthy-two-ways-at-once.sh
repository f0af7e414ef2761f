# kind: healthy
# cause: The director has two ways to the servers' network and to the clients', taken by turns; the servers' router knows both.
# traffic: yes
setup() {
    local r
    cluster_hosts client routera routerb inner director rs1 rs2
    cluster_network out client routera routerb; cluster_network upa routera director; cluster_network upb routerb director
    cluster_network one director inner; cluster_network two director inner; cluster_network far inner rs1 rs2
    cluster_address client out 198.51.100.8/24
    cluster_address routera out 198.51.100.1/24; cluster_address routerb out 198.51.100.2/24
    cluster_address routera upa 2.2.2.1/24; cluster_address routerb upb 7.7.7.1/24
    cluster_address director upa 2.2.2.25/24; cluster_address director upb 7.7.7.25/24
    cluster_address director one 10.1.0.1/24; cluster_address director two 10.2.0.1/24
    cluster_address inner one 10.1.0.2/24; cluster_address inner two 10.2.0.2/24; cluster_address inner far 1.1.1.1/24
    cluster_plan client "route add default nexthop via 198.51.100.1 nexthop via 198.51.100.2" "route add 2.2.2.0/24 via 198.51.100.1"
    cluster_plan director "route add default nexthop via 2.2.2.1 dev upa nexthop via 7.7.7.1 dev upb" "route add 1.1.1.0/24 nexthop via 10.1.0.2 dev one nexthop via 10.2.0.2 dev two"
    cluster_plan inner "route add default nexthop via 10.1.0.1 dev one nexthop via 10.2.0.1 dev two"
    for r in routera routerb inner director; do cluster_set $r ipv4/ip_forward=1 ipv4/conf/{all,default}/rp_filter=0; done
    for r in 1 2; do cluster_address rs$r far 1.1.1.${r}0/24; cluster_plan rs$r "route add default via 1.1.1.1"; done
    cluster_settle
    serve rs1 http:80; serve rs2 http:80
    nat_service
}
traffic() { tries client 2.2.2.25 80; }
