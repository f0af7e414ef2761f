# kind: healthy
# cause: One service has a server with direct routing and a masqueraded one, whose gateway is the director.
# traffic: yes
setup() {
    remote_dr
    ip -n rs2 route replace default via 1.1.1.25
    on rs2 ip address del 1.1.1.254/32 dev lo
    put director ip_forward=1 conf/all/send_redirects=0 conf/net/send_redirects=0
    rules director "-A -t 1.1.1.254:80 -s rr" "-a -t 1.1.1.254:80 -r 1.1.1.10 -g" "-a -t 1.1.1.254:80 -r 1.1.1.20 -m"
}
traffic() { tries client 1.1.1.254 80; }
