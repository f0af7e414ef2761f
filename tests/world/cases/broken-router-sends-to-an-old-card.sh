# kind: broken
# cause: The router before the director has the address of the service written with the network card of a director that is gone.
# want: note:nothing-arrives
# never: address-|port-|neighbour-failed|wrong-gateway|duplicate|dropped-before
# traffic: yes
setup() {
    remote_dr; dr_service
    ip -n router neigh replace 1.1.1.254 lladdr 02:00:00:00:00:99 dev net nud permanent
}
traffic() { knocks client 1.1.1.254 80; }
repair() { ip -n router neigh del 1.1.1.254 dev net; }
