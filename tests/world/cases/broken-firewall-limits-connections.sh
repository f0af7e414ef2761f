# kind: broken
# cause: The director's firewall lets in two connections a minute, and drops the rest.
# want: dropped-before-ipvs
# never: address-|port-|neighbour-failed|wrong-gateway|duplicate|no-route|client-unheard
# traffic: yes
# needs: iptable_filter xt_limit
setup() {
    cluster dr; dr_service
    ipt director -A INPUT -p tcp --syn --dport 80 -m limit --limit 1/min --limit-burst 2 -j ACCEPT
    ipt director -A INPUT -p tcp --syn --dport 80 -j DROP
}
traffic() { knocks client 1.1.1.254 80; }
repair() { ipt director -F INPUT; }
