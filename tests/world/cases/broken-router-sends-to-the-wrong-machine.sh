# kind: broken
# cause: The router sends what is for the service to the standby, which has neither the address nor servers.
# want: note:nothing-arrives
# never: port-|neighbour-failed|duplicate|no-route|wrong-gateway
# traffic: yes
setup() {
    remote_dr; dr_service
    ip -n router route add 1.1.1.254/32 via 1.1.1.10
    ip -n rs1 addr del 1.1.1.254/32 dev lo
}
traffic() { knocks client 1.1.1.254 80; }
repair() { ip -n router route del 1.1.1.254/32; }
