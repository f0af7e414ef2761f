# kind: healthy
# cause: The director's nftables take established connections and new ones for the service, and IPVS tells the firewall of its own.
# traffic: yes
# needs: iptable_filter xt_conntrack
setup() {
    cluster nat; nat_service
    put director vs/conntrack=1
    ipt director -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
    ipt director -A INPUT -p tcp --syn --dport 80 -j ACCEPT
    ipt director -P INPUT DROP
    ipt director -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
    ipt director -P FORWARD DROP
}
traffic() { tries client 2.2.2.25 80; }
