# kind: healthy
# cause: With direct routing, the director needs no route to the clients: answers go past it.
# traffic: yes
setup() { remote_dr; ip -n director route del default; put director conf/all/rp_filter=0 conf/net/rp_filter=0; dr_service; }
traffic() { tries client 1.1.1.254 80; }
