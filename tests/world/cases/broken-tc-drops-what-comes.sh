# kind: broken
# cause: A filter of the director's public interface (tc) drops the service's packets before IP sees them.
# want: dropped-before-ipvs
# never: port-|neighbour-failed|wrong-gateway|no-route|address-|answers-elsewhere|server-silent|duplicate
# traffic: yes
setup() {
    cluster nat; nat_service
    on director tc qdisc add dev public ingress
    on director tc filter add dev public ingress protocol ip flower ip_proto tcp dst_port 80 action drop
}
traffic() { knocks client 2.2.2.25 80; }
repair() { on director tc qdisc del dev public ingress; }
