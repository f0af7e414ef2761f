# kind: healthy
# cause: Reverse path filters are strict everywhere, and no path is reverse.
# traffic: yes
setup() {
    cluster nat; nat_service
    put director conf/all/rp_filter=1; put rs1 conf/all/rp_filter=1
    on client perl -MSocket -e 1; tries client 2.2.2.25 80 1
}
traffic() { tries client 2.2.2.25 80; }
