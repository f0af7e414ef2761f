# kind: healthy
# cause: As container platforms do it: marks set in mangle, addresses of no interface translated, SNAT towards the servers, a service of the mark.
# traffic: yes
# needs: iptable_mangle iptable_nat
setup() {
    cluster nat
    local r
    for r in rs1 rs2; do ip -n $r route del default; ip -n $r address add 1.1.1.254/32 dev lo; put $r conf/all/arp_ignore=1; done
    ipt director -t mangle -A PREROUTING -p tcp -d 2.2.2.25 --dport 8000 -j MARK --set-mark 258
    ipt director -t nat -A POSTROUTING -m ipvs --ipvs -d 1.1.1.0/24 -j SNAT --to-source 1.1.1.25
    put director vs/conntrack=1
    serve rs1 http:8000; serve rs2 http:8000
    rules director "-A -f 258 -s rr" "-a -f 258 -r 1.1.1.10:0 -m" "-a -f 258 -r 1.1.1.20:0 -m"
}
traffic() { tries client 2.2.2.25 8000; }
