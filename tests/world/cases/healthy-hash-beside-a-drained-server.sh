# kind: healthy
# cause: dh has no fallback, and a drained server has weight 0; the address belongs to the other one.
# traffic: yes
setup() {
    cluster nat
    rules director "-A -t 2.2.2.25:80 -s dh" "-a -t 2.2.2.25:80 -r 1.1.1.10:80 -m" "-a -t 2.2.2.25:80 -r 1.1.1.20:80 -m"
    tries client 2.2.2.25 80 1 >/dev/null
    case $(cat "$T/names") in rs1) D -e -t 2.2.2.25:80 -r 1.1.1.20:80 -m -w 0 ;; *) D -e -t 2.2.2.25:80 -r 1.1.1.10:80 -m -w 0 ;; esac
}
traffic() { tries client 2.2.2.25 80; }
