# kind: broken
# cause: Nobody listens at rs1's port.
# want: port-refused|server-silent
# never: wrong-gateway|answers-elsewhere|forwarding-off|neighbour-failed
# traffic: yes
setup() { cluster nat; service director 2.2.2.25:80 -m 1.1.1.10:81 1.1.1.20:80; }
traffic() { tries client 2.2.2.25 80; }
