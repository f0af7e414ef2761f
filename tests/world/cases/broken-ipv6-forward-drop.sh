# kind: broken
# cause: The director's ip6tables drop in FORWARD what the servers answer.
# want: answer-held|answers-elsewhere|server-silent|handshake-stuck
# never: address-|port-|neighbour-failed|wrong-gateway|duplicate|forwarding-off|no-route
# traffic: yes
# needs: ip6table_filter
setup() {
    cluster nat
    on director ip6tables-legacy -P FORWARD DROP
    service director '[2001:db8:2::25]:80' -m '[2001:db8:1::10]:80' '[2001:db8:1::20]:80'
}
traffic() { knocks client 2001:db8:2::25 80; }
repair() { on director ip6tables-legacy -P FORWARD ACCEPT; }
