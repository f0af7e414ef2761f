# kind: healthy
# cause: The director gives datagrams to the servers a source of its own, at ports by chance, as Kubernetes does; the servers have another gateway.
# traffic: yes
# needs: iptable_nat
setup() {
    cluster nat
    answering rs1 udp:53; answering rs2 udp:53
    local r
    for r in rs1 rs2; do ip -n $r route del default; done
    put director vs/conntrack=1
    ipt director -t nat -A POSTROUTING -d 1.1.1.0/24 -j MASQUERADE --random-fully
    rules director "-A -u 2.2.2.25:53 -s rr" "-a -u 2.2.2.25:53 -r 1.1.1.10:53 -m" "-a -u 2.2.2.25:53 -r 1.1.1.20:53 -m"
}
traffic() { tries client 2.2.2.25 53 8 2 udp; }
