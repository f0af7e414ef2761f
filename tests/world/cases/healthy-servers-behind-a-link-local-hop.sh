# kind: healthy
# cause: IPv6 servers behind a router whose next hop is a link-local address, masqueraded.
# traffic: yes
setup() {
    local r
    cluster_hosts client router director rs1 rs2
    cluster_network out client director; cluster_network net director router; cluster_network far router rs1 rs2
    cluster_address client out 2001:db8:2::10/64; cluster_address director out 2001:db8:2::25/64
    cluster_address director net fe80::25/64; cluster_address router net fe80::1/64; cluster_address router far 2001:db8:3::1/64
    cluster_set router ipv6/conf/all/forwarding=1; cluster_set director ipv6/conf/all/forwarding=1
    cluster_plan director "route add 2001:db8:3::/64 via fe80::1 dev net"
    cluster_plan router "route add default via fe80::25 dev net"
    for r in 1 2; do cluster_address rs$r far 2001:db8:3::${r}0/64; cluster_plan rs$r "route add default via 2001:db8:3::1"; done
    cluster_settle
    serve rs1 http:80; serve rs2 http:80
    service director '[2001:db8:2::25]:80' -m '[2001:db8:3::10]:80' '[2001:db8:3::20]:80'
}
traffic() { tries client 2001:db8:2::25 80; }
