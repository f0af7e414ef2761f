# kind: healthy
# cause: The masqueraded servers' firewalls let in the clients' network, and reset what the director itself asks as if nobody listened.
# traffic: yes
# needs: iptable_filter
setup() {
    cluster nat; nat_service
    local r
    for r in rs1 rs2; do
        ipt $r -A INPUT -p tcp --dport 80 -s 2.2.2.10 -j ACCEPT
        ipt $r -A INPUT -p tcp --dport 80 -j REJECT --reject-with tcp-reset
    done
}
traffic() { tries client 2.2.2.25 80; }
