# kind: healthy
# cause: The servers are off and drained; a machine of another network says sorry, by a tunnel.
# traffic: yes
setup() {
    cluster tun
    rules director "-A -t 1.1.1.254:80 -s rr" "-a -t 1.1.1.254:80 -r 1.1.1.10 -g -w 0" "-a -t 1.1.1.254:80 -r 1.1.1.30 -g -w 0" "-a -t 1.1.1.254:80 -r 1.1.1.20 -i"
    ip -n rs1 link set net down
}
traffic() { tries client 1.1.1.254 80; }
