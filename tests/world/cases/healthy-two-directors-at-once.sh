# kind: healthy
# cause: A router shares the clients out to two directors, which both have the address on lo.
# traffic: yes
setup() {
    local d r
    cluster_hosts client router director director2 rs1 rs2
    cluster_network out client router; cluster_network net router director director2 rs1 rs2
    cluster_address client out 2.2.2.10/24; cluster_address router out 2.2.2.1/24; cluster_address router net 1.1.1.1/24
    cluster_plan client "route add default via 2.2.2.1"
    cluster_plan router "route add 9.9.9.9/32 nexthop via 1.1.1.25 nexthop via 1.1.1.26"
    cluster_set router ipv4/ip_forward=1 ipv4/fib_multipath_hash_policy=1
    for d in director:25 director2:26; do cluster_address ${d%:*} net 1.1.1.${d#*:}/24; cluster_address ${d%:*} lo 9.9.9.9/32; cluster_plan ${d%:*} "route add default via 1.1.1.1"; done
    for r in 1 2; do
        cluster_address rs$r net 1.1.1.${r}0/24; cluster_address rs$r lo 9.9.9.9/32
        cluster_set rs$r ipv4/conf/{all,lo}/arp_announce=2 ipv4/conf/{all,lo}/arp_ignore=1
        cluster_plan rs$r "route add default via 1.1.1.1"
    done
    cluster_settle
    serve rs1 http:80; serve rs2 http:80
    service director 9.9.9.9:80 -g 1.1.1.10 1.1.1.20; service director2 9.9.9.9:80 -g 1.1.1.10 1.1.1.20
    directors=(director director2)
}
traffic() { tries client 9.9.9.9 80 16; }
