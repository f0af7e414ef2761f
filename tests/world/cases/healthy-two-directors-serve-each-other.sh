# kind: healthy
# cause: Two directors are servers, too, the second with rules of its own for the day when it takes over.
# traffic: yes
# judged: What the first asks the second, IPVS there may hand to the first.
setup() {
    cluster dr 2
    put director2 conf/all/arp_ignore=1 conf/lo/arp_ignore=1
    ip -n director2 addr add 1.1.1.254/32 dev lo
    answering director http:80
    answering rs1 http:81
    service director 1.1.1.254:80 -g 1.1.1.25 1.1.1.10
    service director 1.1.1.254:81 -g 1.1.1.10
    rules director "-a -t 1.1.1.254:80 -r 1.1.1.26 -g -w 0"
    service director2 1.1.1.254:80 -g 1.1.1.25
}
traffic() { tries client 1.1.1.254 80; }
