# kind: broken
# cause: Two directors are each other's only server, so a client's packet goes round until its time to live is over.
# want: sent-in-circles|circle|loop
# never: address-missing|port-|neighbour-failed|duplicate-address|wrong-gateway
# traffic: yes
# judged: What the first director asks the second, IPVS there hands to the first: that is no missing address.
setup() {
    cluster dr 2
    put director2 conf/all/arp_ignore=1 conf/lo/arp_ignore=1
    ip -n director2 addr add 1.1.1.254/32 dev lo
    service director 1.1.1.254:80 -g 1.1.1.26
    service director2 1.1.1.254:80 -g 1.1.1.25
}
traffic() { knocks client 1.1.1.254 80; }
