# kind: healthy
# cause: One server is reached by GRE, the other by GUE.
# traffic: yes
setup() {
    cluster tun
    rules director "-A -t 1.1.1.254:80 -s rr" "-a -t 1.1.1.254:80 -r 1.1.1.10 -i --tun-type gre" \
        "-a -t 1.1.1.254:80 -r 1.1.1.20 -i --tun-type gue --tun-port 6080"
}
traffic() { tries client 1.1.1.254 80; }
