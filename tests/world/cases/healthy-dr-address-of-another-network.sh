# kind: healthy
# cause: The servers answer ARP for the service's address, in a network where nobody asks for it.
# traffic: yes
setup() {
    cluster_hosts client router director rs1 rs2
    cluster_network public client router director; cluster_network net router director rs1 rs2
    cluster_address client public 2.2.2.10/24; cluster_address router public 2.2.2.1/24
    cluster_address router net 1.1.1.1/24; cluster_set router ipv4/ip_forward=1
    cluster_address director public 2.2.2.25/24 2.2.2.254/32; cluster_address director net 1.1.1.25/24
    for r in 1 2; do
        cluster_address rs$r net 1.1.1.${r}0/24; cluster_address rs$r lo 2.2.2.254/32
        cluster_plan rs$r "route add default via 1.1.1.1"
    done
    cluster_settle
    serve rs1 http:80; serve rs2 http:80
    service director 2.2.2.254:80 -g 1.1.1.10 1.1.1.20
}
traffic() { tries client 2.2.2.254 80; }
