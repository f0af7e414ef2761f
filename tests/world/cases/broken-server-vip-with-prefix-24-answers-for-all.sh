# kind: broken
# cause: rs1 has the service's address on lo as /24 without hiding anything: it answers ARP for every address of the network.
# want: prefix|netmask|duplicate-address|client-unheard
# never: address-missing|wrong-gateway|port-refused
# traffic: yes
setup() {
    cluster dr
    ip -n rs1 addr del 1.1.1.254/32 dev lo
    put rs1 conf/all/arp_ignore=0 conf/lo/arp_ignore=0
    ip -n rs1 addr add 1.1.1.254/24 dev lo
    dr_service
}
traffic() { knocks client 1.1.1.254 80; }
repair() {
    put rs1 conf/all/arp_ignore=1
    ip -n rs1 addr add 1.1.1.254/32 dev lo; ip -n rs1 addr del 1.1.1.254/24 dev lo
    for h in client director rs1 rs2; do ip -n $h neigh flush all; done
}
