# kind: healthy
# cause: Persistent FTP as a mark of the control port and of the passive ones, directly routed.
# traffic: yes
# needs: iptable_mangle
setup() {
    cluster dr
    ipt director -t mangle -A PREROUTING -d 1.1.1.254 -p tcp -m multiport --dports 22,1024:65535 -j MARK --set-mark 21
    answering rs1 line:40000; answering rs2 line:40000
    rules director "-A -f 21 -s rr -p 60" "-a -f 21 -r 1.1.1.10 -g" "-a -f 21 -r 1.1.1.20 -g"
}
traffic() { local a b; a=$(tries client 1.1.1.254 22 2); b=$(tries client 1.1.1.254 40000 4); echo $((${a%/*} + ${b%/*}))/6; }
