# kind: healthy
# cause: A scan leaves half-open connections at directly routed servers, from an address that answers nobody, beside clients that are answered.
# traffic: yes
# needs: iptable_filter
setup() { cluster dr; dr_service; ip -n client address add 1.1.1.111/32 dev net; ipt client -A INPUT -d 1.1.1.111 -j DROP; }
traffic() {
    tries client 1.1.1.254 80 20 .3 tcp 1.1.1.111 >/dev/null
    tries client 1.1.1.254 80
}
