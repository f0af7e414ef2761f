# kind: broken
# cause: The directly routed server is behind a router.
# want: not-adjacent
# never: address-missing|port-|neighbour-failed
# traffic: yes
setup() {
    cluster_hosts client director router rs1
    cluster_network public client director router; cluster_network inner router rs1
    cluster_address client public 2.2.2.10/24; cluster_address director public 2.2.2.25/24 2.2.2.254/32; cluster_address router public 2.2.2.1/24
    cluster_address router inner 1.1.1.1/24; cluster_address rs1 inner 1.1.1.10/24; cluster_address rs1 lo 2.2.2.254/32
    cluster_plan rs1 "route add default via 1.1.1.1"; cluster_plan director "route add 1.1.1.0/24 via 2.2.2.1"
    cluster_set router ipv4/ip_forward=1
    cluster_settle
    serve rs1 http:80
    service director 2.2.2.254:80 -g 1.1.1.10
}
traffic() { knocks client 2.2.2.254 80; }
