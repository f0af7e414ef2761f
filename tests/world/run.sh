#!/bin/bash
# Set-ups as administrators have them, broken and healthy: does --diagnose name the
# cause, and is it quiet where all is well? To be run in a guest:
#
#   tests/lab run tests/world/run.sh [--cases FOLDER] [--prove] PROGRAM [CASE...]
#
# Each case is a cluster of its own, with real clients. It is set up; the clients make
# their requests; --diagnose --json and --diagnose --probe --json are run on each
# director, and, where the program has it, --diagnose --listen 5 --json while the
# clients try again. judge.pl prints one line on what was said.
#
# --prove tests the cases themselves: whether the symptom outlives the diagnosis, and
# whether the case's own repair ends it. With DEBUG set, what the set-up printed and
# what was found is shown, too.
#
# A case is a file in the words of lib.sh and of tests/labkit/cluster.sh. It defines
# setup, traffic (which prints ANSWERED/TRIED) and repair. In its head are:
#
#   kind: healthy|broken
#   cause: one sentence
#   want: a Perl regular expression over the ids of findings at the level fault or
#         risk; behind "note:", at any level
#   never: one over those that accuse the innocent, at the level fault or risk
#   of: the only service that faults and risks may be about, and of which no request is
#         answered: `mark N`, or ADDRESS:PORT (optional)
#   bad-remedy: one over printed commands that were tried and do not help (optional)
#   outlives: yes    the traffic runs once more after the diagnosis, and must fare
#                    the same (optional)
#   traffic: yes|no  whether the traffic runs before the diagnosis, or behind it
#   judged: what is disputable (optional)
#   needs: the kernel's modules that some kernels lack (optional): there the case is told
#         as not possible, and counted apart. With no other case, the status is 3.
#
# A broken case is right if `want` is met by one of the runs and `never` by none, and
# if neither --probe nor --listen ends with status 0 and nothing but general notes where
# no request was answered, or none of the service that `of` names. A healthy one is right
# with no fault, no risk, and status 0.
# Each finding names its basis, and may be a fault by it.
WORLD=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd) || exit 2
CASES=$WORLD/cases PROVE=
while [[ ${1-} == --* ]]; do
    case $1 in
        --cases)
            CASES=$(cd -- "$2" && pwd) || exit 2
            shift
            ;;
        --prove) PROVE=1 ;;
        *)
            echo "run.sh: there is no option $1" >&2
            exit 2
            ;;
    esac
    shift
done
[[ $# -ge 1 && -x $1 ]] || { sed -n '2,5s/^# \?//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
IPVSADM=$(readlink -f -- "$1")
shift
cd -- "$WORLD/../.." || exit 2 # where the cases find tests/labkit
modprobe -a ip_vs dummy 2>/dev/null

# one FILE: try a case. It is to be run in a shell of its own.
one() {
    local T plain_rc=0 probe_rc=0 listen_rc=0 answered='' again='' rc director process started=$SECONDS when listening=()
    T=$(mktemp -d) || return 2
    # shellcheck source=tests/world/lib.sh
    . "$WORLD/lib.sh"
    # shellcheck disable=SC1090
    . "$1"
    trap ends_early EXIT
    when=$(sed -n 's/^# traffic: *//p' "$1")
    if setup >"$T/setup" 2>&1; then
        if [[ $when != no ]]; then
            answered=$(traffic 2>>"$T/setup" | tail -1)
            sleep 2.1 # the kernel adds up what it counts every two seconds
        fi
        for director in "${directors[@]}"; do
            on "$director" "$IPVSADM" --diagnose --json >"$T/plain.$director" 2>>"$T/setup"
            rc=$?
            ((rc <= plain_rc)) || plain_rc=$rc
            on "$director" "$IPVSADM" --diagnose --probe --json >"$T/probe.$director" 2>>"$T/setup"
            rc=$?
            ((rc <= probe_rc)) || probe_rc=$rc
        done
        if "$IPVSADM" --diagnose -h 2>/dev/null | grep -q -- --listen; then
            for director in "${directors[@]}"; do
                on "$director" "$IPVSADM" --diagnose --listen 5 --json >"$T/listen.$director" 2>>"$T/setup" &
                listening+=($!)
                # Until its socket hears.
                until on "$director" awk '$6 == 1 { found = 1 } END { exit !found }' /proc/net/packet ||
                    ! kill -0 $!; do
                    sleep .1
                done
            done
            traffic >/dev/null 2>>"$T/setup"
            for process in "${listening[@]}"; do
                wait "$process"
                rc=$?
                ((rc <= listen_rc)) || listen_rc=$rc
            done
        fi
        [[ $when != no ]] || answered=$(traffic 2>>"$T/setup" | tail -1)
        ! grep -q '^# outlives: yes' "$1" || again=$(traffic 2>>"$T/setup" | tail -1)
    else
        answered="set-up failed"
    fi
    perl "$WORLD/judge.pl" "$1" "$answered" "$plain_rc" "$probe_rc" "$listen_rc" "$T" "$again" | sed "s/\$/ [$((SECONDS - started)) s]/"
    rc=${PIPESTATUS[0]}
    [[ $rc != 2 || ${DEBUG-} ]] || tail -n 5 "$T/setup" | sed 's/^/    /'
    if [[ $PROVE ]] && declare -F repair >/dev/null; then
        again=$(traffic 2>/dev/null | tail -1)
        repair >>"$T/setup" 2>&1
        echo "    proof ${1##*/}: $answered before, $again after the diagnosis, $(traffic 2>/dev/null | tail -1) after the repair"
    fi
    [[ ! ${DEBUG-} ]] || sed 's/^/    /' "$T/setup" "$T"/probe.*
    ! declare -F teardown >/dev/null || teardown >/dev/null 2>&1
    cluster_end >/dev/null 2>&1
    rm -rf "$T"
    trap - EXIT
    return "$rc"
}

# ends_early: what is left to do where a mistake in a case ends its shell.
ends_early() {
    echo "case $(basename -- "$file" .sh) WRONG: a mistake in it ends it early"
    [[ ! ${DEBUG-} ]] || tail -n 5 "$T/setup" | sed 's/^/    /'
    cluster_end >/dev/null 2>&1
    rm -rf "$T"
}

if [[ $# -eq 0 ]]; then
    for file in "$CASES"/*.sh; do
        file=${file##*/}
        set -- "$@" "${file%.sh}"
    done
fi
# lacks FILE: succeed if the kernel lacks a module that a case needs, and print it.
lacks() {
    local module
    # shellcheck disable=SC2013 # words
    for module in $(sed -n 's/^# needs: *//p' "$1"); do
        modprobe -q "$module" || { printf '%s\n' "$module" && return; }
    done
    return 1
}

declare -A total=([broken]=0 [healthy]=0) right=([broken]=0 [healthy]=0)
status=0 impossible=0
for name; do
    file=$CASES/${name%.sh}.sh
    kind=$(sed -n 's/^# kind: *//p' "$file") || exit 2
    if module=$(lacks "$file"); then
        echo "case ${name%.sh} NOT-POSSIBLE with kernel $(uname -r), which has no $module"
        impossible=$((impossible + 1))
        continue
    fi
    total[$kind]=$((total[$kind] + 1))
    if (one "$file") 2>/dev/null; then right[$kind]=$((right[$kind] + 1)); else status=1; fi
done
echo "right ${right[broken]} of ${total[broken]} broken, quiet ${right[healthy]} of ${total[healthy]} healthy, $impossible not possible here"
[[ $((total[broken] + total[healthy])) -gt 0 ]] || exit 3
exit $status
