# kind: broken
# cause: Each of two directors is the only server of the other.
# want: sent-in-circles
# never: port-|neighbour-failed|address-not-local
# traffic: yes
setup() {
    cluster dr 2
    ip -n director2 addr add 1.1.1.254/32 dev lo; put director2 conf/all/arp_ignore=1 conf/all/arp_announce=2
    service director 1.1.1.254:80 -g 1.1.1.26
    service director2 1.1.1.254:80 -g 1.1.1.25
}
traffic() { tries client 1.1.1.254 80 8 2; }
