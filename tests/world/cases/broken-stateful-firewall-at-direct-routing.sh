# kind: broken
# cause: The director's firewall takes new connections and established ones; of directly routed ones it sees half and knows none, so that it drops all but the SYN.
# want: dropped-before-ipvs|handshake-stuck|client-unheard
# never: address-|port-|neighbour-failed|wrong-gateway|duplicate|not-forwarded
# traffic: yes
# needs: iptable_filter xt_conntrack
setup() {
    cluster dr; dr_service
    ipt director -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
    ipt director -A INPUT -p tcp --syn --dport 80 -j ACCEPT
    ipt director -P INPUT DROP
}
traffic() { knocks client 1.1.1.254 80; }
repair() { ipt director -A INPUT -p tcp --dport 80 -j ACCEPT; }
