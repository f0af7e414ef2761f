# kind: broken
# cause: Two marks are for two ports of an address, directly routed; the servers drop what comes for the second, and clients of the first are served all the while.
# want: client-unheard|handshake-stuck|port-silent
# never: address-|neighbour-failed|wrong-gateway|duplicate|port-refused|mark-never-set|forwarding-off
# of: mark 2
# traffic: yes
setup() {
    cluster dr
    local r
    on director tc qdisc add dev net ingress
    on director tc filter add dev net ingress protocol ip flower ip_proto tcp dst_ip 1.1.1.254 dst_port 80 action skbedit mark 1
    on director tc filter add dev net ingress protocol ip flower ip_proto tcp dst_ip 1.1.1.254 dst_port 443 action skbedit mark 2
    for r in rs1 rs2; do
        answering $r http:443
        on $r tc qdisc add dev net ingress
        on $r tc filter add dev net ingress protocol ip flower ip_proto tcp dst_port 443 action drop
    done
    rules director "-A -f 1 -s rr" "-a -f 1 -r 1.1.1.10 -g" "-a -f 1 -r 1.1.1.20 -g" \
        "-A -f 2 -s rr" "-a -f 2 -r 1.1.1.10 -g" "-a -f 2 -r 1.1.1.20 -g"
}
traffic() {
    local a b c
    a=$(tries client 1.1.1.254 80 4); b=$(knocks client 1.1.1.254 443); c=$(tries client 1.1.1.254 80 4)
    echo $((${a%/*} + ${b%/*} + ${c%/*}))/20
}
repair() { local r; for r in rs1 rs2; do on $r tc qdisc del dev net ingress; done; }
