# kind: broken
# cause: Two marks are for two ports of an address, masqueraded; nobody listens at the servers' port of the second.
# want: port-refused|server-silent
# never: address-|neighbour-failed|wrong-gateway|answers-elsewhere|duplicate|mark-never-set|forwarding-off
# of: mark 2
# traffic: yes
setup() {
    cluster nat
    on director tc qdisc add dev public ingress
    on director tc filter add dev public ingress protocol ip flower ip_proto tcp dst_ip 2.2.2.25 dst_port 80 action skbedit mark 1
    on director tc filter add dev public ingress protocol ip flower ip_proto tcp dst_ip 2.2.2.25 dst_port 443 action skbedit mark 2
    rules director "-A -f 1 -s rr" "-a -f 1 -r 1.1.1.10 -m" "-a -f 1 -r 1.1.1.20 -m" \
        "-A -f 2 -s rr" "-a -f 2 -r 1.1.1.10 -m" "-a -f 2 -r 1.1.1.20 -m"
}
traffic() { local a b; a=$(tries client 2.2.2.25 80); b=$(tries client 2.2.2.25 443 8 1); echo $((${a%/*} + ${b%/*}))/16; }
repair() { serve rs1 http:443; serve rs2 http:443; }
