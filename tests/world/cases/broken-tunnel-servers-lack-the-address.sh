# kind: broken
# cause: The tunnelled servers do not have the service's address.
# want: tunnel-silent|client-unheard|handshake-stuck|address-missing|tunnel
# never: neighbour-failed|wrong-gateway|no-route|duplicate|tunnel-refused
# traffic: yes
setup() {
    cluster tun
    for r in 1 2; do on rs$r ip address del 1.1.1.254/32 dev lo; done
    service director 1.1.1.254:80 -i 1.1.1.10 1.1.1.20
}
traffic() { knocks client 1.1.1.254 80; }
repair() { for r in 1 2; do on rs$r ip address add 1.1.1.254/32 dev lo; done; }
