# kind: broken
# cause: Answers leave by another uplink than requests come in by, and its provider drops sources that are not its own.
# want: client-unheard|handshake-stuck|clients-unrouted
# never: address-|neighbour-failed|port-|duplicate|no-route|wrong-gateway|answers-elsewhere|server-silent
# traffic: yes
setup() {
    two_uplinks
    on routerb tc qdisc add dev upb ingress
    on routerb tc filter add dev upb ingress protocol ip flower src_ip 2.2.2.0/24 action drop
}
traffic() { knocks client 2.2.2.25 80; }
repair() { ip -n director rule add from 2.2.2.25 lookup 5; ip -n director route add default via 2.2.2.1 table 5; }
