# kind: broken
# cause: Somebody put the director's inner interface into a VRF: the servers are reached from there alone, and IPVS sends to the default gateway.
# want: answers-elsewhere|server-silent|no-route|not-adjacent|handshake-stuck|port-refused
# never: address-|port-silent|neighbour-failed|duplicate|forwarding-off
# traffic: yes
# needs: vrf
setup() {
    local r
    cluster_hosts client router director rs1 rs2
    cluster_network out client router; cluster_network public router director; cluster_network inner director rs1 rs2
    cluster_address client out 198.51.100.8/24; cluster_address router out 198.51.100.1/24; cluster_address router public 2.2.2.1/24
    cluster_address director public 2.2.2.25/24
    cluster_plan director "link add red type vrf table 9" "link set red up" "link set inner master red"
    cluster_address director inner 1.1.1.25/24
    cluster_plan client "route add default via 198.51.100.1"; cluster_plan director "route add default via 2.2.2.1"
    cluster_set router ipv4/ip_forward=1; cluster_set director ipv4/ip_forward=1
    for r in 1 2; do cluster_address rs$r inner 1.1.1.${r}0/24; cluster_plan rs$r "route add default via 1.1.1.25"; done
    cluster_settle
    serve rs1 http:80; serve rs2 http:80
    nat_service
}
traffic() { knocks client 2.2.2.25 80; }
repair() { ip -n director link set inner nomaster; }
