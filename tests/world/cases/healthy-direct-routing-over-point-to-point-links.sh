# kind: healthy
# cause: The servers of direct routing are in another network, each at the other end of a GRE link of the director's, which asks nobody by ARP.
# traffic: yes
setup() {
    modprobe ip_gre
    local r
    cluster_hosts client router director rs1 rs2
    cluster_network out client router; cluster_network net router director; cluster_network far router rs1 rs2
    cluster_address client out 2.2.2.10/24; cluster_address router out 2.2.2.1/24
    cluster_address router net 1.1.1.1/24; cluster_address router far 3.3.3.1/24
    cluster_address director net 1.1.1.25/24 1.1.1.254/32
    cluster_plan client "route add default via 2.2.2.1"; cluster_plan director "route add default via 1.1.1.1"
    cluster_set router ipv4/ip_forward=1
    for r in 1 2; do
        cluster_plan director "link add to$r type gre local 1.1.1.25 remote 3.3.3.${r}0" "link set to$r up" "address add 10.9.$r.1 peer 10.9.$r.2/32 dev to$r"
        cluster_address rs$r far 3.3.3.${r}0/24
        cluster_plan rs$r "route add default via 3.3.3.1" \
            "link add back type gre local 3.3.3.${r}0 remote 1.1.1.25" "link set back up" "address add 10.9.$r.2 peer 10.9.$r.1/32 dev back"
        cluster_set rs$r ipv4/conf/{all,default}/rp_filter=0
        cluster_address rs$r lo 1.1.1.254/32
    done
    cluster_settle
    serve rs1 http:80; serve rs2 http:80
    service director 1.1.1.254:80 -g 10.9.1.2 10.9.2.2
}
traffic() { tries client 1.1.1.254 80; }
