# bash completion for ipvsadm, ipvsadm-save and ipvsadm-restore -*- shell-script -*-
#
# For bash 4.2 or later, with or without the package bash-completion. It is
# installed under each of the three names, or read by a line in ~/.bashrc.
#
# The words typed so far are read as ipvsadm reads them (_ipvsadm_read). That
# tells what stands at the cursor: an option, of which those are offered that
# may still come (_ipvsadm_offer_options), or a value (_ipvsadm_offer_values).
# What is in the kernel's table is asked of ipvsadm itself; where it may not
# read the table, nothing is offered.

# The table of options. A row is the option's letters, its name, whether it has
# a value (=: one, ?: perhaps one, -: none), and its kind: a command line has
# one option of a kind.
declare -gA _ipvsadm_name _ipvsadm_letter _ipvsadm_value _ipvsadm_kind
declare -ga _ipvsadm_names=()
_ipvsadm_learn() {
    local letters name value kind i
    while read -r letters name value kind; do
        _ipvsadm_names+=("$name")
        _ipvsadm_value[$name]=$value
        _ipvsadm_kind[$name]=$kind
        [[ $letters != - ]] || continue
        _ipvsadm_letter[$name]=${letters:0:1}
        for ((i = 0; i < ${#letters}; i++)); do
            _ipvsadm_name[${letters:i:1}]=$name
        done
    done
}
_ipvsadm_learn <<'END'
A  add-service     - command
E  edit-service    - command
D  delete-service  - command
C  clear           - command
a  add-server      - command
e  edit-server     - command
d  delete-server   - command
Ll list            - command
Z  zero            - command
S  save            - command
R  restore         - command
-  set             - command
-  start-daemon    = command
-  stop-daemon     = command
h  help            - command
v  version         - command
t  tcp-service     = service-address
u  udp-service     = service-address
-  sctp-service    = service-address
f  fwmark-service  = service-address
6  ipv6            - ipv6
s  scheduler       = scheduler
b  sched-flags     = sched-flags
p  persistent      ? persistent
M  netmask         = netmask
-  pe              = pe
o  ops             - ops
r  real-server     = real-server
g  gatewaying      - forwarding-method
i  ipip            - forwarding-method
m  masquerading    - forwarding-method
w  weight          = weight
x  u-threshold     = u-threshold
y  l-threshold     = l-threshold
-  tun-type        = tun-type
-  tun-port        = tun-port
-  tun-nocsum      - tun-nocsum
-  tun-csum        - tun-csum
-  tun-remcsum     - tun-remcsum
n  numeric         - numeric
c  connection      - connection
-  stats           - stats
-  rate            - rate
X  exact           - exact
-  thresholds      - thresholds
-  persistent-conn - persistent-conn
-  tun-info        - tun-info
-  json            - json
-  table           - table
-  timeout         - timeout
-  daemon          - daemon
-  sort            - sort
-  nosort          - nosort
-  mcast-interface = mcast-interface
-  mcast-group     = mcast-group
-  mcast-port      = mcast-port
-  mcast-ttl       = mcast-ttl
-  syncid          = syncid
-  sync-maxlen     = sync-maxlen
END
unset -f _ipvsadm_learn

# Puts into $kinds which kinds of options go with a command.
_ipvsadm_kinds_of() {
    case $1 in
        add-service | edit-service)
            kinds='service-address ipv6 scheduler sched-flags persistent netmask pe ops' ;;
        add-server | edit-server)
            kinds='service-address ipv6 real-server forwarding-method weight u-threshold'
            kinds+=' l-threshold tun-type tun-port tun-nocsum tun-csum tun-remcsum' ;;
        delete-service | zero) kinds='service-address ipv6' ;;
        delete-server) kinds='service-address ipv6 real-server' ;;
        list)
            kinds='service-address ipv6 connection timeout daemon numeric stats rate exact'
            kinds+=' thresholds persistent-conn tun-info json table sort nosort syncid' ;;
        save) kinds=numeric ;;
        start-daemon)
            kinds='mcast-interface mcast-group mcast-port mcast-ttl syncid sync-maxlen' ;;
        stop-daemon) kinds=syncid ;;
        *) kinds='' ;;
    esac
}

