# kind: healthy
# cause: IPv6, masqueraded, the director is the servers' gateway.
# traffic: yes
setup() { cluster nat; service director [2001:db8:2::25]:80 -m [2001:db8:1::10]:80 [2001:db8:1::20]:80; }
traffic() { tries client 2001:db8:2::25 80; }
