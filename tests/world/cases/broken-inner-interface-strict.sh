# kind: broken
# cause: The servers answer by an interface that the director would not reach them by, and that is strict.
# want: rp-filter
# never: port-|neighbour-failed|answers-elsewhere|address-
# traffic: yes
setup() {
    cluster nat
    cluster_plan switch "link add name inner-2 type veth peer name inner2 netns director" "link set inner-2 master inner up"
    cluster_plan director "link set inner2 up" "addr add 1.1.1.27/24 dev inner2"
    cluster_settle
    local r
    for r in rs1 rs2; do
        ip -n $r route replace default via 1.1.1.27
        ip -n $r neigh replace 1.1.1.27 lladdr "$(mac director inner2)" dev inner
    done
    put director conf/all/rp_filter=1
    nat_service
}
traffic() { knocks client 2.2.2.25 80; }
