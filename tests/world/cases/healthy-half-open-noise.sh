# kind: healthy
# cause: A scan leaves half-open connections, from an address that answers nobody, beside clients that are answered.
# traffic: yes
# needs: iptable_filter
setup() { cluster nat; nat_service; ip -n client address add 2.2.2.11/32 dev public; ipt client -A INPUT -d 2.2.2.11 -j DROP; }
traffic() {
    tries client 2.2.2.25 80 20 .3 tcp 2.2.2.11 >/dev/null
    tries client 2.2.2.25 80
}
