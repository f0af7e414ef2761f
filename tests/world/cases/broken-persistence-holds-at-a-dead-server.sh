# kind: broken
# cause: Persistence holds the client at a server of weight 0 that is off.
# want: held-at-draining|neighbour-failed
# never: address-|port-|gateway|no-server
# traffic: yes
setup() {
    cluster dr
    rules director "-A -t 1.1.1.254:80 -s rr -p 600" "-a -t 1.1.1.254:80 -r 1.1.1.10 -g"
    tries client 1.1.1.254 80 2 >/dev/null
    rules director "-e -t 1.1.1.254:80 -r 1.1.1.10 -g -w 0" "-a -t 1.1.1.254:80 -r 1.1.1.20 -g"
    ip -n rs1 link set net down
}
traffic() { knocks client 1.1.1.254 80; }
repair() { put director vs/expire_quiescent_template=1; }
