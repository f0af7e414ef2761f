# kind: healthy
# cause: Both servers are off and at weight 0; the director itself says sorry, as 127.0.0.1 with -g.
# traffic: yes
setup() {
    cluster nat
    rules director "-A -t 2.2.2.25:80 -s wlc -p 300" "-a -t 2.2.2.25:80 -r 1.1.1.10:80 -m -w 0" "-a -t 2.2.2.25:80 -r 1.1.1.20:80 -m -w 0" "-a -t 2.2.2.25:80 -r 127.0.0.1:80 -g -w 1"
    ip -n rs1 link set inner down; ip -n rs2 link set inner down
    serve director http:80
}
traffic() { tries client 2.2.2.25 80; }
