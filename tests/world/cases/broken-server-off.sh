# kind: broken
# cause: One directly routed server is off.
# want: neighbour-failed
# never: address-missing|port-|not-adjacent
# traffic: yes
setup() { cluster dr; dr_service; ip -n rs2 link set net down; }
traffic() { knocks client 1.1.1.254 80; }
