# kind: broken
# cause: rs1 asks the service that it is a server of, masqueraded, and is sent to itself.
# want: server-is-client|client-beside-server|client-unheard
# never: port-|neighbour-failed|answers-elsewhere|wrong-gateway|address-
# traffic: yes
setup() { cluster nat; service director 2.2.2.25:80 -m 1.1.1.10:80; }
traffic() { knocks rs1 2.2.2.25 80; }
