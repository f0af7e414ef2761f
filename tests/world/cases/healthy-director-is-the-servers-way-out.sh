# kind: healthy
# cause: The director also translates what the servers ask elsewhere themselves, and lets the clients ask the servers past the service.
# traffic: yes
# needs: iptable_nat
setup() {
    cluster nat; nat_service
    ipt director -t nat -A POSTROUTING -s 1.1.1.0/24 -o public -j MASQUERADE
    serve client http:8081
    ip -n client route add 1.1.1.0/24 via 2.2.2.25
}
traffic() {
    local a b c
    a=$(tries client 2.2.2.25 80); b=$(tries rs1 2.2.2.10 8081 4); c=$(tries client 1.1.1.20 80 4)
    echo $((${a%/*} + ${b%/*} + ${c%/*}))/16
}
