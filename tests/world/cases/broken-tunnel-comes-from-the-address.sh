# kind: broken
# cause: The director's tunnels begin at the service's address, which the servers have too: they drop what seems to come from themselves.
# want: client-unheard|handshake-stuck|tunnel-silent|asks-from-the-address
# never: neighbour-failed|duplicate-address|port-refused|no-route|wrong-gateway
# traffic: yes
setup() { remote_tunnels 1.1.1.254/24; }
traffic() { knocks client 1.1.1.254 80; }
repair() { ip -n director address add 1.1.1.25/24 dev net; ip -n director route replace default via 1.1.1.1 src 1.1.1.25; }
