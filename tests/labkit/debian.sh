# shellcheck shell=bash
# Packages of other Debian releases, unpacked in the lab's cache. Sourced by
# tests/lab.
#
# apt fetches them with a configuration of its own, which needs no root and
# changes nothing on this machine. That makes the kernels and the reference the
# same whatever Debian this is.

debian_required() {
    type -P apt-get >/dev/null || fail "needs Debian: the lab's kernels are packages of that"
}

# debian_fetch WHAT FOLDER COMMAND [ARGUMENT...]: unless FOLDER is there, have
# COMMAND, called with a work folder and these arguments, make it as WORK/files.
debian_fetch() {
    local what=$1 folder=$2 work
    shift 2
    [[ ! -e $folder ]] || return 0
    printf 'tests/lab: fetching %s\n' "$what" >&2
    scratch "${folder%/*}/fetch"
    work=$SCRATCH
    if ! "$1" "$work" "${@:2}" >"$work/log" 2>&1; then
        tail -n 3 "$work/log" >&2
        fail "could not fetch $what"
    fi
    mv -T -- "$work/files" "$folder" 2>/dev/null || true # another lab may have been first
    rm -rf -- "$work"
}

# debian_release WORK RELEASE: a configuration of apt, in WORK, with nothing but
# this release in it. The mirror is the one this machine uses, and may be one that
# stands still: what it has is signed.
debian_release() {
    local work=$1 release=$2 mirror keyring
    # shellcheck disable=SC2016 # it is apt that puts something in its place
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Component: main' 2>/dev/null |
        grep -v security | head -n 1) || true
    # It ends in .gpg, in newer releases also or only in .pgp.
    keyring=$(compgen -G '/usr/share/keyrings/debian-archive-keyring.*' | head -n 1)
    mkdir -p -- "$work/lists/partial" "$work/archives/partial"
    : >"$work/status"
    printf 'deb [signed-by=%s] %s %s main\n' "$keyring" \
        "${mirror:-http://deb.debian.org/debian}" "$release" >"$work/sources.list"
    cat >"$work/apt.conf" <<CONF
Dir::Etc::SourceList "$work/sources.list";
Dir::Etc::SourceParts "-";
Dir::State::Lists "$work/lists";
Dir::State::Status "$work/status";
Dir::Cache "$work";
Dir::Cache::Archives "$work/archives";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
APT::Sandbox::User "";
CONF
    # Only the list of packages: no hooks, no pictures and descriptions.
    APT_CONFIG=$work/apt.conf apt-get update
}

# debian_unpack WORK PACKAGE[=VERSION] FOLDER: the package itself is left in
# WORK/PACKAGE.
debian_unpack() {
    local work=$1 package=$2 folder=$3 place=$1/${2%%=*}
    mkdir -p -- "$place" "$folder"
    (
        cd -- "$place" &&
            APT_CONFIG=$work/apt.conf apt-get download "$package" &&
            dpkg-deb -x ./*.deb "$folder"
    )
}

# debian_version WORK PACKAGE: the version of a package that the release has.
debian_version() {
    APT_CONFIG=$1/apt.conf apt-cache show --no-all-versions "$2" | sed -n 's/^Version: //p'
}
