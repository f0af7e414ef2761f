# kind: healthy
# cause: An IPv6 service goes to its servers through tunnels of IPv4.
# traffic: yes
setup() {
    modprobe sit
    cluster tun
    for r in 1 2; do
        ip -n rs$r link set sit0 up
        put rs$r conf/sit0/rp_filter=0
    done
    rules director "-A -t [2001:db8:1::254]:80 -s rr" "-a -t [2001:db8:1::254]:80 -r 1.1.1.10 -i" "-a -t [2001:db8:1::254]:80 -r 1.1.1.20 -i"
}
traffic() { tries client 2001:db8:1::254 80; }
