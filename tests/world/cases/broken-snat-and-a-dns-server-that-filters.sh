# kind: broken
# cause: The director gives datagrams to the servers a source of its own, at ports by chance; one of the servers drops them.
# want: note:server-silent|answers-elsewhere|port-silent
# never: address-|neighbour-failed|wrong-gateway|duplicate|no-route|forwarding-off|not-forwarded|dropped-
# traffic: yes
# needs: iptable_nat
setup() {
    cluster nat
    answering rs1 udp:53; answering rs2 udp:53
    on rs2 tc qdisc add dev inner ingress
    on rs2 tc filter add dev inner ingress protocol ip flower ip_proto udp action drop
    put director vs/conntrack=1
    ipt director -t nat -A POSTROUTING -d 1.1.1.0/24 -j MASQUERADE --random-fully
    rules director "-A -u 2.2.2.25:53 -s rr" "-a -u 2.2.2.25:53 -r 1.1.1.10:53 -m" "-a -u 2.2.2.25:53 -r 1.1.1.20:53 -m"
}
traffic() { tries client 2.2.2.25 53 12 1.5 udp; }
repair() { on rs2 tc qdisc del dev inner ingress; }
