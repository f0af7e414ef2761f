# kind: broken
# cause: The clients' network is also that of a bridge of containers on the director, so that masqueraded answers go there.
# want: answer-held|clients-unrouted
# never: port-|neighbour-failed|wrong-gateway|no-route|address-|answers-elsewhere|server-silent
# traffic: yes
# judged: Where the answers go instead is not told; that the director holds them is.
setup() {
    cluster_hosts client router director rs1 rs2
    cluster_network office client router
    cluster_network public router director
    cluster_network inner director rs1 rs2
    cluster_address client office 172.17.5.10/24; cluster_address router office 172.17.5.1/24
    cluster_address router public 2.2.2.1/24; cluster_address director public 2.2.2.25/24; cluster_address director inner 1.1.1.25/24
    cluster_plan client "route add default via 172.17.5.1"
    cluster_plan director "route add default via 2.2.2.1" "link add docker0 type bridge" "address add 172.17.0.1/16 dev docker0" "link set docker0 up"
    cluster_set director ipv4/ip_forward=1; cluster_set router ipv4/ip_forward=1
    for r in 1 2; do cluster_address rs$r inner 1.1.1.${r}0/24; cluster_plan rs$r "route add default via 1.1.1.25"; done
    cluster_settle
    serve rs1 http:80; serve rs2 http:80
    nat_service
}
traffic() { knocks client 2.2.2.25 80; }
repair() { ip -n director link del docker0; }
