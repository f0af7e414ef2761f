# kind: broken
# cause: One server is sent GRE, and unpacks IPIP alone; the other gets what it unpacks.
# want: tunnel-refused|tunnel-silent|client-unheard|handshake-stuck|icmp-error
# never: address-|neighbour-failed|wrong-gateway|duplicate|no-route|port-
# traffic: yes
setup() {
    cluster tun
    ip -n rs2 link set gre0 down
    rules director "-A -t 1.1.1.254:80 -s rr" "-a -t 1.1.1.254:80 -r 1.1.1.10 -i" "-a -t 1.1.1.254:80 -r 1.1.1.20 -i --tun-type gre"
}
traffic() { knocks client 1.1.1.254 80; }
repair() { rules director "-e -t 1.1.1.254:80 -r 1.1.1.20 -i --tun-type ipip"; }
