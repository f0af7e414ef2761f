# kind: broken
# cause: Another machine has the service's IPv6 address, so that the director's own is given up as a duplicate.
# want: address-|duplicate-address
# never: address-missing|port-|neighbour-failed|wrong-gateway|client-beside-server
# traffic: yes
setup() {
    cluster dr
    ip -n director address del 2001:db8:1::254/128 dev net
    ip -n rs2 address del 2001:db8:1::254/128 dev lo; ip -n rs2 address add 2001:db8:1::254/128 dev net nodad
    for p in $(ip netns pids rs2); do kill "$p"; done
    ip -n director address add 2001:db8:1::254/128 dev net
    sleep 3; ip -n director -6 address show dev net
    service director '[2001:db8:1::254]:80' -g '[2001:db8:1::10]:80'
}
traffic() { knocks client 2001:db8:1::254 80; }
