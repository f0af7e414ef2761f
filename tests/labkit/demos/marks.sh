# A firewall mark makes one service of two ports, HTTP and HTTPS
# needs iptables=iptables-legacy
# shellcheck shell=bash
title 'One service for two ports'
one_network dr
serve rs1 http:443
serve rs2 http:443

say 'What comes for ports 80 and 443 gets mark 1, and the mark is the service.'
director "$(cluster_mark 1.1.1.254 1 80 443)"
director 'ipvsadm -A -f 1 -s rr'
director 'ipvsadm -a -f 1 -r 1.1.1.10 -g'
director 'ipvsadm -a -f 1 -r 1.1.1.20 -g'

say 'One round for both ports: they take turns, whichever port is asked.'
client 'curl -0s "http://1.1.1.254:80?[1-3]" "http://1.1.1.254:443?[1-3]"'

say 'Closed connections are known for 1 second here: clients are remembered at least as long.'
director 'ipvsadm --set 0 1 0'
say 'Persistent: who began at one port goes on with the same server at the other, for 5 seconds.'
director 'ipvsadm -E -f 1 -s rr -p 5'
client 'curl -0s "http://1.1.1.254:80?[1-3]" "http://1.1.1.254:443?[1-3]"'
director 'ipvsadm -lnc'
director 'ipvsadm -ln --persistent-conn'
say 'The time is up: both ports go to the other server.'
awaits director '! ipvsadm -lnc | grep -q "^IP "'
client 'curl -0s "http://1.1.1.254:80?[1-3]" "http://1.1.1.254:443?[1-3]"'
