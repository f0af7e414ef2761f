# kind: broken
# cause: The servers listen at 8080 and are added with that port, which direct routing does not translate.
# want: port-refused|port-
# never: address-missing|wrong-gateway|neighbour-failed|address-not-local|client-beside-server
# traffic: yes
setup() { cluster dr; serve rs1 http:8080; serve rs2 http:8080
    rules director "-A -t 1.1.1.254:88 -s rr" "-a -t 1.1.1.254:88 -r 1.1.1.10:8080 -g" "-a -t 1.1.1.254:88 -r 1.1.1.20:8080 -g"; }
traffic() { knocks client 1.1.1.254 88; }
