# kind: healthy
# cause: Directly routed servers had long sessions all day, which were reset at their end; now somebody scans them, and answers nobody.
# traffic: yes
setup() {
    cluster dr; dr_service
    ip -n client address add 1.1.1.111/32 dev net
    on client tc qdisc add dev net ingress
    on client tc filter add dev net ingress protocol ip flower dst_ip 1.1.1.111 action drop
    sessions 40
}
# The scan is no client: it is what it meets that counts, and that is one SYN, and no other.
traffic() { tries client 1.1.1.254 80 1 0.8 tcp 1.1.1.111 >/dev/null; echo 0/0; }
