# kind: healthy
# cause: A router sends the service's /32 to the director, who has it on lo and answers no ARP for it (BGP); the servers answer by the router.
# traffic: yes
setup() {
    remote_dr
    ip -n director address del 1.1.1.254/32 dev net; ip -n director address add 9.9.9.9/32 dev lo
    ip -n router route add 9.9.9.9/32 via 1.1.1.25
    put director conf/all/arp_ignore=1 conf/all/arp_announce=2 conf/all/rp_filter=2
    local r
    for r in rs1 rs2; do ip -n $r address add 9.9.9.9/32 dev lo; done
    service director 9.9.9.9:80 -g 1.1.1.10 1.1.1.20
}
traffic() { tries client 9.9.9.9 80; }
