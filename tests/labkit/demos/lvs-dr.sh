# Direct routing: the real servers have the virtual address too, hidden from ARP
# shellcheck shell=bash
title 'LVS by direct routing'
one_network dr

say 'Each real server has the virtual address on lo, and is silent about it.'
rs1 'ip address show lo to 1.1.1.254; grep . /proc/sys/net/ipv4/conf/{all,lo}/arp_{ignore,announce}'

say 'The port is always the service'\''s: direct routing does not map ports.'
director 'ipvsadm -A -t 1.1.1.254:80 -s rr'
director 'ipvsadm -a -t 1.1.1.254:80 -r 1.1.1.10 -g'
director 'ipvsadm -a -t 1.1.1.254:80 -r 1.1.1.20:8080 -g'
client 'curl -0s "http://1.1.1.254?[1-10]"'
tally
director 'ipvsadm -ln'

say 'The answers do not come by the director: it counts no packets going out.'
counted
director 'ipvsadm -ln --stats'
