# kind: broken
# cause: The servers drop what comes from the clients; answers would be routed by a mark that they are given where they come in, and no other route leads to the clients.
# want: port-silent|server-silent|answers-elsewhere|handshake-stuck
# never: clients-unrouted|rp-filter|answer-held|forwarding-off|address-|neighbour-failed|port-refused|no-route
# traffic: yes
setup() { local r; answers_by_mark; for r in rs1 rs2; do drops $r inner ip_proto tcp src_ip 198.51.100.0/24; done; }
traffic() { knocks client 2.2.2.25 80; }
repair() { on rs1 tc qdisc del dev inner ingress; on rs2 tc qdisc del dev inner ingress; }
