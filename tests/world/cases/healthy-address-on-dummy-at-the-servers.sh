# kind: healthy
# cause: The directly routed servers have the address on a dummy; one request comes, and no other.
# traffic: yes
setup() {
    modprobe dummy
    cluster dr
    local r
    for r in rs1 rs2; do
        ip -n $r addr del 1.1.1.254/32 dev lo
        ip -n $r link add vip type dummy; ip -n $r link set vip up; ip -n $r addr add 1.1.1.254/32 dev vip
    done
    dr_service
}
traffic() { tries client 1.1.1.254 80 1; }
