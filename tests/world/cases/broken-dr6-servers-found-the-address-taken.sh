# kind: broken
# cause: The servers have the service's IPv6 address on their card, where they look for it first: the director answers, and they do not use it.
# want: address-missing|client-unheard
# never: neighbour-failed|duplicate-address|wrong-gateway|no-route
# traffic: yes
setup() {
    cluster dr
    local r
    for r in rs1 rs2; do
        ip -n $r address del 2001:db8:1::254/128 dev lo
        ip -n $r address add 2001:db8:1::254/128 dev net
    done
    sleep 3
    service director [2001:db8:1::254]:80 -g [2001:db8:1::10]:80 [2001:db8:1::20]:80
}
traffic() { knocks client 2001:db8:1::254 80; }
repair() { local r; for r in rs1 rs2; do ip -n $r address del 2001:db8:1::254/128 dev net;  ip -n $r address add 2001:db8:1::254/128 dev lo; done; }
