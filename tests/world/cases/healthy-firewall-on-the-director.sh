# kind: healthy
# cause: The director's firewall drops all but the service and what belongs to it.
# traffic: yes
# needs: iptable_filter
setup() {
    cluster nat; nat_service
    ipt director -A INPUT -p tcp --dport 80 -j ACCEPT; ipt director -P INPUT DROP
    ipt director -A FORWARD -s 1.1.1.0/24 -p tcp --sport 80 -j ACCEPT; ipt director -P FORWARD DROP
}
traffic() { tries client 2.2.2.25 80; }
