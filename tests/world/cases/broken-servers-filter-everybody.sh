# kind: broken
# cause: The servers' firewalls drop the port.
# want: port-silent|server-silent|address-missing|client-unheard
# never: wrong-gateway|answers-elsewhere|neighbour-failed|forwarding-off|answer-held
# traffic: yes
# needs: iptable_filter
setup() { cluster nat; nat_service; local r; for r in rs1 rs2; do ipt $r -A INPUT -p tcp --dport 80 -j DROP; done; }
traffic() { knocks client 2.2.2.25 80; }
