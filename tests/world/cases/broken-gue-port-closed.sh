# kind: broken
# cause: The servers unpack GUE at another port than the director sends to, and say so by ICMP.
# want: tunnel|client-unheard|handshake-stuck
# never: address-missing|port-|neighbour-failed|wrong-gateway
# traffic: yes
setup() {
    cluster tun
    service director 1.1.1.254:80 '-i --tun-type gue --tun-port 6081' 1.1.1.10 1.1.1.20
}
traffic() { knocks client 1.1.1.254 80; }
repair() { on rs1 ip fou add port 6081 gue; on rs2 ip fou add port 6081 gue; }
