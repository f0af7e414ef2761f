# kind: healthy
# cause: Hashing by source with a fallback, one server at weight 0.
# traffic: yes
setup() {
    cluster nat
    rules director "-A -t 2.2.2.25:80 -s sh -b sh-fallback,sh-port" "-a -t 2.2.2.25:80 -r 1.1.1.10:80 -m -w 0" "-a -t 2.2.2.25:80 -r 1.1.1.20:80 -m"
}
traffic() { tries client 2.2.2.25 80; }
