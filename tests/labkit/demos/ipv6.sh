# IPv6: NAT with persistence for a network of clients; direct routing, tunnels, marks
# needs iptables=ip6tables-legacy
# shellcheck shell=bash
title 'LVS for IPv6'
picture <<'END'
   client                  director                              real servers

   2001:db8:2::10 ──────── 2001:db8:2::25 │ 2001:db8:1::25 ──┬── rs1  2001:db8:1::10
                                                             └── rs2  2001:db8:1::20
END
cluster nat

say 'NAT. An address with a port stands in brackets.'
director 'ipvsadm -A -t [2001:db8:2::25]:80 -s rr'
director 'ipvsadm -a -t [2001:db8:2::25]:80 -r [2001:db8:1::10]:80 -m'
director 'ipvsadm -a -t [2001:db8:2::25]:80 -r [2001:db8:1::20]:80 -m'
client 'curl -0s "http://[2001:db8:2::25]?[1-4]"'

say 'Clients of one network of 64 bits stay with one server.'
director 'ipvsadm -E -t [2001:db8:2::25]:80 -s rr -p 300 -M 64'
client 'curl -0s "http://[2001:db8:2::25]?[1-4]"'
director 'ipvsadm -ln'
director 'ipvsadm -lnc'
cluster_end

say 'Another cluster, all of it in one network.'
picture <<'END'
   client 2001:db8:1::100 ──┬── director 2001:db8:1::25, and the virtual address 2001:db8:1::254
                            ├── rs1      2001:db8:1::10
                            └── rs2      2001:db8:1::20
END
cluster tun
serve rs1 http:443
serve rs2 http:443

say 'Direct routing.'
director 'ipvsadm -A -t [2001:db8:1::254]:80 -s rr'
director 'ipvsadm -a -t [2001:db8:1::254]:80 -r [2001:db8:1::10] -g'
director 'ipvsadm -a -t [2001:db8:1::254]:80 -r [2001:db8:1::10]:80 -g'
director 'ipvsadm -a -t [2001:db8:1::254]:80 -r [2001:db8:1::20]:80 -g'
client 'curl -0s "http://[2001:db8:1::254]?[1-4]"'

say 'Tunnels: IPv6 in IPv6, then GUE and GRE.'
director 'ipvsadm -e -t [2001:db8:1::254]:80 -r [2001:db8:1::10]:80 -i'
director 'ipvsadm -e -t [2001:db8:1::254]:80 -r [2001:db8:1::20]:80 -i'
client 'curl -0s "http://[2001:db8:1::254]?[1-4]"'
director 'ipvsadm -e -t [2001:db8:1::254]:80 -r [2001:db8:1::10]:80 -i --tun-type gue --tun-port 6080'
director 'ipvsadm -e -t [2001:db8:1::254]:80 -r [2001:db8:1::20]:80 -i --tun-type gre'
client 'curl -0s "http://[2001:db8:1::254]?[1-4]"'
director 'ipvsadm -ln --tun-info'

say 'A firewall mark for two ports: -6 says that it is one of IPv6.'
director 'ipvsadm -C'
director "$(cluster_mark 2001:db8:1::254 1 80 443)"
director 'ipvsadm -A -f 1 -6 -s rr'
director 'ipvsadm -a -f 1 -6 -r 2001:db8:1::10 -g'
director 'ipvsadm -a -f 1 -6 -r 2001:db8:1::20 -g'
client 'curl -0s "http://[2001:db8:1::254]:80?[1-2]" "http://[2001:db8:1::254]:443?[1-2]"'
director 'ipvsadm -ln'
