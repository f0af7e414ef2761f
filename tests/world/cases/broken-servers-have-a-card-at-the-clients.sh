# kind: broken
# cause: The masqueraded servers have a second card in the clients' network and answer there, past the director.
# want: wrong-gateway|answers-elsewhere|server-silent
# never: address-missing|port-|neighbour-failed|address-not-local|duplicate-address
# traffic: yes
setup() {
    cluster_hosts client director rs1 rs2
    cluster_network public client director rs1 rs2; cluster_network inner director rs1 rs2
    cluster_address client public 2.2.2.10/24; cluster_directors_in public 2.2.2 2001:db8:2 director; cluster_directors_in inner 1.1.1 2001:db8:1 director
    local r
    for r in 1 2; do cluster_address rs$r inner 1.1.1.${r}0/24; cluster_address rs$r public 2.2.2.10$r/24; cluster_plan rs$r "route add default via 1.1.1.25"; cluster_set rs$r ipv4/conf/{all,inner}/rp_filter=0; done
    cluster_settle
    serve rs1 http:80; serve rs2 http:80; nat_service
}
traffic() { knocks client 2.2.2.25 80; }
