# kind: broken
# cause: The address is on the director's lo as /24, so that it takes the servers' network for its own.
# want: prefix-on-loopback
# never: port-|neighbour-failed|address-|no-route
# traffic: yes
setup() { cluster dr; ip -n director addr del 1.1.1.254/32 dev net; ip -n director addr add 1.1.1.254/24 dev lo; dr_service; }
traffic() { tries client 1.1.1.254 80 6 1.5; }
