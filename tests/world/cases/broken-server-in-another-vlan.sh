# kind: broken
# cause: The switch has one of the servers in another VLAN than the director.
# want: neighbour-failed
# never: address-|port-|wrong-gateway|duplicate|no-route
# traffic: yes
setup() {
    cluster_hosts client director rs1 rs2; cluster_network trunk client director rs1 rs2
    for h in client:10 director:10 director:20 rs1:20 rs2:30; do cluster_plan ${h%:*} "link add link trunk name v${h#*:} type vlan id ${h#*:}" "link set v${h#*:} up"; done
    cluster_address client v10 2.2.2.10/24; cluster_address director v10 2.2.2.1/24 2.2.2.254/32; cluster_address director v20 1.1.1.25/24
    cluster_address rs1 v20 1.1.1.10/24; cluster_address rs2 v30 1.1.1.20/24
    for r in rs1 rs2; do cluster_plan $r "route add default via 1.1.1.25"; done
    cluster_set director ipv4/ip_forward=1
    cluster_settle
    serve rs1 http:80; serve rs2 http:80
    service director 2.2.2.254:80 -m 1.1.1.10:80 1.1.1.20:80
}
traffic() { knocks client 2.2.2.254 80; }
