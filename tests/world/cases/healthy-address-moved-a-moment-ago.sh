# kind: healthy
# cause: The address has just come over from the other director, with an announcement; that one is left without.
# traffic: yes
setup() {
    cluster dr 2
    ip -n director addr del 1.1.1.254/32 dev net; ip -n director2 addr add 1.1.1.254/32 dev net
    dr_service; dr_service director2
    tries client 1.1.1.254 80 4 >/dev/null
    ip -n director2 addr del 1.1.1.254/32 dev net; ip -n director addr add 1.1.1.254/32 dev net
    on client ip neigh replace 1.1.1.254 lladdr "$(mac director net)" dev net
    directors=(director director2)
}
traffic() { tries client 1.1.1.254 80; }
