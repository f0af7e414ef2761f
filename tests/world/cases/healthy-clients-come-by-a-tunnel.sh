# kind: healthy
# cause: The clients' packets come to the director by a tunnel of a router, and its answers go back there.
# traffic: yes
setup() {
    modprobe ipip
    local r
    cluster_hosts client router director rs1 rs2
    cluster_network out client router; cluster_network wan router director; cluster_network inner director rs1 rs2
    cluster_address client out 198.51.100.8/24; cluster_address router out 198.51.100.1/24
    cluster_address router wan 2.2.2.1/24; cluster_address director wan 2.2.2.2/24; cluster_address director inner 1.1.1.25/24
    cluster_plan router "link add name far type ipip local 2.2.2.1 remote 2.2.2.2" "link set far up" "route add 9.9.9.9/32 dev far"
    cluster_plan director "link add name far type ipip local 2.2.2.2 remote 2.2.2.1" "link set far up" "address add 9.9.9.9/32 dev far" "route add 198.51.100.0/24 dev far"
    cluster_plan client "route add default via 198.51.100.1"
    cluster_set router ipv4/ip_forward=1; cluster_set director ipv4/ip_forward=1
    for r in 1 2; do cluster_address rs$r inner 1.1.1.${r}0/24; cluster_plan rs$r "route add default via 1.1.1.25"; done
    cluster_settle
    serve rs1 http:80; serve rs2 http:80
    service director 9.9.9.9:80 -m 1.1.1.10:80 1.1.1.20:80
}
traffic() { tries client 9.9.9.9 80; }
