# kind: broken
# cause: The rule that marks names another port.
# want: note:mark-unseen
# never: port-|neighbour-failed|address-|handshake-stuck
# traffic: yes
# needs: iptable_mangle
setup() {
    cluster dr
    ipt director -t mangle -A PREROUTING -d 1.1.1.254 -p tcp --dport 8080 -j MARK --set-mark 9
    rules director "-A -f 9 -s rr" "-a -f 9 -r 1.1.1.10 -g"
}
traffic() { tries client 1.1.1.254 80 4 1; }
