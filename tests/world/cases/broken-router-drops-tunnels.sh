# kind: broken
# cause: The servers are in another network, and the router between drops the tunnels' packets.
# want: tunnel-silent|client-unheard|handshake-stuck
# never: address-missing|port-|neighbour-failed|wrong-gateway|duplicate|dropped-before
# traffic: yes
setup() {
    remote_tunnels
    on router tc qdisc add dev net ingress
    on router tc filter add dev net ingress protocol ip flower ip_proto 4 action drop
}
traffic() { knocks client 1.1.1.254 80; }
repair() { on router tc qdisc del dev net ingress; }
