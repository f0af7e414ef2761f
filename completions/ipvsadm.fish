# fish completion for ipvsadm.
#
# The words typed so far are read as ipvsadm reads them (__ipvsadm_read). That
# tells what stands at the cursor: an option, of which those are offered that
# may still come (__ipvsadm_options), or a value (__ipvsadm_values). What is in
# the kernel's table is asked of ipvsadm itself; where it may not read the
# table, nothing is offered.
#
# What has been read so far lies in global variables, which __ipvsadm_complete
# sets anew each time.

# The table of options. A row is the option's letters, its name, whether it has
# a value (=: one, ?: perhaps one, -: none), its kind, and what it does. A
# command line has one option of a kind.
set -l table \
    'A  add-service     - command            add a virtual service' \
    'E  edit-service    - command            change a virtual service' \
    'D  delete-service  - command            delete a virtual service' \
    'C  clear           - command            delete all virtual services' \
    'a  add-server      - command            add a real server to a service' \
    'e  edit-server     - command            change a real server' \
    'd  delete-server   - command            delete a real server' \
    'Ll list            - command            list the table' \
    'Z  zero            - command            set counters to zero' \
    'S  save            - command            write the table as rules' \
    'R  restore         - command            read rules from standard input' \
    '-  set             - command            set the timeouts of connections' \
    '-  start-daemon    = command            start a sync daemon' \
    '-  stop-daemon     = command            stop a sync daemon' \
    'h  help            - command            show the options' \
    'v  version         - command            show the version' \
    't  tcp-service     = service-address    TCP service' \
    'u  udp-service     = service-address    UDP service' \
    '-  sctp-service    = service-address    SCTP service' \
    'f  fwmark-service  = service-address    service of packets with a firewall mark' \
    '6  ipv6            - ipv6               the marked packets are IPv6' \
    's  scheduler       = scheduler          scheduler' \
    'b  sched-flags     = sched-flags        flags of the scheduler' \
    'p  persistent      ? persistent         keep a client at its real server, for seconds' \
    'M  netmask         = netmask            clients that agree under the mask are one' \
    '-  pe              = pe                 persistence engine' \
    'o  ops             - ops                schedule every packet by itself' \
    'r  real-server     = real-server        real server' \
    'g  gatewaying      - forwarding-method  forward by direct routing' \
    'i  ipip            - forwarding-method  forward through a tunnel' \
    'm  masquerading    - forwarding-method  forward by address translation' \
    'w  weight          = weight             share of the connections' \
    'x  u-threshold     = u-threshold        connections at which the server is full' \
    'y  l-threshold     = l-threshold        connections below which it opens again' \
    '-  tun-type        = tun-type           type of tunnel' \
    '-  tun-port        = tun-port           UDP port of a gue tunnel' \
    '-  tun-nocsum      - tun-nocsum         tunnel without checksums' \
    '-  tun-csum        - tun-csum           tunnel with checksums' \
    '-  tun-remcsum     - tun-remcsum        gue tunnel with remote checksums' \
    'n  numeric         - numeric            addresses and ports as numbers' \
    'c  connection      - connection         list the connections' \
    '-  stats           - stats              show counters' \
    '-  rate            - rate               show rates per second' \
    'X  exact           - exact              numbers in full' \
    '-  thresholds      - thresholds         show connection thresholds' \
    '-  persistent-conn - persistent-conn    show persistent connections' \
    '-  tun-info        - tun-info           show types of tunnels' \
    '-  json            - json               everything there is, as JSON' \
    '-  table           - table              a table drawn for people' \
    '-  timeout         - timeout            list the timeouts' \
    '-  daemon          - daemon             list the sync daemons' \
    '-  sort            - sort               in order, as always' \
    '-  nosort          - nosort             in the order of the kernel' \
    '-  mcast-interface = mcast-interface    interface of the sync messages' \
    '-  mcast-group     = mcast-group        multicast group of the sync messages' \
    '-  mcast-port      = mcast-port         UDP port of the sync messages' \
    '-  mcast-ttl       = mcast-ttl          time to live of the sync messages' \
    '-  syncid          = syncid             number of the group of directors' \
    '-  sync-maxlen     = sync-maxlen        length of the longest sync message'

# By row: names, short letters or -, and so on. By letter: names.
set -g __ipvsadm_names
set -g __ipvsadm_short
set -g __ipvsadm_has_value
set -g __ipvsadm_kinds
set -g __ipvsadm_help
set -g __ipvsadm_letters
set -g __ipvsadm_names_of_letters
for row in (string replace -ra ' +' ' ' -- $table)
    set -l column (string split -m 4 ' ' -- $row)
    set -l letters (string split '' -- $column[1])
    set -a __ipvsadm_names $column[2]
    set -a __ipvsadm_short $letters[1]
    set -a __ipvsadm_has_value $column[3]
    set -a __ipvsadm_kinds $column[4]
    set -a __ipvsadm_help $column[5]
    for letter in $letters
        set -a __ipvsadm_letters $letter
        set -a __ipvsadm_names_of_letters $column[2]
    end
