# kind: healthy
# cause: One mark for two ports of an address, directly routed, persistent.
# traffic: yes
# needs: iptable_mangle
setup() {
    cluster dr
    ipt director -t mangle -A PREROUTING -d 1.1.1.254 -p tcp -m multiport --dports 80,22 -j MARK --set-mark 3
    rules director "-A -f 3 -s wlc -p 50" "-a -f 3 -r 1.1.1.10 -g" "-a -f 3 -r 1.1.1.20 -g"
}
traffic() { local a b; a=$(tries client 1.1.1.254 80 4); b=$(tries client 1.1.1.254 80 4); echo $((${a%/*} + ${b%/*}))/8; }
