# kind: healthy
# cause: The masqueraded servers' firewalls let in the clients' network and drop what the director itself asks.
# traffic: yes
# needs: iptable_filter
setup() {
    cluster nat
    for r in rs1 rs2; do ipt $r -A INPUT -p tcp --dport 80 -s 2.2.2.0/24 -j ACCEPT; ipt $r -A INPUT -p tcp --dport 80 -j DROP; done
    nat_service
}
traffic() { tries client 2.2.2.25 80; }
