# kind: broken
# cause: One of two servers drops what comes from the clients; answers are routed by a mark that they are given where they come in, and no other route leads to the clients.
# want: port-silent|server-silent|answers-elsewhere|handshake-stuck
# never: clients-unrouted|rp-filter|answer-held|forwarding-off|address-|neighbour-failed|port-refused|no-route
# traffic: yes
setup() {
    cluster_hosts client router director rs1 rs2
    cluster_network out client router; cluster_network public router director; cluster_network inner director rs1 rs2
    cluster_address client out 198.51.100.8/24; cluster_address router out 198.51.100.1/24
    cluster_address router public 2.2.2.1/24; cluster_address director public 2.2.2.25/24
    cluster_address director inner 1.1.1.25/24
    cluster_plan client "route add default via 198.51.100.1"
    cluster_plan director "rule add fwmark 1 lookup 100" "route add default via 2.2.2.1 table 100"
    cluster_set router ipv4/ip_forward=1
    cluster_set director ipv4/ip_forward=1 ipv4/conf/{all,public,inner}/rp_filter=0
    local r
    for r in 1 2; do cluster_address rs$r inner 1.1.1.${r}0/24; cluster_plan rs$r "route add default via 1.1.1.25"; done
    cluster_settle
    serve rs1 http:80; serve rs2 http:80
    on director tc qdisc add dev inner ingress
    on director tc filter add dev inner ingress protocol ip flower ip_proto tcp action skbedit mark 1
    filters rs1
    nat_service
}
filters() {
    on "$1" tc qdisc add dev inner ingress
    on "$1" tc filter add dev inner ingress protocol ip flower ip_proto tcp src_ip 198.51.100.0/24 action drop
}
traffic() { knocks client 2.2.2.25 80; }
repair() { on rs1 tc qdisc del dev inner ingress; }
