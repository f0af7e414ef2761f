# kind: healthy
# cause: New clients on the servers' own link ask for an address of another network; the servers ask for them by ARP as from that address, and nobody looks for it there.
# traffic: yes
setup() {
    cluster_hosts client router director rs1 rs2
    cluster_network public router director; cluster_network net client router director rs1 rs2
    cluster_address router public 2.2.2.1/24
    cluster_address router net 1.1.1.1/24; cluster_set router ipv4/ip_forward=1 ipv4/conf/{all,net}/send_redirects=0
    cluster_address client net 1.1.1.100/24; cluster_plan client "route add default via 1.1.1.1"
    cluster_address director public 2.2.2.25/24 2.2.2.254/32; cluster_address director net 1.1.1.25/24
    cluster_plan director "route add default via 2.2.2.1"
    local r
    for r in 1 2; do
        cluster_address rs$r net 1.1.1.${r}0/24; cluster_address rs$r lo 2.2.2.254/32
        cluster_plan rs$r "route add default via 1.1.1.1"
    done
    cluster_settle
    serve rs1 http:80; serve rs2 http:80
    service director 2.2.2.254:80 -g 1.1.1.10 1.1.1.20
    echo 100 >"$T/last"
}
# Each time, it is a client that the servers have not heard of.
traffic() {
    local new
    new=$(($(<"$T/last") + 1)); echo $new >"$T/last"
    ip -n client address add 1.1.1.$new/24 dev net
    tries client 2.2.2.254 80 8 3 tcp 1.1.1.$new
}
