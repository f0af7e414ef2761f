# kind: healthy
# cause: A firewall mark of IPv6 takes two ports, set by a filter of the interface; the servers are masqueraded.
# traffic: yes
setup() {
    cluster nat
    local port
    on director tc qdisc add dev public ingress
    for port in 80 22; do
        on director tc filter add dev public ingress protocol ipv6 flower ip_proto tcp dst_ip 2001:db8:2::25 dst_port $port action skbedit mark 9
    done
    rules director "-A -f 9 -6 -s rr -p 60" "-a -f 9 -6 -r 2001:db8:1::10 -m" "-a -f 9 -6 -r 2001:db8:1::20 -m"
}
traffic() { local a b; a=$(tries client 2001:db8:2::25 80 4); b=$(tries client 2001:db8:2::25 22 4); echo $((${a%/*} + ${b%/*}))/8; }
