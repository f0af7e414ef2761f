# kind: healthy
# cause: Clients come in by one uplink, and the director's way to them is the other, whose check of sources is loose.
# traffic: yes
setup() { two_uplinks; }
traffic() { tries client 2.2.2.25 80; }
