# kind: broken
# cause: A permanent neighbour entry on the director has the hardware address that the only server had before its card was changed.
# want: port-silent|server-silent|client-unheard|handshake-stuck|neighbour
# never: address-missing|wrong-gateway|address-not-local|client-beside-server
# traffic: yes
setup() { cluster dr; service director 1.1.1.254:80 -g 1.1.1.10; ip -n director neigh replace 1.1.1.10 lladdr 02:00:00:00:12:34 dev net nud permanent; }
traffic() { knocks client 1.1.1.254 80; }
repair() { ip -n director neigh del 1.1.1.10 dev net; }
