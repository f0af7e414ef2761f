# kind: healthy
# cause: IPv6, directly routed.
# traffic: yes
setup() { cluster dr; service director [2001:db8:1::254]:80 -g [2001:db8:1::10]:80 [2001:db8:1::20]:80; }
traffic() { tries client 2001:db8:1::254 80; }
