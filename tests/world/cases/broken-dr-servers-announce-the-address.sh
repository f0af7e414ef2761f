# kind: broken
# cause: arp_announce is 0 at the servers, so they ask for their gateway as from the service's address, and the gateway sends there.
# want: duplicate-address|announce|asks-from|client-unheard|nothing-arrives
# never: address-missing|port-|neighbour-failed|wrong-gateway
# traffic: yes
setup() { remote_dr 0; dr_service; }
traffic() {
    ip -n rs1 neigh flush dev net; ip -n rs2 neigh flush dev net; ip -n router neigh flush dev net
    knocks client 1.1.1.254 80
}
repair() { for r in rs1 rs2; do put $r conf/all/arp_announce=2 conf/lo/arp_announce=2; done; }
