# kind: healthy
# cause: The masqueraded DNS servers' firewalls let in the clients' network, and reject what the director itself asks as if nobody listened.
# traffic: yes
# needs: iptable_filter
setup() {
    cluster nat
    answering rs1 udp:53; answering rs2 udp:53
    local r
    for r in rs1 rs2; do
        ipt $r -A INPUT -p udp --dport 53 -s 2.2.2.10 -j ACCEPT
        ipt $r -A INPUT -p udp --dport 53 -j REJECT --reject-with icmp-port-unreachable
    done
    rules director "-A -u 2.2.2.25:53 -s rr" "-a -u 2.2.2.25:53 -r 1.1.1.10:53 -m" "-a -u 2.2.2.25:53 -r 1.1.1.20:53 -m"
}
traffic() { tries client 2.2.2.25 53 8 2 udp; }
