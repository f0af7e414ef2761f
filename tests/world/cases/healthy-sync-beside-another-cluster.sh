# kind: healthy
# cause: Two directors are master and backup both, as either may have the address; another cluster on the same wire speaks in the same group, with a number of its own.
# traffic: yes
directors=(director director2)
setup() {
    cluster dr 2
    dr_service; dr_service director2
    local d role
    for d in director director2; do
        for role in master backup; do on $d "$IPVSADM" --start-daemon $role --mcast-interface net --syncid 7; done
    done
    ip netns add other; CLUSTER_HOSTS+=(other)
    ip -n switch link add net-other type veth peer name net netns other
    ip -n switch link set net-other master net up
    ip -n other link set lo up; ip -n other link set net up
    ip -n other address add 1.1.1.30/24 dev net; ip -n other address add 1.1.1.253/32 dev net
    for r in rs1 rs2; do ip -n $r address add 1.1.1.253/32 dev lo; done
    service other 1.1.1.253:80 -g 1.1.1.10 1.1.1.20
    on other "$IPVSADM" --start-daemon master --mcast-interface net --syncid 9
}
traffic() {
    local a b
    a=$(tries client 1.1.1.253 80 6); b=$(tries client 1.1.1.254 80 6)
    echo $((${a%/*} + ${b%/*}))/12
}
teardown() {
    local d role
    for d in director director2; do
        for role in master backup; do on $d "$IPVSADM" --stop-daemon $role --syncid 7; done
    done
    on other "$IPVSADM" --stop-daemon master --syncid 9
}