end

# Prints which kinds of options go with a command.
function __ipvsadm_kinds_of
    set -l kinds
    switch $argv[1]
        case add-service edit-service
            set kinds service-address ipv6 scheduler sched-flags persistent netmask pe \
                ops
        case add-server edit-server
            set kinds service-address ipv6 real-server forwarding-method weight \
                u-threshold l-threshold tun-type tun-port tun-nocsum tun-csum \
                tun-remcsum
        case delete-service zero
            set kinds service-address ipv6
        case delete-server
            set kinds service-address ipv6 real-server
        case list
            set kinds service-address ipv6 connection timeout daemon numeric stats rate \
                exact thresholds persistent-conn tun-info json table sort \
                nosort syncid
        case save
            set kinds numeric
        case start-daemon
            set kinds mcast-interface mcast-group mcast-port mcast-ttl syncid \
                sync-maxlen
        case stop-daemon
            set kinds syncid
        case '*'
            set kinds
    end
    string join \n $kinds
end

# Prints what an option cannot stand beside, other than its own kind: names, or
# a name with a value.
function __ipvsadm_rivals_of
    set -l rivals
    switch $argv[1]
        case fwmark-service
            set rivals connection timeout daemon
        case udp-service
            set rivals connection timeout daemon ipv6
        case tcp-service sctp-service
            set rivals connection timeout daemon ipv6 ops
        case ipv6
            set rivals tcp-service udp-service sctp-service connection timeout daemon
        case ops
            set rivals tcp-service sctp-service
        case gatewaying masquerading
            set rivals tun-type tun-port tun-nocsum tun-csum tun-remcsum
        case tun-type
            set rivals gatewaying masquerading
        case tun-port
            set rivals gatewaying masquerading tun-type=ipip tun-type=gre
        case tun-nocsum tun-csum
            set rivals gatewaying masquerading tun-type=ipip tun-nocsum tun-csum \
                tun-remcsum
        case tun-remcsum
            set rivals gatewaying masquerading tun-type=ipip tun-type=gre tun-nocsum \
                tun-csum
        case connection
            set rivals service-address ipv6 timeout daemon stats rate thresholds
        case timeout daemon
            set rivals service-address ipv6 connection timeout daemon stats rate \
                thresholds persistent-conn
        case stats rate thresholds
            set rivals connection timeout daemon
        case persistent-conn
            set rivals timeout daemon
        case json
            set rivals table
        case table
            set rivals json
        case '*'
            set rivals
    end
    string join \n $rivals
end

# Prints the name of the option with a letter.
function __ipvsadm_name -a letter
    set -l number (contains -i -- "$letter" $__ipvsadm_letters)
    and echo $__ipvsadm_names_of_letters[$number]
end

# Prints whether an option has a value: =, ? or -; its kind.
function __ipvsadm_has_value -a name
    echo $__ipvsadm_has_value[(contains -i -- $name $__ipvsadm_names)]
end

function __ipvsadm_kind -a name
    echo $__ipvsadm_kinds[(contains -i -- $name $__ipvsadm_names)]
end

# Takes note of an option with its value.
function __ipvsadm_note -a name value
    set -l kind (__ipvsadm_kind $name)
    set -ga __ipvsadm_given $name $kind $name=$value
    switch $kind
        case command
            set -g __ipvsadm_command $name
        case service-address
            set -g __ipvsadm_service $name
            set -g __ipvsadm_address $value
        case scheduler
            set -g __ipvsadm_scheduler $value
    end
end

# Reads a word that begins with a dash. An option that may have a value is put
# into __ipvsadm_pending instead of noted; into __ipvsadm_front what of the word
# stands before the value, nothing if the value is not in the word. Fails where
# something in the word is no option, or none that may come.
function __ipvsadm_read_options -a word
    set -g __ipvsadm_pending
    set -g __ipvsadm_front
    set -l status_of_word 0
    if string match -q -- '--*' $word
        set -l name (string replace -r -- '^--([^=]*).*' '$1' $word)
        contains -- $name $__ipvsadm_names
        or return
        __ipvsadm_may_come $name
        or set status_of_word 1
        if test (__ipvsadm_has_value $name) = -
            __ipvsadm_note $name
        else
            set -g __ipvsadm_pending $name
            string match -q -- '*=*' $word; and set -g __ipvsadm_front --$name=
        end
        return $status_of_word
    end
    set -l read -
    for letter in (string split '' -- $word)[2..]
        set read $read$letter
        set -l name (__ipvsadm_name $letter)
        or return
        __ipvsadm_may_come $name
        or set status_of_word 1
        if test (__ipvsadm_has_value $name) = -
            __ipvsadm_note $name
            continue
        end
        set -g __ipvsadm_pending $name
        if string match -q -- "$read=*" $word
            set -g __ipvsadm_front $read=
        else if test $read != $word
            set -g __ipvsadm_front $read
        end
        return $status_of_word
    end
    return $status_of_word
