# kind: broken
# cause: The IPv6 servers' gateway is another router.
# want: wrong-gateway|answers-elsewhere|server-silent|handshake-stuck
# never: address-missing|neighbour-failed|forwarding-off|port-
# traffic: yes
setup() {
    cluster nat; local r
    for r in rs1 rs2; do ip -n $r -6 route replace default via 2001:db8:1::99; done
    service director [2001:db8:2::25]:80 -m [2001:db8:1::10]:80 [2001:db8:1::20]:80
}
traffic() { knocks client 2001:db8:2::25 80; }
