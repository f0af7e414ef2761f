# kind: broken
# cause: Tunnels leave less room than clients use, and the director's firewall drops the ICMP that would tell them.
# want: note: mtu
# never: .
# traffic: yes
# judged: Connections are opened, so that clients count as heard.
setup() {
    cluster tun
    ipt director -A OUTPUT -p icmp -j DROP
    service director 1.1.1.254:80 -i 1.1.1.10 1.1.1.20
    put client tcp_mtu_probing=0
}
traffic() { on client perl "$WORLD/large.pl" 1.1.1.254 80 6; }
