# shellcheck shell=bash
# What the lab needs from Debian, and how it gets there. Sourced by tests/lab.
#
# Missing packages are installed where we may do that (root), and named in one
# line that can be pasted where we may not.

# packages_need NAME=FILE...: make sure that FILE is there, a program on PATH or
# an absolute path, which package NAME brings.
packages_need() {
    local pair missing=()
    for pair in "$@"; do
        [[ ${pair#*=} == /* && -e ${pair#*=} ]] || PATH=$PATH:/usr/sbin:/sbin type -P "${pair#*=}" >/dev/null ||
            missing+=("${pair%%=*}")
    done
    [[ ${#missing[@]} -gt 0 ]] || return 0
    if [[ $EUID -ne 0 ]]; then
        fail "needs packages: sudo apt-get install ${missing[*]}"
    fi
    printf 'tests/lab: installing %s\n' "${missing[*]}" >&2
    {
        apt-get update -q &&
            DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
    } </dev/null >&2 || fail "could not install: apt-get install ${missing[*]}"
}

# What every guest needs.
packages_need_guest() {
    packages_need user-mode-linux=linux.uml perl-base=perl kmod=modprobe iproute2=ip mount=mount
}

# What building ours needs: Rust, as rustup installs it, and a linker. Debian's
# own cargo may be too old, which cargo then says.
packages_need_cargo() {
    PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
    type -P cargo >/dev/null || fail "needs Rust's cargo: see https://rustup.rs"
    packages_need gcc=cc libc6-dev=/usr/include/stdio.h
}

# packages_reference: have the reference, Debian's ipvsadm, unpacked in the
# cache, and IPVSADM_REFERENCE name it. It is not installed: that way it stays
# the reference when our own package takes its place on this machine.
packages_reference() {
    local folder=$LAB_CACHE/reference
    if [[ ! -x $folder/ipvsadm ]]; then
        packages_reference_fetch "$folder"
    fi
    export IPVSADM_REFERENCE=$folder/ipvsadm
}

packages_reference_fetch() {
    local folder=$1 work
    mkdir -p -- "$LAB_CACHE"
    work=$(mktemp -d "$LAB_CACHE/reference.XXXXXX")
    (
        cd -- "$work"
        apt-get download -q ipvsadm >log 2>&1 ||
            { [[ $EUID -eq 0 ]] && apt-get update -q >log 2>&1 && apt-get download -q ipvsadm >log 2>&1; }
        dpkg-deb -x ipvsadm_*.deb . && mv sbin files
    ) || {
        cat "$work/log" >&2
        rm -rf -- "$work"
        fail "could not fetch the reference: apt-get download ipvsadm"
    }
    mv -T -- "$work/files" "$folder" 2>/dev/null || true # another lab may have been first
    rm -rf -- "$work"
}