end

# Reads the words before the cursor. An option whose value stands at the cursor
# stays in __ipvsadm_pending.
function __ipvsadm_read
    for word in $argv
        if test -n "$__ipvsadm_pending"
            set -l name $__ipvsadm_pending
            set -g __ipvsadm_pending
            if not string match -q -- '-*' $word; or test (__ipvsadm_has_value $name) = =
                __ipvsadm_note $name $word
                continue
            end
            __ipvsadm_note $name
        end
        if test "$word" = --
            set -g __ipvsadm_is_over yes
        else if string match -q -- '-*' $word
            __ipvsadm_read_options $word
            if test -n "$__ipvsadm_front"
                set -l value (string sub -s (math (string length -- $__ipvsadm_front) + 1) -- $word)
                __ipvsadm_note $__ipvsadm_pending $value
                set -g __ipvsadm_pending
                set -g __ipvsadm_front
            end
        end
    end
end

# Whether an option may still come: the command and what is given already would
# not refuse it.
function __ipvsadm_may_come -a name
    set -l kind (__ipvsadm_kind $name)
    contains -- $kind $__ipvsadm_given; and return 1
    if test $kind = command
        set -l kinds (__ipvsadm_kinds_of $name)
        for other in $__ipvsadm_given
            contains -- $other $__ipvsadm_names
            and not contains -- (__ipvsadm_kind $other) $kinds
            and return 1
        end
    else if test -n "$__ipvsadm_command"
        contains -- $kind (__ipvsadm_kinds_of $__ipvsadm_command)
        or return
    end
    for rival in (__ipvsadm_rivals_of $name)
        contains -- $rival $__ipvsadm_given; and return 1
    end
    return 0
end

# Offers a value, behind what stands before it in its word: VALUE [WHAT].
function __ipvsadm_offer -a value what
    printf '%s\t%s\n' "$__ipvsadm_front$value" "$what"
end

# Offers the options that may come next; commands, where there is none yet.
function __ipvsadm_options
    for name in $__ipvsadm_names
        test -n "$__ipvsadm_command" -o (__ipvsadm_kind $name) = command
        and __ipvsadm_may_come $name
        or continue
        set -l row (contains -i -- $name $__ipvsadm_names)
        test $__ipvsadm_short[$row] = -
        or __ipvsadm_offer -$__ipvsadm_short[$row] $__ipvsadm_help[$row]
        __ipvsadm_offer --$name $__ipvsadm_help[$row]
    end
end

# Offers the values of an option. $argv[2] is what is typed of the value.
function __ipvsadm_values -a name typed
    switch $name
        case start-daemon stop-daemon
            __ipvsadm_offer master 'tells of its connections'
            __ipvsadm_offer backup 'takes them in'
        case scheduler
            __ipvsadm_offer rr 'round robin'
            __ipvsadm_offer wrr 'weighted round robin'
            __ipvsadm_offer lc 'least connections'
            __ipvsadm_offer wlc 'weighted least connections'
            __ipvsadm_offer lblc 'locality-based least connections'
            __ipvsadm_offer lblcr 'locality-based least connections with replication'
            __ipvsadm_offer dh 'destination hashing'
            __ipvsadm_offer sh 'source hashing'
            __ipvsadm_offer sed 'shortest expected delay'
            __ipvsadm_offer nq 'never queue'
            __ipvsadm_offer fo 'weighted failover'
            __ipvsadm_offer ovf 'weighted overflow'
            __ipvsadm_offer mh 'Maglev hashing'
        case sched-flags
            __ipvsadm_flags $typed
        case pe
            __ipvsadm_offer sip 'calls of the Session Initiation Protocol'
        case tun-type
            __ipvsadm_offer ipip 'IP in IP'
            __ipvsadm_offer gue 'generic UDP encapsulation'
            __ipvsadm_offer gre 'generic routing encapsulation'
        case mcast-interface
            for path in /sys/class/net/*
                test -L $path; and __ipvsadm_offer (string replace -r '.*/' '' $path)
            end
        case '*-service'
            if test "$__ipvsadm_command" != add-service
                __ipvsadm_services $name
            else if test $name != fwmark-service
                __ipvsadm_endpoints (string replace -- -service '' $name) $typed
            end
        case real-server
            switch "$__ipvsadm_command"
                case edit-server delete-server
                    __ipvsadm_servers
                case '*'
                    __ipvsadm_endpoints (string replace -- -service '' $__ipvsadm_service) $typed
            end
    end
