# shellcheck shell=bash
# `tests/lab demo` and `tests/lab shell`: ours at work in a cluster. Sourced by
# tests/lab.
#
# A demo is a file demos/NAME.sh, written in the words of stage.sh; its first
# line is a comment that says what it shows. Where it needs more packages than
# the others, its second line is "# needs PACKAGE=FILE...", as packages_need takes
# them. Nothing else is needed to add one.

LAB_FIRST_DEMO=lvs-nat

demo_main() {
    local waits=1 word words=()
    for word in "$@"; do
        if [[ $word == --no-wait ]]; then waits=''; else words+=("$word"); fi
    done
    set -- "${words[@]}"
    local name=${1-$LAB_FIRST_DEMO}
    case $name in
        --list)
            demo_list
            return
            ;;
        -h | --help)
            demo_usage
            return
            ;;
    esac
    [[ $# -le 1 && -f $LABKIT/demos/$name.sh ]] || {
        printf 'tests/lab: there is no demo %s; there are:\n' "$*" >&2
        demo_list >&2
        return 1
    }
    demo_ready "$(sed -n '2s/^# needs //p' "$LABKIT/demos/$name.sh")"
    [[ ! -t 1 || -n ${NO_COLOR-} ]] || export LAB_COLOURS=1
    if [[ $waits && -t 1 ]]; then
        local status=0
        demo_play "$name" "$#" | perl "$LABKIT/pages.pl" || status=${PIPESTATUS[0]}
        # Who has seen enough breaks the pipe.
        [[ $status -eq 141 ]] || return "$status"
    else
        demo_play "$name" "$#"
    fi
}

# demo_play NAME WORDS: the demo; behind it, if no word chose it, which others there are.
demo_play() {
    boot bash "$LABKIT/stage.sh" "$LABKIT/demos/$1.sh" </dev/null || return
    if [[ $2 -eq 0 ]]; then
        printf '\nThis was the demo %s. All demos:\n' "$1"
        demo_list
        printf '\nTo try it yourself: tests/lab shell\n'
    fi
}

demo_usage() {
    printf '%s\n' 'Usage: tests/lab demo [--no-wait] [NAME | --list]' '' \
        'At a terminal it waits for a key where a screen is full; not with --no-wait.' ''
    demo_list
}

demo_list() {
    local file name about
    for file in "$LABKIT"/demos/*.sh; do
        name=${file##*/}
        read -r _ about <"$file"
        printf '  %-16s %s\n' "${name%.sh}" "$about"
    done
}

# shell_main [nat|dr|tun]
shell_main() {
    local topology=${1-nat}
    [[ $# -le 1 && $topology =~ ^(nat|dr|tun)$ ]] || fail "shell: which cluster? nat, dr or tun"
    [[ -t 0 && -t 1 ]] || fail "shell: needs a terminal; tests/lab run runs a command"
    demo_ready
    boot bash "$LABKIT/guest/shell" "$topology"
}

# demo_ready [PACKAGE=FILE...]: all that a demo needs on this machine, these
# packages too; and a folder to be put first on PATH, with ours under its names and
# the reference beside it.
demo_ready() {
    packages_need_cargo
    # shellcheck disable=SC2048,SC2086 # words
    packages_need "${PACKAGES_BUILD[@]}" "${PACKAGES_GUEST[@]}" "${PACKAGES_DEMO[@]}" $*
    packages_reference
    kernel_select "$LAB_KERNEL_NAME"
    printf 'tests/lab: building ipvsadm\n' >&2
    (cd -- "$LAB_REPOSITORY" && cargo build --locked --release --quiet) || fail "ipvsadm does not build"

    local folder=$LAB_CACHE/bin name
    mkdir -p -- "$folder"
    for name in ipvsadm ipvsadm-save ipvsadm-restore; do
        ln -sfn -- "$LAB_TARGET/release/ipvsadm" "$folder/$name"
    done
    ln -sfn -- "$IPVSADM_REFERENCE" "$folder/ipvsadm.reference"
    PATH=$folder:$PATH
    printf 'tests/lab: booting kernel %s\n' "$LAB_KERNEL_VERSION" >&2
}
