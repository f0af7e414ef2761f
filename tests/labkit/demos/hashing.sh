# The schedulers sh and mh: the same client reaches the same server; their flags
# shellcheck shell=bash disable=SC2016
title 'The same client, the same server'
one_network dr
cluster_address client net 1.1.1.10{1..6}/24
cluster_settle

say 'Source hashing.'
director 'ipvsadm -A -t 1.1.1.254:80 -s sh'
director 'ipvsadm -a -t 1.1.1.254:80 -r 1.1.1.10 -g'
director 'ipvsadm -a -t 1.1.1.254:80 -r 1.1.1.20 -g'
say 'A client with several addresses. Each asks three times.'
client 'for i in {1..6}; do echo 1.1.1.10$i: $(curl -0s --interface 1.1.1.10$i "http://1.1.1.254?[1-3]"); done'

say 'rs1 is drained. Its clients are turned away, unless the scheduler may fall back.'
director 'ipvsadm -e -t 1.1.1.254:80 -r 1.1.1.10 -g -w 0'
client 'for i in {1..6}; do echo 1.1.1.10$i: $(curl -sS --interface 1.1.1.10$i http://1.1.1.254 2>&1); done'
director 'ipvsadm -E -t 1.1.1.254:80 -s sh -b sh-fallback'
client 'for i in {1..6}; do echo 1.1.1.10$i: $(curl -sS --interface 1.1.1.10$i http://1.1.1.254 2>&1); done'

say 'With the client'\''s port hashed too, its connections are spread. Here with Maglev hashing.'
director 'ipvsadm -e -t 1.1.1.254:80 -r 1.1.1.10 -g -w 1'
director 'ipvsadm -E -t 1.1.1.254:80 -s mh -b mh-port'
client 'curl -0s "http://1.1.1.254?[1-10]"'
tally
director 'ipvsadm -ln'
