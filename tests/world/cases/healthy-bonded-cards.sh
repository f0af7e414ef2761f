# kind: healthy
# cause: The director's address is on a bond of two cards, one of which has no link.
# traffic: yes
setup() {
    modprobe bonding
    cluster_hosts client director rs1 rs2
    cluster_network public client director
    cluster_network spare director
    cluster_network inner director rs1 rs2
    cluster_address client public 2.2.2.10/24
    cluster_address director inner 1.1.1.25/24
    cluster_set director ipv4/ip_forward=1
    for r in 1 2; do cluster_address rs$r inner 1.1.1.${r}0/24; cluster_plan rs$r "route add default via 1.1.1.25"; done
    cluster_settle
    ip -n switch link set spare-director down
    ip -n director link set public down
    ip -n director link set spare down
    ip -n director link add bond7 type bond mode active-backup miimon 100
    ip -n director link set public master bond7
    ip -n director link set spare master bond7
    ip -n director link set bond7 up
    ip -n director addr add 2.2.2.25/24 dev bond7
    ip -n director link set public up
    sleep 1
    serve rs1 http:80; serve rs2 http:80
    nat_service
}
traffic() { tries client 2.2.2.25 80; }