# Puts into $rivals what an option cannot stand beside, other than its own kind:
# names, or a name with a value.
_ipvsadm_rivals_of() {
    case $1 in
        fwmark-service) rivals='connection timeout daemon' ;;
        udp-service) rivals='connection timeout daemon ipv6' ;;
        tcp-service | sctp-service) rivals='connection timeout daemon ipv6 ops' ;;
        ipv6) rivals='tcp-service udp-service sctp-service connection timeout daemon' ;;
        ops) rivals='tcp-service sctp-service' ;;
        gatewaying | masquerading)
            rivals='tun-type tun-port tun-nocsum tun-csum tun-remcsum' ;;
        tun-type) rivals='gatewaying masquerading' ;;
        tun-port) rivals='gatewaying masquerading tun-type=ipip tun-type=gre' ;;
        tun-nocsum | tun-csum)
            rivals='gatewaying masquerading tun-type=ipip tun-nocsum tun-csum tun-remcsum' ;;
        tun-remcsum)
            rivals='gatewaying masquerading tun-type=ipip tun-type=gre tun-nocsum tun-csum' ;;
        connection)
            rivals='service-address ipv6 timeout daemon stats rate thresholds' ;;
        timeout | daemon)
            rivals='service-address ipv6 connection timeout daemon stats rate thresholds'
            rivals+=' persistent-conn' ;;
        stats | rate | thresholds) rivals='connection timeout daemon' ;;
        persistent-conn) rivals='timeout daemon' ;;
        json) rivals=table ;;
        table) rivals=json ;;
        *) rivals='' ;;
    esac
}

