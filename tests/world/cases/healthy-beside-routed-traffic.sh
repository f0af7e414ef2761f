# kind: healthy
# cause: Beside a service, the director routes what clients ask the servers themselves, at ports that are closed or filtered.
# traffic: yes
setup() {
    cluster nat; nat_service
    ip -n client route add 1.1.1.0/24 via 2.2.2.25
    on rs2 tc qdisc add dev inner ingress
    on rs2 tc filter add dev inner ingress protocol ip flower ip_proto tcp dst_port 81 action drop
}
traffic() {
    local answered
    answered=$(tries client 2.2.2.25 80)
    tries client 1.1.1.10 81 6 2.3 >/dev/null
    tries client 1.1.1.20 81 6 2.3 >/dev/null
    echo "$answered"
}
