# kind: broken
# cause: Somebody took the director's inner interface down.
# want: no-route|neighbour-failed
# never: address-|port-|wrong-gateway|duplicate|forwarding-off
# traffic: yes
setup() { cluster nat; nat_service; ip -n director link set inner down; }
traffic() { knocks client 2.2.2.25 80; }
repair() { ip -n director link set inner up; }
