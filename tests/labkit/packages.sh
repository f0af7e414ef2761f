# shellcheck shell=bash disable=SC2034
# What the lab needs from Debian, and how it gets there. Sourced by tests/lab.
#
# Missing packages are installed where we may do that (root), and named in one
# line that can be pasted where we may not. A list holds NAME=FILE: the package,
# and a file that it brings, which is a program on PATH or an absolute pattern.

# What the reference is linked with.
PACKAGES_REFERENCE=(
    'libpopt0=/usr/lib/*/libpopt.so.0'
    'libnl-3-200=/usr/lib/*/libnl-3.so.200' 'libnl-genl-3-200=/usr/lib/*/libnl-genl-3.so.200'
)
PACKAGES_GUEST=(
    mount=mount perl-base=perl kmod=modprobe iproute2=ip "${PACKAGES_REFERENCE[@]}"
    'debian-archive-keyring=/usr/share/keyrings/debian-archive-keyring.*' # for debian.sh
)
PACKAGES_BUILD=(gcc=cc libc6-dev=/usr/include/stdio.h)
PACKAGES_DEMO=(curl=curl procps=sysctl)
PACKAGES_TEST=(
    "${PACKAGES_DEMO[@]}"
    iptables=iptables-legacy nftables=nft keepalived=keepalived
    bash-completion=/usr/share/bash-completion/bash_completion zsh=zsh fish=fish
    mandoc=mandoc man-db=man prometheus=promtool prometheus-node-exporter=prometheus-node-exporter
    dpkg-dev=dpkg-shlibdeps systemd=systemd-analyze strace=strace
    console-setup-linux=/usr/share/consolefonts/Lat15-Fixed16.psf.gz
    'perl=/usr/share/perl/*/JSON/PP.pm' # for tests/world
)

# packages_need NAME=FILE...: make sure that the files are there.
packages_need() {
    local pair missing=()
    for pair in "$@"; do
        packages_has "${pair#*=}" || missing+=("${pair%%=*}")
    done
    [[ ${#missing[@]} -gt 0 ]] || return 0
    if [[ $EUID -ne 0 ]]; then
        fail "needs packages: sudo apt-get install ${missing[*]}"
    fi
    printf 'tests/lab: installing %s\n' "${missing[*]}" >&2
    scratch "${TMPDIR:-/tmp}/ipvsadm-lab"
    local log=$SCRATCH/log
    {
        apt-get update -q &&
            DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
    } </dev/null >"$log" 2>&1 || {
        tail -n 5 "$log" >&2
        fail "could not install: apt-get install ${missing[*]}"
    }
}

packages_has() {
    if [[ $1 == /* ]]; then
        compgen -G "$1" >/dev/null
    else
        PATH=$PATH:/usr/sbin:/sbin type -P "$1" >/dev/null
    fi
}

# Rust, where it is installed and no older than Cargo.toml demands.
packages_need_cargo() {
    local needed found how
    PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
    needed=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$LAB_REPOSITORY/Cargo.toml")
    how="see https://rustup.rs; on Debian 13: apt-get install rustup && rustup default stable"
    type -P cargo >/dev/null || fail "needs Rust $needed or later: $how"
    found=$(cd -- "$LAB_REPOSITORY" && cargo --version 2>/dev/null) || fail "needs Rust $needed or later, and cargo does not run: $how"
    read -r _ found _ <<<"$found"
    printf '%s\n' "$needed" "$found" | sort --version-sort --check=quiet ||
        fail "needs Rust $needed or later; cargo here is $found: $how"
}

# packages_tool NAME: have a program that cargo installs, in the cache if not on
# PATH. It is built in half the time where it may be slow.
packages_tool() {
    ! type -P "$1" >/dev/null || return 0
    PATH=$PATH:$LAB_CACHE/tools/bin
    ! type -P "$1" >/dev/null || return 0
    printf 'tests/lab: installing %s in %s\n' "$1" "$LAB_CACHE/tools" >&2
    env -u CARGO_TARGET_DIR cargo install --quiet --locked --debug --root "$LAB_CACHE/tools" "$1" ||
        fail "could not install $1: cargo install $1"
}

# packages_ours: have our own package built, and an archive of the sources, in LAB_PACKAGES. That
# is no part of the cache, which checkouts may share.
packages_ours() {
    local folder=$LAB_PACKAGES
    packages_tool cargo-deb
    rm -rf -- "$folder"
    mkdir -p -- "$folder"
    # A guest sees what is here, committed or not; so does the package. The archive is for rpm.
    "$LAB_REPOSITORY/src/package/build" --output "$folder" deb sources >&2 || fail "our packages do not build"
    mv -- "$folder"/ipvsadm-rs_*.deb "$folder/ipvsadm.deb"
}

# The reference, Debian's ipvsadm. What is compared with is this version, whatever
# this machine has: later ones word messages differently. Some architectures have it
# built anew, which adds +b1 to the version.
REFERENCE_RELEASE=bookworm
REFERENCE_VERSION=1:1.31-1

# packages_reference: have the reference unpacked in the cache, and
# IPVSADM_REFERENCE name it. It is not installed: that way it stays the reference
# when our own package takes its place on this machine.
packages_reference() {
    local folder=$LAB_CACHE/reference version
    version=$(dpkg-deb --field "$folder/ipvsadm.deb" Version 2>/dev/null) || true
    [[ ${version%+b[0-9]} == "$REFERENCE_VERSION" ]] || rm -rf -- "$folder"
    debian_fetch "the reference: ipvsadm $REFERENCE_VERSION of Debian $REFERENCE_RELEASE" \
        "$folder" packages_reference_fetch
    export IPVSADM_REFERENCE=$folder/sbin/ipvsadm
}

packages_reference_fetch() {
    local work=$1
    debian_release "$work" "$REFERENCE_RELEASE" &&
        debian_unpack "$work" "ipvsadm=$REFERENCE_VERSION*" "$work/files" &&
        mv -- "$work"/ipvsadm/*.deb "$work/files/ipvsadm.deb"
}
