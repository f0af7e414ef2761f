# kind: broken
# cause: The second director has the address, too, without the services, and the client has heard it first.
# want: duplicate-address
# never: port-|neighbour-failed|wrong-gateway|handshake|address-missing|no-server
# traffic: yes
setup() {
    cluster dr 2
    ip -n director2 address add 1.1.1.254/32 dev net
    dr_service
    ip -n client neigh replace 1.1.1.254 lladdr "$(mac director2 net)" dev net nud reachable
}
traffic() { tries client 1.1.1.254 80 12 2.3; }
repair() { ip -n director2 address del 1.1.1.254/32 dev net; ip -n client neigh del 1.1.1.254 dev net; }
