# kind: broken
# cause: A rule has what comes from the service's address leave by a table of its own, whose gateway is gone; answers get that source here.
# want: clients-unrouted|answer-held
# never: port-|wrong-gateway|server-silent|answers-elsewhere|address-
# traffic: yes
setup() {
    local r
    cluster_hosts client router director rs1 rs2
    cluster_network out client router; cluster_network public router director; cluster_network inner director rs1 rs2
    cluster_address client out 198.51.100.8/24; cluster_address router out 198.51.100.1/24
    cluster_address router public 2.2.2.1/24; cluster_address director public 2.2.2.24/24 2.2.2.25/32; cluster_address director inner 1.1.1.25/24
    cluster_plan client "route add default via 198.51.100.1"
    cluster_plan director "route add default via 2.2.2.1" "route add default via 2.2.2.99 table 9" "rule add from 2.2.2.25 lookup 9"
    cluster_set router ipv4/ip_forward=1; cluster_set director ipv4/ip_forward=1
    for r in 1 2; do cluster_address rs$r inner 1.1.1.${r}0/24; cluster_plan rs$r "route add default via 1.1.1.25"; done
    cluster_settle
    serve rs1 http:80; serve rs2 http:80
    nat_service
}
traffic() { knocks client 2.2.2.25 80; }
repair() { ip -n director rule del from 2.2.2.25 lookup 9; }
