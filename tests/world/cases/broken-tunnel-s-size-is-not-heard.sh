# kind: broken
# cause: Large requests do not fit the tunnels, and the clients' firewall drops what would tell them so (ICMP).
# want: note:mtu
# never: port-|neighbour-failed|address-|wrong-gateway|handshake-stuck|client-unheard|tunnel-
# traffic: yes
setup() {
    cluster tun
    ip -n client link set net gso_max_segs 1 # as packets are on the wire
    on client tc qdisc add dev net ingress
    on client tc filter add dev net ingress protocol ip flower ip_proto icmp action drop
    service director 1.1.1.254:80 -i 1.1.1.10 1.1.1.20
}
traffic() { UPLOAD=6000 tries client 1.1.1.254 80; }
repair() { on client tc qdisc del dev net ingress; }
