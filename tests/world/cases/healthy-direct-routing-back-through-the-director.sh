# kind: healthy
# cause: The directly routed servers answer through the director, which is told to forward what comes from an address of its own (accept_local).
# traffic: yes
setup() {
    local r
    cluster_hosts client director rs1 rs2
    cluster_network public client director; cluster_network inner director rs1 rs2
    cluster_address client public 2.2.2.10/24; cluster_address director public 2.2.2.25/24; cluster_address director inner 1.1.1.25/24
    cluster_set director ipv4/ip_forward=1 ipv4/conf/{all,inner}/accept_local=1 ipv4/conf/{all,inner}/rp_filter=0
    for r in 1 2; do
        cluster_address rs$r inner 1.1.1.${r}0/24; cluster_address rs$r lo 2.2.2.25/32
        cluster_set rs$r ipv4/conf/{all,lo}/arp_announce=2 ipv4/conf/{all,lo}/arp_ignore=1
        cluster_plan rs$r "route add default via 1.1.1.25"
    done
    cluster_settle
    serve rs1 http:80; serve rs2 http:80
    service director 2.2.2.25:80 -g 1.1.1.10 1.1.1.20
}
traffic() { tries client 2.2.2.25 80; }
