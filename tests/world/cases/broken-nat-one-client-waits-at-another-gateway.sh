# kind: broken
# cause: The masqueraded server's default gateway is another router, and a single client has tried so far.
# want: wrong-gateway
# never: address-missing|port-|neighbour-failed|client-beside-server
# traffic: yes
setup() {
    cluster nat
    ip -n rs1 route replace default via 1.1.1.99
    service director 2.2.2.25:80 -m 1.1.1.10:80
}
traffic() { tries client 2.2.2.25 80 1 2.5; }
repair() { ip -n rs1 route replace default via 1.1.1.25; }
