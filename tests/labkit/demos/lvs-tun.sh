# Tunnels: requests reach the real servers inside ipip, gue and gre
# shellcheck shell=bash
title 'LVS by tunnels'
one_network tun

say 'The real servers may be anywhere: they take requests out of a tunnel.'
director 'ipvsadm -A -t 1.1.1.254:80 -s rr'
director 'ipvsadm -a -t 1.1.1.254:80 -r 1.1.1.10 -i'
director 'ipvsadm -a -t 1.1.1.254:80 -r 1.1.1.20 -i'
client 'curl -0s "http://1.1.1.254?[1-4]"'

say 'Generic UDP encapsulation, at the port that the real servers listen at; and GRE.'
director 'ipvsadm -e -t 1.1.1.254:80 -r 1.1.1.10 -i --tun-type gue --tun-port 6080'
director 'ipvsadm -e -t 1.1.1.254:80 -r 1.1.1.20 -i --tun-type gre'
client 'curl -0s "http://1.1.1.254?[1-4]"'
director 'ipvsadm -ln --tun-info'

say 'A tunnel may be of the other family.'
director 'ipvsadm -a -t 1.1.1.254:80 -r [2001:db8:1::10]:80 -i'
director 'ipvsadm -d -t 1.1.1.254:80 -r 1.1.1.10'
client 'curl -0s "http://1.1.1.254?[1-4]"'
director 'ipvsadm -ln'
