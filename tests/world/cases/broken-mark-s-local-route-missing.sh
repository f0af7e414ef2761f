# kind: broken
# cause: Packets get their mark, and the rule that takes marked ones to a table of their own is there, but not the local route in it.
# want: note:mark-unseen
# never: port-|neighbour-failed|handshake-stuck|wrong-gateway
# traffic: yes
setup() {
    cluster_hosts client router director rs1
    cluster_network out client router; cluster_network public router director; cluster_network inner director rs1
    cluster_address client out 198.51.100.8/24; cluster_address router out 198.51.100.1/24
    cluster_address router public 2.2.2.1/24; cluster_address director public 2.2.2.25/24; cluster_address director inner 1.1.1.25/24
    cluster_address rs1 inner 1.1.1.10/24
    cluster_plan client "route add default via 198.51.100.1"
    cluster_plan router "route add 7.7.7.0/24 via 2.2.2.25"
    cluster_plan director "route add default via 2.2.2.1" "rule add fwmark 7 lookup 100"
    cluster_plan rs1 "route add default via 1.1.1.25"
    cluster_set router ipv4/ip_forward=1; cluster_set director ipv4/ip_forward=1
    cluster_settle
    serve rs1 http:80
    on director tc qdisc add dev public ingress
    on director tc filter add dev public ingress protocol ip flower ip_proto tcp dst_ip 7.7.7.0/24 action skbedit mark 7
    rules director "-A -f 7 -s rr" "-a -f 7 -r 1.1.1.10 -m"
}
traffic() { tries client 7.7.7.7 80 4 1.5; }
repair() { ip -n director route add local 7.7.7.0/24 dev lo table 100; }
