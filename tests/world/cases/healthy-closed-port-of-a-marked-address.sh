# kind: healthy
# cause: A mark is for all ports of an address, masqueraded; a client tries one where nobody listens, takes another, and is served.
# traffic: yes
setup() {
    cluster nat
    on director tc qdisc add dev public ingress
    on director tc filter add dev public ingress protocol ip flower ip_proto tcp dst_ip 2.2.2.25 action skbedit mark 7
    rules director "-A -f 7 -s rr" "-a -f 7 -r 1.1.1.10 -m" "-a -f 7 -r 1.1.1.20 -m"
}
traffic() { tries client 2.2.2.25 443 4 1 >/dev/null; tries client 2.2.2.25 80; }
