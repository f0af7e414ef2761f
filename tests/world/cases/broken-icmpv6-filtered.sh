# kind: broken
# cause: The director's firewall drops ICMPv6, and neighbour discovery with it.
# want: address-unanswered|note:nothing-arrives|neighbour-failed
# never: port-|wrong-gateway|address-missing|duplicate
# traffic: yes
# needs: ip6table_filter
setup() {
    cluster nat
    on director ip6tables-legacy -A INPUT -p icmpv6 -j DROP
    service director '[2001:db8:2::25]:80' -m '[2001:db8:1::10]:80' '[2001:db8:1::20]:80'
}
traffic() { knocks client 2001:db8:2::25 80; }
repair() { on director ip6tables-legacy -F INPUT; }
