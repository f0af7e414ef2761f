# kind: healthy
# cause: The masqueraded servers have no default route, and one to the clients' network through the director.
# traffic: no
setup() {
    cluster nat
    for r in rs1 rs2; do ip -n $r route del default; ip -n $r route add 2.2.2.0/24 via 1.1.1.25; done
    nat_service
}
traffic() { tries client 2.2.2.25 80; }
