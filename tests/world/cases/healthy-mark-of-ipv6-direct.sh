# kind: healthy
# cause: A firewall mark of IPv6, directly routed.
# traffic: yes
setup() {
    cluster dr
    on director tc qdisc add dev net ingress
    on director tc filter add dev net ingress protocol ipv6 flower ip_proto tcp dst_ip 2001:db8:1::254 dst_port 80 action skbedit mark 4
    rules director "-A -f 4 -6 -s rr" "-a -f 4 -6 -r 2001:db8:1::10 -g" "-a -f 4 -6 -r 2001:db8:1::20 -g"
}
traffic() { tries client 2001:db8:1::254 80; }
