# kind: broken
# cause: A rule sends what comes from the clients' network to the uplink's table, which lacks the servers' network; so the servers' interface, which is strict, takes their answers for strays.
# want: rp-filter
# never: clients-unrouted|port-|answers-elsewhere|wrong-gateway|address-|neighbour-failed|forwarding-off|no-route|dropped-before-ipvs
# traffic: yes
setup() {
    cluster nat; nat_service
    ip -n director route add 2.2.2.0/24 dev public table 5; ip -n director route add default via 2.2.2.1 dev public table 5
    ip -n director rule add from 2.2.2.0/24 lookup 5
    put director conf/all/rp_filter=1
}
traffic() { knocks client 2.2.2.25 80; }
repair() { put director conf/inner/rp_filter=2; }
