# kind: broken
# cause: The address of the service is on a bridge, and its card is no port of that any more: what comes in by the card is answered into the bridge.
# want: answer-held|address-without-link|clients-unrouted
# never: port-|wrong-gateway|duplicate|no-route|dropped
# traffic: yes
setup() {
    cluster nat; nat_service
    ip -n director link add br0 type bridge forward_delay 0; ip -n director link set br0 up
    ip -n director addr del 2.2.2.25/24 dev public; ip -n director addr add 2.2.2.25/24 dev br0
}
traffic() { knocks client 2.2.2.25 80; }
repair() { ip -n director link set public master br0; }
