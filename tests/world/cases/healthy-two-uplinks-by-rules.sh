# kind: healthy
# cause: The director has two uplinks; what comes from an address of each goes back by it, by a rule, though the routes to the clients lead to one.
# traffic: yes
setup() {
    cluster_hosts client isp1 isp2 director rs1 rs2
    cluster_network net client isp1 isp2
    cluster_network one isp1 director
    cluster_network two isp2 director
    cluster_network inner director rs1 rs2
    cluster_address client net 9.9.9.9/24
    cluster_address isp1 net 9.9.9.1/24; cluster_address isp1 one 2.2.1.1/24
    cluster_address isp2 net 9.9.9.2/24; cluster_address isp2 two 2.2.2.1/24
    cluster_set isp1 ipv4/ip_forward=1; cluster_set isp2 ipv4/ip_forward=1
    cluster_plan client "route add 2.2.1.0/24 via 9.9.9.1" "route add 2.2.2.0/24 via 9.9.9.2"
    cluster_address director one 2.2.1.25/24; cluster_address director two 2.2.2.25/24; cluster_address director inner 1.1.1.25/24
    cluster_set director ipv4/ip_forward=1
    cluster_plan director "route add default via 2.2.1.1" "route add default via 2.2.1.1 table 1" "route add default via 2.2.2.1 table 2" \
        "rule add from 2.2.1.25 lookup 1" "rule add from 2.2.2.25 lookup 2"
    for r in 1 2; do cluster_address rs$r inner 1.1.1.${r}0/24; cluster_plan rs$r "route add default via 1.1.1.25"; done
    cluster_settle
    serve rs1 http:80; serve rs2 http:80
    service director 2.2.1.25:80 -m 1.1.1.10:80 1.1.1.20:80
    nat_service
}
traffic() { local a b; a=$(tries client 2.2.1.25 80 6); b=$(tries client 2.2.2.25 80 6); echo $((${a%/*} + ${b%/*}))/12; }
