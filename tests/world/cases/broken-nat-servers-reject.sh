# kind: broken
# cause: The servers' firewalls reject the port with an ICMP error, as firewalld does; clients see "No route to host".
# want: port-refused|rejected|server-silent|answer-held
# never: answers-elsewhere|wrong-gateway|address-missing|neighbour-failed|no-route
# traffic: yes
# needs: iptable_filter
setup() {
    cluster nat
    for r in rs1 rs2; do ipt $r -A INPUT -p tcp --dport 80 -j REJECT --reject-with icmp-host-prohibited; done
    nat_service
}
traffic() { knocks client 2.2.2.25 80; }
repair() { for r in rs1 rs2; do ipt $r -F INPUT; done; }