# Parts the line up to the cursor into $words. In COMP_WORDS, an address or
# --name=value lies in pieces, as COMP_WORDBREAKS holds colon and equals sign;
# pieces with nothing between them on the line are one word.
_ipvsadm_part() {
    local line=${COMP_LINE:0:COMP_POINT} piece blanks
    words=()
    for piece in "${COMP_WORDS[@]}"; do
        blanks=${line%%[![:blank:]]*}
        line=${line#"$blanks"}
        [[ $line == "$piece"* ]] || piece=$line # the cursor is inside
        line=${line#"$piece"}
        if [[ ${#words[@]} -eq 0 || $blanks || $piece == *[\<\>]* || ${words[-1]} == *[\<\>] ]]; then
            words+=("$piece")
        else
            words[-1]+=$piece
        fi
        [[ $line ]] || break
    done
}

# Takes note of an option with its value: _ipvsadm_note NAME [VALUE].
_ipvsadm_note() {
    given+=" $1 ${_ipvsadm_kind[$1]} $1=${2-} "
    case ${_ipvsadm_kind[$1]} in
        command) command=$1 ;;
        service-address) service=$1 address=${2-} ;;
        scheduler) scheduler=${2-} ;;
    esac
}

# Reads a word that begins with a dash. An option that may have a value is put
# into $pending instead of noted; into $front what of the word stands before the
# value, nothing if the value is not in the word.
_ipvsadm_read_options() {
    local word=$1 name i
    pending='' front=''
    if [[ $word == --* ]]; then
        name=${word#--}
        name=${name%%=*}
        case ${_ipvsadm_value[${name:-none}]-} in
            -) _ipvsadm_note "$name" ;;
            [=?])
                pending=$name
                [[ $word != *=* ]] || front=--$name= ;;
        esac
        return
    fi
    for ((i = 1; i < ${#word}; i++)); do
        name=${_ipvsadm_name[${word:i:1}]-}
        case ${_ipvsadm_value[${name:-none}]-} in
            '') return ;;
            -) _ipvsadm_note "$name" ;;
            *)
                pending=$name
                ((i + 1 == ${#word})) || front=${word:0:i+1}
                [[ ${word:i+1:1} != '=' ]] || front+='='
                return ;;
        esac
    done
}

# Reads the words before the cursor. An option whose value stands at the cursor
# stays in $pending.
_ipvsadm_read() {
    local word last=''
    for word in "${words[@]:1:${#words[@]}-2}"; do
        if [[ $last == *[\<\>] || $word == *[\<\>] ]]; then
            last=$word # a file's name, or what goes before one
            continue
        fi
        last=$word
        word=${word//[\\\'\"]/}
        if [[ $pending ]]; then
            if [[ ${_ipvsadm_value[$pending]} == '=' || $word != -* ]]; then
                _ipvsadm_note "$pending" "$word"
                pending=''
                continue
            fi
            _ipvsadm_note "$pending"
            pending=''
        fi
        case $word in
            --) is_over=yes ;;
            -*)
                _ipvsadm_read_options "$word"
                if [[ $front ]]; then
                    _ipvsadm_note "$pending" "${word#"$front"}"
                    pending='' front=''
                fi ;;
        esac
    done
}

# Offers those of its words that go on from what is typed.
_ipvsadm_offer() {
    local word
    for word; do
        [[ $word != "$typed"* ]] || COMPREPLY+=("$front$word")
    done
}

# Whether an option may still come: the command and what is given already would
# not refuse it.
_ipvsadm_may_come() {
    local name kind=${_ipvsadm_kind[$1]} kinds rival rivals
    [[ $given != *" $kind "* ]] || return
    if [[ $kind == command ]]; then
        _ipvsadm_kinds_of "$1"
        for name in "${_ipvsadm_names[@]}"; do
            [[ $given != *" $name "* || " $kinds " == *" ${_ipvsadm_kind[$name]} "* ]] || return
        done
    elif [[ $command ]]; then
        _ipvsadm_kinds_of "$command"
        [[ " $kinds " == *" $kind "* ]] || return
    fi
    _ipvsadm_rivals_of "$1"
    for rival in $rivals; do
        [[ $given != *" $rival "* ]] || return
    done
}

# Offers the options that may come next; commands, where there is none yet.
_ipvsadm_offer_options() {
    local name offered=()
    for name in "${_ipvsadm_names[@]}"; do
        [[ $command || ${_ipvsadm_kind[$name]} == command ]] || continue
        _ipvsadm_may_come "$name" || continue
        [[ ! ${_ipvsadm_letter[$name]-} ]] || offered+=("-${_ipvsadm_letter[$name]}")
        offered+=("--$name")
    done
    _ipvsadm_offer "${offered[@]}"
}

# Completes one dash with letters, of which the last may have its value glued on.
_ipvsadm_offer_letters() {
    local name i
    for ((i = 1; i < ${#typed}; i++)); do
        name=${_ipvsadm_name[${typed:i:1}]-}
        [[ $name ]] && _ipvsadm_may_come "$name" || return
        if [[ ${_ipvsadm_value[$name]} != - ]]; then
            ((i + 1 < ${#typed})) || break
            front=${typed:0:i+1}
            [[ ${typed:i+1:1} != '=' ]] || front+='='
            typed=${typed#"$front"}
            _ipvsadm_offer_values "$name"
            return
        fi
        _ipvsadm_note "$name"
    done
    COMPREPLY=("$typed")
}

# Offers the values of an option.
_ipvsadm_offer_values() {
    _ipvsadm_may_come "$1" || return
    case $1 in
        start-daemon | stop-daemon) _ipvsadm_offer master backup ;;
        scheduler) _ipvsadm_offer rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh ;;
        sched-flags) _ipvsadm_offer_flags ;;
        pe) _ipvsadm_offer sip ;;
        tun-type) _ipvsadm_offer ipip gue gre ;;
        mcast-interface)
            local path
            for path in /sys/class/net/*; do
                [[ ! -L $path ]] || _ipvsadm_offer "${path##*/}"
            done ;;
        *-service)
            case $command in
                add-service) [[ $1 == fwmark-service ]] || _ipvsadm_offer_endpoints "${1%-service}" ;;
                *) _ipvsadm_offer_services "$1" ;;
            esac ;;
        real-server)
            case $command in
                edit-server | delete-server) _ipvsadm_offer_servers ;;
                *) _ipvsadm_offer_endpoints "${service%-service}" ;;
            esac ;;
    esac
}

# Offers the flags of the scheduler that are not in the list yet.
_ipvsadm_offer_flags() {
    local flags='flag-1 flag-2 flag-3' flag list=''
    [[ $scheduler != @(sh|mh) ]] || flags="$scheduler-fallback $scheduler-port"
    [[ $typed != *,* ]] || list=${typed%,*},
    for flag in $flags; do
        [[ ,$list == *,$flag,* ]] || _ipvsadm_offer "$list$flag"
    done
}

