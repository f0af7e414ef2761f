# kind: healthy
# cause: A client asks for the hardware address now and then; to the second director, which waits for the address, the switch sends the questions, and not the answers of the first.
# traffic: yes
directors=(director director2)
setup() { cluster dr 2; dr_service; dr_service director2; }
traffic() {
    local a b
    a=$(tries client 1.1.1.254 80 4); ip -n client neigh flush dev net >&2; sleep 1.5
    b=$(tries client 1.1.1.254 80 4); ip -n client neigh flush dev net >&2; sleep .7
    tries client 1.1.1.254 80 1 >&2
    echo $((${a%/*} + ${b%/*}))/8
}
