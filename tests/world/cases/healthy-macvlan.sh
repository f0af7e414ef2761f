# kind: healthy
# cause: The service's address is on a macvlan of the card, as VRRP with a virtual MAC has it.
# traffic: yes
setup() {
    cluster dr
    ip -n director addr del 1.1.1.254/32 dev net
    ip -n director link add vrrp.7 link net address 00:00:5e:00:01:07 type macvlan mode private
    put director conf/net/arp_ignore=1 conf/vrrp/7/arp_ignore=0 2>/dev/null
    ip -n director link set vrrp.7 up; ip -n director addr add 1.1.1.254/32 dev vrrp.7
    dr_service
}
traffic() { tries client 1.1.1.254 80; }
