# kind: broken
# cause: The director has a blackhole route to one server.
# want: no-route
# never: port-|neighbour-failed|wrong-gateway|address-|handshake|answers-|server-silent
# traffic: yes
setup() { cluster nat; ip -n director route add blackhole 1.1.1.20/32; nat_service; }
traffic() { knocks client 2.2.2.25 80; }
repair() { ip -n director route del blackhole 1.1.1.20/32; }