# Offers the services of one kind that exist.
_ipvsadm_offer_services() {
    local letter=-${_ipvsadm_letter[$1]-} end='' found
    [[ $letter != - ]] || letter=--$1
    [[ $given != *' ipv6 '* ]] || end='-6 '
    mapfile -t found < <("${words[0]}" -Sn 2>/dev/null </dev/null |
        sed -n "s/^-A $letter \([^ ]*\) $end.*/\1/p")
    _ipvsadm_offer "${found[@]}"
}

# Offers the real servers of the service that is named.
_ipvsadm_offer_servers() {
    [[ $service ]] || return
    local line=("--$service" "$address") found
    [[ $given != *' ipv6 '* ]] || line+=(--ipv6)
    mapfile -t found < <("${words[0]}" -Ln "${line[@]}" 2>/dev/null </dev/null |
        sed -n 's/^  -> \([0-9[][^ ]*\) .*/\1/p')
    _ipvsadm_offer "${found[@]}"
}

# Offers host names, and after a host's colon the names of ports:
# _ipvsadm_offer_endpoints PROTOCOL.
_ipvsadm_offer_endpoints() {
    local protocol=$1 found
    [[ $protocol == @(udp|sctp) ]] || protocol=tcp
    compopt -o nospace
    case $typed in
        \[*\]:*) ;;
        \[* | :* | *:*:*) return ;; # an IPv6 address
        *:*) ;;
        *)
            mapfile -t found < <(compgen -A hostname -- "$typed")
            _ipvsadm_offer "${found[@]}"
            return ;;
    esac
    compopt +o nospace
    mapfile -t found < <(getent services 2>/dev/null |
        sed -n "s|^\([^ ]*\) .*[0-9]/$protocol\( .*\)\{0,1\}\$|\1|p")
    _ipvsadm_offer "${found[@]/#/${typed%:*}:}"
}

# Offers those of its words that are not on the line yet.
_ipvsadm_offer_remaining() {
    local word
    for word; do
        [[ " ${words[*]:1:${#words[@]}-2} " == *" $word "* ]] || _ipvsadm_offer "$word"
    done
}

_ipvsadm() {
    local words command='' given=' ' service='' address='' scheduler='' is_over=''
    local pending='' front='' typed word quote='' breaks='' last
    COMPREPLY=()
    _ipvsadm_part
    if [[ ${#words[@]} -gt 1 && ${words[-2]} == *[\<\>] ]]; then
        compopt -o default
        return
    fi
    word=${words[-1]}
    [[ $word != [\'\"]* ]] || quote=${word:0:1}
    typed=${word//[\\\'\"]/}
    case ${words[0]##*/} in
        ipvsadm-save) _ipvsadm_offer_remaining -n ;;
        ipvsadm-restore) _ipvsadm_offer_remaining --dry-run --noflush --test ;;
        *)
            _ipvsadm_read
            if [[ $pending && ${_ipvsadm_value[$pending]} == '?' && $typed != [!-]* ]]; then
                _ipvsadm_note "$pending"
                pending=''
            fi
            if [[ $pending ]]; then
                _ipvsadm_offer_values "$pending"
            elif [[ $is_over || $command == @(help|version) ]]; then
                :
            elif [[ $typed == --*=* ]]; then
                _ipvsadm_read_options "$typed"
                typed=${typed#"$front"}
                [[ ! $pending ]] || _ipvsadm_offer_values "$pending"
            elif [[ $typed == -[!-]* ]]; then
                _ipvsadm_offer_letters
            elif [[ ! $typed || $typed == -* ]]; then
                _ipvsadm_offer_options
            fi ;;
    esac
    # Outside quotes, what stands after the last colon or equals sign is the
    # word that readline replaces.
    if [[ ! $quote ]]; then
        for last in : =; do
            [[ $COMP_WORDBREAKS != *"$last"* ]] || breaks+=$last
        done
        last=$front$typed
        [[ ! $breaks ]] || COMPREPLY=("${COMPREPLY[@]#"${last%"${last##*[$breaks]}"}"}")
    fi
}

complete -F _ipvsadm ipvsadm ipvsadm-save ipvsadm-restore
