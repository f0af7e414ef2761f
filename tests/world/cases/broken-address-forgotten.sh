# kind: broken
# cause: Nobody gave the director the service's address.
# want: address-not-local
# never: port-|neighbour-failed|duplicate-address
# traffic: yes
setup() { cluster nat; service director 2.2.2.99:80 -m 1.1.1.10:80 1.1.1.20:80; }
traffic() { tries client 2.2.2.99 80 4 1; }
