# kind: broken
# cause: rs1 answers ARP for the address, so clients go there past the director; its program is down.
# want: duplicate-address
# never: neighbour-failed|address-not-local
# traffic: yes
setup() {
    cluster dr; put rs1 conf/all/arp_ignore=0 conf/lo/arp_ignore=0 conf/net/arp_ignore=0
    service director 1.1.1.254:81 -g 1.1.1.10 1.1.1.20
    ip -n client neigh flush all
    ip -n client neigh add 1.1.1.254 lladdr "$(mac rs1 net)" dev net
}
traffic() { tries client 1.1.1.254 81 4 1; }
