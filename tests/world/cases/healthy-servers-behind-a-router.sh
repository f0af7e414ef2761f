# kind: healthy
# cause: Masqueraded servers behind a router, which has the route to the clients.
# traffic: yes
setup() {
    cluster_hosts client director router rs1 rs2
    cluster_network public client director; cluster_network mid director router; cluster_network inner router rs1 rs2
    cluster_address client public 2.2.2.10/24; cluster_address director public 2.2.2.25/24; cluster_address director mid 3.3.3.25/24
    cluster_address router mid 3.3.3.1/24; cluster_address router inner 1.1.1.1/24
    cluster_plan director "route add 1.1.1.0/24 via 3.3.3.1"; cluster_plan router "route add default via 3.3.3.25"
    cluster_set director ipv4/ip_forward=1; cluster_set router ipv4/ip_forward=1
    for r in 1 2; do cluster_address rs$r inner 1.1.1.${r}0/24; cluster_plan rs$r "route add default via 1.1.1.1"; done
    cluster_settle
    serve rs1 http:80; serve rs2 http:80
    nat_service
}
traffic() { tries client 2.2.2.25 80; }
