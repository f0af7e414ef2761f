# kind: healthy
# cause: The same servers masqueraded for one address, at another port, and directly routed for another; one service has had no traffic.
# traffic: yes
setup() {
    cluster nat
    serve rs1 http:8080; serve rs2 http:8080
    local r
    for r in rs1 rs2; do put $r conf/all/arp_ignore=1 conf/all/arp_announce=2; ip -n $r address add 1.1.1.254/32 dev lo; done
    ip -n director address add 1.1.1.254/32 dev inner
    nat_service
    service director 2.2.2.25:81 -m 1.1.1.10:8080 1.1.1.20:8080
    dr_service
}
traffic() { tries client 2.2.2.25 80; }
