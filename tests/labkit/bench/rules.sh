#!/bin/sh
# The tables of the benchmark, as rules that `ipvsadm -S -n` writes.
#
#     rules.sh SERVICES SERVERS            so many virtual services of so many real servers
#     rules.sh SERVICES SERVERS changed    the same with every hundredth server changed: in turn
#                                          another weight, or another server in its place
exec awk -v services="$1" -v servers="$2" -v changed="$3" '
    function address(block, number) {
        return "10." (block + int(number / 65536)) "." int(number / 256) % 256 "." number % 256 ":80"
    }
    BEGIN {
        for (service = 0; service < services; service++) {
            name = "-t " address(0, service + 1)
            print "-A " name " -s wlc"
            for (server = 0; server < servers; server++) {
                number = service * servers + server + 1
                block = 128
                weight = 1
                if (changed && number % 100 == 0) {
                    if (number % 200 == 0) weight = 2
                    else block = 192
                }
                print "-a " name " -r " address(block, number) " -m -w " weight
            }
        }
    }'
