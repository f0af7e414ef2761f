# kind: broken
# cause: A mark's datagrams are masqueraded, and the servers have another gateway.
# want: note:server-silent|answers-elsewhere|wrong-gateway
# never: address-|port-|neighbour-failed|duplicate|no-route|forwarding-off
# traffic: yes
setup() {
    cluster nat
    answering rs1 udp:53; answering rs2 udp:53
    local r
    for r in rs1 rs2; do ip -n $r route replace default via 1.1.1.99; done
    on director tc qdisc add dev public ingress
    on director tc filter add dev public ingress protocol ip flower ip_proto udp dst_ip 2.2.2.25 dst_port 53 action skbedit mark 5
    rules director "-A -f 5 -s rr" "-a -f 5 -r 1.1.1.10 -m" "-a -f 5 -r 1.1.1.20 -m"
}
traffic() { tries client 2.2.2.25 53 12 1.5 udp; }
repair() { local r; for r in rs1 rs2; do ip -n $r route replace default via 1.1.1.25; done; }
