# kind: broken
# cause: The director does not forward IPv6.
# want: forwarding-off
# never: port-|neighbour-failed|answers-elsewhere|wrong-gateway
# traffic: yes
setup() { cluster nat; service director [2001:db8:2::25]:80 -m [2001:db8:1::10]:80 [2001:db8:1::20]:80; on director sh -c 'echo 0 >/proc/sys/net/ipv6/conf/all/forwarding'; }
traffic() { knocks client 2001:db8:2::25 80; }
