# Tunnels: requests reach the real servers inside ipip, gue and gre
# shellcheck shell=bash
title 'LVS by tunnels'
one_network tun

say 'The real servers may be anywhere: they take requests out of a tunnel.'
director 'ipvsadm -A -t 1.1.1.254:80 -s rr'
director 'ipvsadm -a -t 1.1.1.254:80 -r 1.1.1.10 -i'
director 'ipvsadm -a -t 1.1.1.254:80 -r 1.1.1.20 -i'
client 'for i in {1..4}; do curl -s http://1.1.1.254; done'

say 'Generic UDP encapsulation, at the port that the real servers listen at; and GRE.'
director 'ipvsadm -e -t 1.1.1.254:80 -r 1.1.1.10 -i --tun-type gue --tun-port 6080'
director 'ipvsadm -e -t 1.1.1.254:80 -r 1.1.1.20 -i --tun-type gre'
client 'for i in {1..4}; do curl -s http://1.1.1.254; done'
director 'ipvsadm -ln --tun-info'

say 'A tunnel may be of the other family.'
director 'ipvsadm -a -t 1.1.1.254:80 -r [2001:db8:1::10]:80 -i'
director 'ipvsadm -d -t 1.1.1.254:80 -r 1.1.1.10'
client 'for i in {1..4}; do curl -s http://1.1.1.254; done'
director 'ipvsadm -ln'
