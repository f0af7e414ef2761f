# kind: broken
# cause: Both servers are drained, and at the sorry server nobody listens.
# want: port-refused
# never: address-|neighbour-failed|wrong-gateway|duplicate|no-route|port-silent
# traffic: yes
setup() {
    cluster_hosts client director rs1 rs2 sorry
    cluster_network public client director; cluster_network inner director rs1 rs2 sorry
    cluster_address client public 2.2.2.10/24; cluster_address director public 2.2.2.25/24; cluster_address director inner 1.1.1.25/24
    cluster_set director ipv4/ip_forward=1
    local h
    for h in rs1:10 rs2:20 sorry:30; do cluster_address ${h%:*} inner 1.1.1.${h#*:}/24; cluster_plan ${h%:*} "route add default via 1.1.1.25"; done
    cluster_settle
    serve rs1 http:80; serve rs2 http:80
    rules director "-A -t 2.2.2.25:80 -s wrr" "-a -t 2.2.2.25:80 -r 1.1.1.10:80 -m -w 0" "-a -t 2.2.2.25:80 -r 1.1.1.20:80 -m -w 0" "-a -t 2.2.2.25:80 -r 1.1.1.30:80 -m -w 1"
}
traffic() { tries client 2.2.2.25 80; }
repair() { answering sorry http:80; }
