# kind: broken
# cause: Two marks are for two ports of an address, directly routed; the servers drop what comes for the second.
# want: client-unheard|handshake-stuck|port-silent
# never: address-|neighbour-failed|wrong-gateway|duplicate|port-refused|mark-never-set|forwarding-off
# of: mark 2
# traffic: yes
setup() {
    local r
    cluster dr
    for r in rs1 rs2; do answering $r http:443; drops $r net ip_proto tcp dst_port 443; done
    two_marks -g net 1.1.1.254
}
traffic() { local a b; a=$(tries client 1.1.1.254 80); b=$(knocks client 1.1.1.254 443); echo $((${a%/*} + ${b%/*}))/20; }
repair() { local r; for r in rs1 rs2; do on $r tc qdisc del dev net ingress; done; }
