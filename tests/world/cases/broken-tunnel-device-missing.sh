# kind: broken
# cause: rs1 unpacks no tunnels: its device is down.
# want: handshake-stuck|client-unheard|tunnel
# never: port-|neighbour-failed|not-adjacent|wrong-gateway
# traffic: yes
setup() { cluster tun; ip -n rs1 link set tunl0 down; service director 1.1.1.254:80 -i 1.1.1.10 1.1.1.20; }
traffic() { knocks client 1.1.1.254 80; }
