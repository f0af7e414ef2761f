# NAT: round robin, weights, a server removed, a sorry server on the director
# shellcheck shell=bash
title 'LVS by NAT'
picture <<'END'
   client              director                     real servers

   2.2.2.10 ────────── 2.2.2.25 │ 1.1.1.25 ────┬─── rs1  1.1.1.10
            public               inner         │
                                               └─── rs2  1.1.1.20
END
cluster nat

say 'A virtual service on the public address, with the scheduler rr: round robin.'
director 'ipvsadm -A -t 2.2.2.25:80 -s rr'
director 'ipvsadm -a -t 2.2.2.25:80 -r 1.1.1.10 -m'
director 'ipvsadm -a -t 2.2.2.25:80 -r 1.1.1.20 -m'

say 'Ten requests, by -0 each a connection of its own. The real servers answer with their names, and take turns.'
client 'curl -0s "http://2.2.2.25?[1-10]"'
tally
director 'ipvsadm -ln'
director 'ipvsadm -lnc'
counted
director 'ipvsadm -ln --stats'

say 'Weighted round robin: of five requests, three go to rs1 and two to rs2.'
director 'ipvsadm -E -t 2.2.2.25:80 -s wrr'
director 'ipvsadm -e -t 2.2.2.25:80 -r 1.1.1.10 -m -w 3'
director 'ipvsadm -e -t 2.2.2.25:80 -r 1.1.1.20 -m -w 2'
client 'curl -0s "http://2.2.2.25?[1-10]"'
tally
director 'ipvsadm -ln'

say 'rs2 fails, and is taken out: none reach it.'
director 'ipvsadm -d -t 2.2.2.25:80 -r 1.1.1.20'
client 'curl -0s "http://2.2.2.25?[1-5]"'
tally

say 'rs1 fails too. The director itself says sorry. (A service is named with its port.)'
serve director http:80
director 'ipvsadm -d -t 2.2.2.25:80 -r 1.1.1.10'
director 'ipvsadm -a -t 2.2.2.25 -r 127.0.0.1 -g'
director 'ipvsadm -a -t 2.2.2.25:80 -r 127.0.0.1 -g'
client 'curl -0s "http://2.2.2.25?[1-2]"'
tally
director 'ipvsadm -ln'
