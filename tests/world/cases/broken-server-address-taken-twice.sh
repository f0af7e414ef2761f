# kind: broken
# cause: Another machine has taken the address of the only server, and has no such program.
# want: port-refused|duplicate-address
# never: address-missing|wrong-gateway|address-not-local|client-beside-server
# traffic: yes
setup() { cluster nat; service director 2.2.2.25:80 -m 1.1.1.10:80
    ip -n rs2 address add 1.1.1.10/24 dev inner; ip -n director neigh replace 1.1.1.10 lladdr "$(mac rs2 inner)" dev inner nud reachable
    ip -n rs1 link set inner down; for p in $(ip netns pids rs2); do kill "$p"; done; }
traffic() { knocks client 2.2.2.25 80; }
