# Why does it not answer? Three faults, each of them found, named and repaired
# shellcheck shell=bash disable=SC2016
title 'Why does it not answer?'
one_network dr
director 'ipvsadm -A -t 1.1.1.254:80 -s rr'
director 'ipvsadm -a -t 1.1.1.254:80 -r 1.1.1.10 -g'
director 'ipvsadm -a -t 1.1.1.254:80 -r 1.1.1.20 -g'
client 'curl -0s "http://1.1.1.254?[1-2]"'

say 'All is well. --probe asks the servers, too.'
director 'ipvsadm --diagnose --probe -t 1.1.1.254:80'

say 'rs1 loses the virtual address. Half of the clients wait in vain.'
rs1 'ip address del 1.1.1.254/32 dev lo'
client 'for i in 1 2; do curl -sm 2 http://1.1.1.254 || echo no answer; done'
say '--listen follows the packets of real clients: here they end.'
client '(sleep 2; for i in 1 2 3 4; do curl -sm 3 http://1.1.1.254 & done; wait) >/dev/null 2>&1 &'
director 'ipvsadm --diagnose --listen 7 -t 1.1.1.254:80'
say '--probe asks the server, and knows why.'
director 'ipvsadm --diagnose --probe -t 1.1.1.254:80'
say 'What it says is to be done there.'
rs1 'sysctl -w net.ipv4.conf.all.arp_ignore=1'
rs1 'sysctl -w net.ipv4.conf.all.arp_announce=2'
rs1 'ip address add 1.1.1.254/32 dev lo'
client 'curl -0s "http://1.1.1.254?[1-2]"'

say 'rs2 does not hide the address any more: whoever hears it first goes there.'
rs2 'sysctl -w net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.lo.arp_ignore=0'
director 'ipvsadm --diagnose --probe -t 1.1.1.254:80'
rs2 'sysctl -w net.ipv4.conf.all.arp_ignore=1'
director 'ipvsadm --diagnose --probe -t 1.1.1.254:80'
cluster_end

say 'Another cluster: NAT. rs2 has another gateway, so its answers do not come back.'
picture <<'END'
   client              director                     real servers

   2.2.2.10 ────────── 2.2.2.25 │ 1.1.1.25 ────┬─── rs1  1.1.1.10
            public               inner         │
                                               └─── rs2  1.1.1.20
END
cluster nat
director 'ipvsadm -A -t 2.2.2.25:80 -s rr'
director 'ipvsadm -a -t 2.2.2.25:80 -r 1.1.1.10 -m'
director 'ipvsadm -a -t 2.2.2.25:80 -r 1.1.1.20 -m'
rs2 'ip route replace default via 1.1.1.99'
client 'for i in 1 2 3 4; do curl -sm 2 http://2.2.2.25 || echo no answer; done'
director 'ipvsadm --diagnose --probe -t 2.2.2.25:80'
rs2 'ip route replace default via 1.1.1.25'
client 'curl -0s "http://2.2.2.25?[1-2]"'
director 'ipvsadm --diagnose --probe -t 2.2.2.25:80'
