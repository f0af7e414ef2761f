# IPv6, by NAT: services, persistence for a network of clients, listings
# shellcheck shell=bash
title 'LVS for IPv6'
picture <<'END'
   client                  director                              real servers

   2001:db8:2::10 ──────── 2001:db8:2::25 │ 2001:db8:1::25 ──┬── rs1  2001:db8:1::10
                                                             └── rs2  2001:db8:1::20
END
cluster nat

say 'An address with a port stands in brackets.'
director 'ipvsadm -A -t [2001:db8:2::25]:80 -s rr'
director 'ipvsadm -a -t [2001:db8:2::25]:80 -r [2001:db8:1::10]:80 -m'
director 'ipvsadm -a -t [2001:db8:2::25]:80 -r [2001:db8:1::20]:80 -m'
client 'for i in {1..4}; do curl -s "http://[2001:db8:2::25]"; done'

say 'Clients of one network of 64 bits stay with one server.'
director 'ipvsadm -E -t [2001:db8:2::25]:80 -s rr -p 300 -M 64'
client 'for i in {1..4}; do curl -s "http://[2001:db8:2::25]"; done'
director 'ipvsadm -ln'
director 'ipvsadm -lnc'
