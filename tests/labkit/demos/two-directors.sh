# Two directors: connections live on when the master goes
# shellcheck shell=bash disable=SC2016
title 'Two directors'
picture <<'END'
   client 1.1.1.100 ──┬── director   1.1.1.25, and the virtual address 1.1.1.254
                      ├── director2  1.1.1.26
                      ├── rs1        1.1.1.10
                      └── rs2        1.1.1.20
END
cluster dr 2

say 'The first director has a service. The second gets the same table.'
director 'ipvsadm -A -t 1.1.1.254:22 -s rr'
director 'ipvsadm -a -t 1.1.1.254:22 -r 1.1.1.10 -g'
director 'ipvsadm -a -t 1.1.1.254:22 -r 1.1.1.20 -g'
director 'ipvsadm -S -n >/tmp/rules'
director2 'ipvsadm -R </tmp/rules'

say 'The master tells what connections there are, by multicast; the backup listens.'
director 'ipvsadm --start-daemon master --mcast-interface net --syncid 1'
director2 'ipvsadm --start-daemon backup --mcast-interface net --syncid 1'
director 'ipvsadm -L --daemon'
director2 'ipvsadm -L --daemon'
opens 2 1.1.1.254:22
goes_on
goes_on
awaits director2 '[[ $(ipvsadm -lnc | grep -c ESTABLISHED) -eq 2 ]]'
director2 'ipvsadm -lnc'

say 'The master goes. The backup takes the virtual address.'
director 'ip link set net down'
director2 'ip address add 1.1.1.254/32 dev net'
client 'ip neighbour flush dev net'
goes_on
say 'It is master from now on.'
director2 'ipvsadm --stop-daemon backup'
director2 'ipvsadm --start-daemon master --mcast-interface net --syncid 1'
director2 'ipvsadm -L --daemon'
say 'On each, what has been started can be stopped, once.'
director 'ipvsadm --stop-daemon master'
director 'ipvsadm --stop-daemon master'
director2 'ipvsadm --stop-daemon master'
director2 'ipvsadm -L --daemon'
