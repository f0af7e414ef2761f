# kind: broken
# cause: A rule left from before (REDIRECT) sends what comes for the service to a port of the director where nobody listens.
# want: note:nothing-arrives|dropped-before-ipvs
# never: address-|port-|neighbour-failed|wrong-gateway|duplicate|not-forwarded
# traffic: yes
# needs: iptable_nat
setup() { cluster nat; nat_service; ipt director -t nat -A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080; }
traffic() { knocks client 2.2.2.25 80; }
repair() { ipt director -t nat -F PREROUTING; }
