# kind: healthy
# cause: There is no IPv4 at all; the director and the servers reach the clients by a link-local next hop.
# traffic: yes
setup() {
    local r
    cluster_hosts client router director rs1 rs2
    cluster_network out client router; cluster_network net router director rs1 rs2
    cluster_address client out 2001:db8:2::10/64; cluster_address router out 2001:db8:2::1/64
    cluster_address router net fe80::1/64 2001:db8:1::1/64
    cluster_address director net 2001:db8:1::25/64
    cluster_plan director "address add 2001:db8:1::254/128 dev net nodad preferred_lft 0" "route add default via fe80::1 dev net"
    cluster_plan client "route add default via 2001:db8:2::1"
    cluster_set router ipv6/conf/all/forwarding=1; cluster_set director ipv6/conf/all/forwarding=1
    for r in 1 2; do
        cluster_address rs$r net 2001:db8:1::${r}0/64; cluster_address rs$r lo 2001:db8:1::254/128
        cluster_plan rs$r "route add default via fe80::1 dev net"
    done
    cluster_settle
    serve rs1 http:80; serve rs2 http:80
    service director '[2001:db8:1::254]:80' -g '[2001:db8:1::10]:80' '[2001:db8:1::20]:80'
}
traffic() { tries client 2001:db8:1::254 80; }
