# kind: healthy
# cause: The masqueraded servers are reached in a VXLAN, whose packets are smaller than the clients'.
# traffic: yes
# needs: vxlan
setup() {
    cluster nat
    local h
    for h in director:25 rs1:10 rs2:20; do
        ip -n ${h%:*} link add v7 type vxlan id 7 group 239.1.1.1 dev inner dstport 4789
        ip -n ${h%:*} addr add 7.7.7.${h#*:}/24 dev v7; ip -n ${h%:*} link set v7 up
    done
    for h in rs1 rs2; do ip -n $h route replace default via 7.7.7.25; done
    service director 2.2.2.25:80 -m 7.7.7.10:80 7.7.7.20:80
}
traffic() { tries client 2.2.2.25 80; }
