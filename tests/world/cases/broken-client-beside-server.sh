# kind: broken
# cause: The client is in the masqueraded servers' network.
# want: client-beside-server|client-unheard
# never: answers-elsewhere|wrong-gateway|port-|neighbour-failed|address-missing
# traffic: yes
setup() { cluster nat; nat_service; ip -n client link set public down; cluster_hosts_more; }
cluster_hosts_more() { ip -n switch link add name inner-x type veth peer name inner netns client; ip -n switch link set inner-x master inner up; ip -n client link set inner up; ip -n client addr add 1.1.1.77/24 dev inner; ip -n client route add 2.2.2.25 via 1.1.1.25; }
traffic() { knocks client 2.2.2.25 80; }
