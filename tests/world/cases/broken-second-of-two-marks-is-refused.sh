# kind: broken
# cause: Two marks are for two ports of an address, masqueraded; nobody listens at the servers' port of the second.
# want: port-refused|server-silent
# never: address-|neighbour-failed|wrong-gateway|answers-elsewhere|duplicate|mark-never-set|forwarding-off
# of: mark 2
# traffic: yes
setup() { cluster nat; two_marks -m public 2.2.2.25; }
traffic() { local a b; a=$(tries client 2.2.2.25 80); b=$(tries client 2.2.2.25 443 8 1); echo $((${a%/*} + ${b%/*}))/16; }
repair() { serve rs1 http:443; serve rs2 http:443; }
