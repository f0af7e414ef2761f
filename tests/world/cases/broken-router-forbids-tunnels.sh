# kind: broken
# cause: The servers are in another network, and the router between rejects the tunnels' packets by ICMP.
# want: icmp-error|tunnel-silent|client-unheard|handshake-stuck|tunnel-refused
# never: address-missing|port-|neighbour-failed|wrong-gateway|duplicate|dropped-before
# traffic: yes
# needs: iptable_filter
setup() {
    remote_tunnels
    ipt router -A FORWARD -p 4 -j REJECT --reject-with icmp-admin-prohibited
}
traffic() { knocks client 1.1.1.254 80; }
repair() { ipt router -F FORWARD; }
