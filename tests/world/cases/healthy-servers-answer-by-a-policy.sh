# kind: healthy
# cause: Servers with two cards answer from the address of the service by a rule of their own; the other way is the default, and leads elsewhere.
# traffic: yes
setup() {
    remote_dr; dr_service
    local r
    for r in rs1 rs2; do
        ip -n $r rule add from 1.1.1.254 lookup 7; ip -n $r route add default via 1.1.1.1 dev net table 7
        ip -n $r route replace default via 1.1.1.77
    done
}
traffic() { tries client 1.1.1.254 80; }
