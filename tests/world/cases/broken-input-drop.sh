# kind: broken
# cause: The director's INPUT drops what comes for the service.
# want: note:nothing-arrives|dropped-before-ipvs
# never: address-|port-|neighbour-failed|duplicate
# traffic: yes
# needs: iptable_filter
setup() { cluster nat; nat_service; ipt director -A INPUT -p tcp --dport 80 -j DROP; }
traffic() { knocks client 2.2.2.25 80; }
