# kind: broken
# cause: One of two servers with direct routing does not have the service's IPv6 address.
# want: address-missing|client-unheard
# never: neighbour-failed|duplicate-address|wrong-gateway
# traffic: yes
setup() {
    cluster dr
    ip -n rs2 addr del 2001:db8:1::254/128 dev lo
    service director '[2001:db8:1::254]:80' -g '[2001:db8:1::10]:80' '[2001:db8:1::20]:80'
}
traffic() { knocks client 2001:db8:1::254 80; }
repair() { ip -n rs2 addr add 2001:db8:1::254/128 dev lo; }
