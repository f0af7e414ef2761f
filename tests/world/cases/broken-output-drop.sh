# kind: broken
# cause: The director's OUTPUT drops what goes to the servers' network, and what IPVS masquerades with it.
# want: not-forwarded|handshake-stuck|answer-held
# never: address-missing|port-|neighbour-failed|wrong-gateway|address-not-local|client-beside-server
# traffic: yes
# needs: iptable_filter
setup() { cluster nat; ipt director -A OUTPUT -d 1.1.1.0/24 -p tcp --dport 80 -j DROP; nat_service; }
traffic() { knocks client 2.2.2.25 80; }
repair() { ipt director -F OUTPUT; }
