# kind: broken
# cause: One directly routed server lacks the IPv6 address.
# want: address-missing|handshake-stuck|client-unheard
# never: neighbour-failed|no-route|duplicate-address
# traffic: yes
setup() { cluster dr; ip -n rs2 addr del 2001:db8:1::254/128 dev lo; service director [2001:db8:1::254]:80 -g [2001:db8:1::10]:80 [2001:db8:1::20]:80; }
traffic() { knocks client 2001:db8:1::254 80; }
