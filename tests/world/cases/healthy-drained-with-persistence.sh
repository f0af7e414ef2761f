# kind: healthy
# cause: A server is drained, and persistence brings its clients back to it, where they are served.
# traffic: yes
setup() {
    cluster nat
    rules director "-A -t 2.2.2.25:80 -s rr -p 600" "-a -t 2.2.2.25:80 -r 1.1.1.10:80 -m" "-a -t 2.2.2.25:80 -r 1.1.1.20:80 -m"
    tries client 2.2.2.25 80 2 >/dev/null
    local server
    server=$(awk '{ print $1; exit }' "$T/names")
    rules director "-e -t 2.2.2.25:80 -r 1.1.1.${server#rs}0:80 -m -w 0"
}
traffic() { tries client 2.2.2.25 80; }
