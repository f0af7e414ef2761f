# kind: broken
# cause: The server is 127.0.0.1, masqueraded.
# want: loopback-masqueraded
# never: port-|neighbour-failed|address-|nobody-listens
# traffic: yes
setup() { cluster nat; answering director http:8080; service director 2.2.2.25:80 -m 127.0.0.1:8080; }
traffic() { tries client 2.2.2.25 80 6 1.5; }
