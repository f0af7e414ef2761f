# kind: broken
# cause: FORWARD drops what connection tracking calls INVALID, and lets in what is ESTABLISHED; IPVS does not tell it of its connections.
# want: answer-held|answers-elsewhere|server-silent|handshake-stuck
# never: address-|port-|neighbour-failed|wrong-gateway|duplicate|forwarding-off|no-route
# traffic: yes
# needs: iptable_filter xt_conntrack
setup() {
    cluster nat; nat_service
    ipt director -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
    ipt director -A FORWARD -m conntrack --ctstate NEW -i public -j ACCEPT
    ipt director -P FORWARD DROP
}
traffic() { knocks client 2.2.2.25 80; }
repair() { put director vs/conntrack=1; }