end

# Offers the flags of the scheduler that are not in the list yet.
function __ipvsadm_flags -a typed
    set -l flags flag-1 flag-2 flag-3
    set -l scheduler $__ipvsadm_scheduler
    contains -- "$scheduler" sh mh; and set flags $scheduler-fallback $scheduler-port
    set -l list (string replace -rf -- ',[^,]*$' , "$typed")
    for flag in $flags
        contains -- $flag (string split , -- $list); or __ipvsadm_offer "$list$flag"
    end
end

# Offers the services of one kind that exist.
function __ipvsadm_services -a name
    set -l row (contains -i -- $name $__ipvsadm_names)
    set -l option --$name
    test $__ipvsadm_short[$row] = -; or set option -$__ipvsadm_short[$row]
    set -l family
    contains -- ipv6 $__ipvsadm_given; and set family '-6 '
    set -l rule "^-A $option ([^ ]+) $family"
    # One call for all lines: a table may have thousands.
    $__ipvsadm_program -Sn 2>/dev/null </dev/null |
        string replace -rf -- "$rule(.*)" "$__ipvsadm_front\$1"\t'$2'
end

# Offers the real servers of the service that is named.
function __ipvsadm_servers
    set -l words
    test -n "$__ipvsadm_service"; or return
    contains -- ipv6 $__ipvsadm_given; and set words --ipv6
    for line in ($__ipvsadm_program -Ln --$__ipvsadm_service $__ipvsadm_address $words 2>/dev/null </dev/null)
        set -l found (string match -r -- '^  -> ([0-9[]\S+) +(\S+) +(\S+)' $line)
        and __ipvsadm_offer $found[2] "$found[3], weight $found[4]"
    end
end

# Offers host names, and after a host's colon the names of ports.
function __ipvsadm_endpoints -a protocol typed
    contains -- "$protocol" udp sctp; or set protocol tcp
    switch "$typed"
        case '[*]:*'
        case '[*' ':*' '*:*:*' # an IPv6 address
            return
        case '*:*'
        case '*'
            # A colon keeps fish from adding a blank; a service has a port.
            set -l end
            string match -q -- '*-server' "$__ipvsadm_command"; or set end :
            for host in (__fish_print_hostnames)
                __ipvsadm_offer "$host$end"
            end
            return
    end
    set -l host (string replace -r ':[^:]*$' '' -- $typed)
    for line in (getent services 2>/dev/null)
        set -l found (string match -r -- "^(\S+)\s+\d+/$protocol" $line)
        and __ipvsadm_offer $host:$found[2]
    end
end

# Offers what may stand at the cursor.
function __ipvsadm_complete
    set -l words (commandline -opc)
    # As it will be read: fish takes what is offered for a word without quotes,
    # and puts into the line what comes behind the typed.
    set -l typed (commandline -ct | string replace -ra '[\\\\\'"]' '')
    set -g __ipvsadm_program $words[1]
    set -g __ipvsadm_given
    set -g __ipvsadm_command
    set -g __ipvsadm_service
    set -g __ipvsadm_address
    set -g __ipvsadm_scheduler
    set -g __ipvsadm_pending
    set -g __ipvsadm_front
    set -g __ipvsadm_is_over
    __ipvsadm_read $words[2..]
    if test -n "$__ipvsadm_pending"; and test (__ipvsadm_has_value $__ipvsadm_pending) = '?'
        if string match -qr -- '^(-|$)' "$typed"
            __ipvsadm_note $__ipvsadm_pending
            set -g __ipvsadm_pending
        end
    end
    if test -n "$__ipvsadm_pending"
        __ipvsadm_may_come $__ipvsadm_pending; and __ipvsadm_values $__ipvsadm_pending "$typed"
    else if test -n "$__ipvsadm_is_over"; or contains -- "$__ipvsadm_command" help version
        return
    else if string match -qr -- '^-[^-]|=' "$typed"
        __ipvsadm_read_options $typed; or return
        if test -n "$__ipvsadm_front"
            set typed (string sub -s (math (string length -- $__ipvsadm_front) + 1) -- $typed)
            __ipvsadm_values $__ipvsadm_pending "$typed"
        else
            echo $typed
        end
    else if string match -qr -- '^(-|$)' "$typed"
        __ipvsadm_options
    end
end

complete -c ipvsadm -f -a '(__ipvsadm_complete)'
