# kind: healthy
# cause: Clients share one address behind a router's NAT; the directly routed servers answer by another router, and the director's filter is loose.
# traffic: yes
# needs: iptable_nat
setup() {
    local r
    cluster_hosts client nat router back director rs1 rs2
    cluster_network home client nat; cluster_network out nat router back; cluster_network net router back director rs1 rs2
    cluster_address client home 192.168.7.10/24; cluster_address nat home 192.168.7.1/24; cluster_address nat out 2.2.2.10/24
    cluster_address router out 2.2.2.1/24; cluster_address back out 2.2.2.2/24
    cluster_address router net 1.1.1.1/24; cluster_address back net 1.1.1.2/24
    cluster_address director net 1.1.1.25/24 1.1.1.254/32
    cluster_plan client "route add default via 192.168.7.1"; cluster_plan nat "route add default via 2.2.2.1"
    cluster_plan director "route add default via 1.1.1.1"
    for r in nat router back; do cluster_set $r ipv4/ip_forward=1 ipv4/conf/{all,default}/rp_filter=0; done
    cluster_set director ipv4/conf/all/rp_filter=2
    for r in 1 2; do
        cluster_set rs$r ipv4/conf/{all,lo}/arp_announce=2 ipv4/conf/{all,lo}/arp_ignore=1
        cluster_address rs$r net 1.1.1.${r}0/24; cluster_address rs$r lo 1.1.1.254/32
        cluster_plan rs$r "route add default via 1.1.1.2"
    done
    cluster_settle
    ipt nat -t nat -A POSTROUTING -o out -j MASQUERADE
    serve rs1 http:80; serve rs2 http:80
    dr_service
}
traffic() { tries client 1.1.1.254 80; }
