# kind: broken
# cause: With direct routing, the servers have a route that throws away what is for the clients' network.
# want: client-unheard|handshake-stuck|wrong-gateway|server-silent|port-silent
# never: address-missing|port-refused|neighbour-failed|address-not-local|client-beside-server
# traffic: yes
setup() { remote_dr; local r; for r in rs1 rs2; do ip -n $r route add blackhole 2.2.2.0/24; done; dr_service; }
traffic() { knocks client 1.1.1.254 80; }
repair() { local r; for r in rs1 rs2; do ip -n $r route del blackhole 2.2.2.0/24; done; }
