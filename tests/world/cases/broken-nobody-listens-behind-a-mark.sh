# kind: broken
# cause: A mark's connections are masqueraded, and nobody listens at the servers' port.
# want: port-refused|server-silent
# never: address-|wrong-gateway|answers-elsewhere|neighbour-failed|no-route|duplicate|forwarding-off
# traffic: yes
setup() {
    cluster nat
    on director tc qdisc add dev public ingress
    on director tc filter add dev public ingress protocol ip flower ip_proto tcp dst_ip 2.2.2.25 dst_port 443 action skbedit mark 7
    rules director "-A -f 7 -s rr" "-a -f 7 -r 1.1.1.10 -m" "-a -f 7 -r 1.1.1.20 -m"
}
traffic() { tries client 2.2.2.25 443; }
repair() { serve rs1 http:443; serve rs2 http:443; }
