# kind: healthy
# cause: A mark takes TCP and UDP of an address, masqueraded, as QUIC has it; both are answered.
# traffic: yes
# needs: iptable_mangle
setup() {
    cluster nat
    answering rs1 udp:443 http:443; answering rs2 udp:443 http:443
    ipt director -t mangle -A PREROUTING -d 2.2.2.25 -p tcp --dport 443 -j MARK --set-mark 9
    ipt director -t mangle -A PREROUTING -d 2.2.2.25 -p udp --dport 443 -j MARK --set-mark 9
    rules director "-A -f 9 -s sh" "-a -f 9 -r 1.1.1.10 -m" "-a -f 9 -r 1.1.1.20 -m"
}
traffic() { local a b; a=$(tries client 2.2.2.25 443 6); b=$(tries client 2.2.2.25 443 6 3 udp); echo $((${a%/*} + ${b%/*}))/12; }
