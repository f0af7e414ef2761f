# kind: healthy
# cause: Four hundred services of two servers, of which one is asked.
# traffic: yes
setup() {
    cluster nat
    local i lines=()
    for i in $(seq 401 800) 80; do
        lines+=("-A -t 2.2.2.25:$i -s wlc" "-a -t 2.2.2.25:$i -r 1.1.1.10:80 -m" "-a -t 2.2.2.25:$i -r 1.1.1.20:80 -m")
    done
    rules director "${lines[@]}"
}
traffic() { tries client 2.2.2.25 80; }
