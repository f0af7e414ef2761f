# kind: broken
# cause: A rule left from before (DNAT) sends what comes for the service elsewhere, before IPVS sees it.
# want: note:nothing-arrives|dropped-before-ipvs
# never: address-|port-|neighbour-failed|wrong-gateway|duplicate|not-forwarded
# traffic: yes
# needs: iptable_nat
setup() { cluster nat; nat_service; ipt director -t nat -A PREROUTING -d 2.2.2.25 -p tcp --dport 80 -j DNAT --to 1.1.1.99:8080; }
traffic() { knocks client 2.2.2.25 80; }
repair() { ipt director -t nat -F PREROUTING; }
