# kind: broken
# cause: With direct routing, rs1 has a default gateway that nobody is any more.
# want: wrong-gateway|client-unheard|handshake-stuck
# never: address-missing|port-|neighbour-failed|duplicate-address
# traffic: yes
setup() { remote_dr; ip -n rs1 route replace default via 1.1.1.77; dr_service; }
traffic() { knocks client 1.1.1.254 80; }
repair() { ip -n rs1 route replace default via 1.1.1.1; }
