# kind: broken
# cause: A rule of routing on the director throws away what comes from the servers' network.
# want: answer-held|clients-unrouted
# never: port-|neighbour-failed|wrong-gateway|no-route|address-|answers-elsewhere|server-silent
# traffic: yes
setup() { cluster nat; ip -n director rule add iif inner from 1.1.1.0/24 to 2.2.2.0/24 blackhole; nat_service; }
traffic() { knocks client 2.2.2.25 80; }
repair() { ip -n director rule del iif inner from 1.1.1.0/24 to 2.2.2.0/24; }
