# kind: broken
# cause: The masqueraded servers' filter lets in what comes from their own network, and not from clients.
# want: port-silent|server-silent|answers-elsewhere|handshake-stuck
# never: address-missing|neighbour-failed|duplicate-address|port-refused|no-route|forwarding-off
# traffic: yes
setup() {
    cluster nat
    local r
    for r in rs1 rs2; do
        on $r tc qdisc add dev inner ingress
        on $r tc filter add dev inner ingress protocol ip flower ip_proto tcp src_ip 2.2.2.0/24 action drop
    done
    nat_service
}
traffic() { knocks client 2.2.2.25 80; }
repair() { on rs1 tc qdisc del dev inner ingress; on rs2 tc qdisc del dev inner ingress; }
