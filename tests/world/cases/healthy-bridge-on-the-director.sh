# kind: healthy
# cause: The director's addresses are on a bridge, its card is a port of that.
# traffic: yes
setup() {
    cluster dr
    ip -n director addr flush dev net
    ip -n director link add br0 type bridge forward_delay 0; ip -n director link set br0 up; ip -n director link set net master br0
    ip -n director addr add 1.1.1.25/24 dev br0; ip -n director addr add 1.1.1.254/32 dev br0
    ip -n client neigh flush all
    dr_service
    sleep 1
}
traffic() { tries client 1.1.1.254 80; }
