# shellcheck shell=bash disable=SC2034
# Which kernel a guest boots, and getting it. Sourced by tests/lab.
#
# All come from Debian's package user-mode-linux, each from the release that has
# it. The one installed on this machine is used when its version is asked for;
# others are fetched with a configuration of apt's own, which needs no root and
# changes nothing on this machine, and unpacked in the cache.

LAB_KERNEL_VERSIONS=(5.10 6.1 6.12 7.2)

kernel_known() {
    [[ -n $(kernel_release "$1") ]]
}

kernel_release() {
    case $1 in
        5.10) echo bullseye ;;
        6.1) echo bookworm ;;
        6.12) echo trixie ;;
        7.2) echo sid ;;
    esac
}

# kernel_select VERSION: set LAB_KERNEL, the program, and LAB_MODULES, the
# folder that holds its modules.
kernel_select() {
    local version=$1 folder=$LAB_CACHE/kernels/$1
    if compgen -G "/usr/lib/uml/modules/$version.*" >/dev/null && type -P linux.uml >/dev/null; then
        LAB_KERNEL=$(type -P linux.uml)
        LAB_MODULES=/usr/lib/uml/modules
        return
    fi
    [[ -e $folder ]] || kernel_fetch "$version" "$folder"
    LAB_KERNEL=$folder/usr/bin/linux.uml
    LAB_MODULES=$folder/usr/lib/uml/modules
}

kernel_fetch() {
    local version=$1 folder=$2 release work
    release=$(kernel_release "$version")
    printf 'tests/lab: fetching kernel %s (Debian %s)\n' "$version" "$release" >&2
    scratch "$LAB_CACHE/kernels/fetch"
    work=$SCRATCH
    if ! kernel_fetch_into "$work" "$release" "$version" >"$work/log" 2>&1; then
        tail -n 3 "$work/log" >&2
        rm -rf -- "$work"
        fail "could not fetch kernel $version: user-mode-linux of Debian $release"
    fi
    mv -T -- "$work/files" "$folder" 2>/dev/null || true # another lab may have been first
    rm -rf -- "$work"
}

# Unpack the kernel of a release in WORK/files. Where it wants a newer C library
# than this machine's, it gets that of its release, beside it.
kernel_fetch_into() {
    local work=$1 release=$2 version=$3 files=$1/files found
    kernel_apt "$work" "$release" &&
        kernel_unpack "$work" user-mode-linux "$files" || return
    found=$(ls "$files/usr/lib/uml/modules")
    if [[ $found != "$version".* ]]; then
        echo "Debian $release has kernel $found by now, not $version"
        return 1
    fi
    if [[ $(ldd "$files/usr/bin/linux.uml" 2>&1) == *'not found'* ]]; then
        kernel_own_libraries "$work" "$LAB_CACHE/kernels/$version" || return
    fi
    # The package makes these when it is installed.
    [[ -e $files/usr/lib/uml/modules/$found/modules.dep.bin ]] || {
        mkdir -p -- "$files/lib" && ln -s ../usr/lib/uml/modules "$files/lib/modules" &&
            PATH=$PATH:/usr/sbin:/sbin depmod --basedir "$files" "$found"
    }
}

# kernel_own_libraries WORK PLACE: have the program use its release's C library,
# under the names that it will have in PLACE, where WORK/files will be moved.
kernel_own_libraries() {
    local work=$1 place=$2 files=$1/files loader
    kernel_unpack "$work" libc6 "$files/libc" || return
    # The oldest release's patchelf runs here too.
    kernel_apt "$work/tools" "$(kernel_release "${LAB_KERNEL_VERSIONS[0]}")" &&
        kernel_unpack "$work/tools" patchelf "$work/tools" || return
    loader=$(find "$files/libc" -name 'ld-linux*.so*' -type f)
    loader=$place${loader#"$files"}
    "$work/tools/usr/bin/patchelf" --set-interpreter "$loader" \
        --set-rpath "$(dirname -- "$loader")" "$files/usr/bin/linux.uml"
}

# A configuration of apt with nothing but one release in it. The mirror is the
# one this machine uses, and may be one that stands still: what it has is signed.
kernel_apt() {
    local work=$1 release=$2 mirror
    # shellcheck disable=SC2016 # it is apt that puts something in its place
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Component: main' 2>/dev/null |
        grep -v security | head -n 1) || true
    mkdir -p -- "$work/lists/partial" "$work/archives/partial"
    : >"$work/status"
    printf 'deb [signed-by=%s] %s %s main\n' /usr/share/keyrings/debian-archive-keyring.gpg \
        "${mirror:-http://deb.debian.org/debian}" "$release" >"$work/sources.list"
    cat >"$work/apt.conf" <<END
Dir::Etc::SourceList "$work/sources.list";
Dir::Etc::SourceParts "-";
Dir::State::Lists "$work/lists";
Dir::State::Status "$work/status";
Dir::Cache "$work";
Dir::Cache::Archives "$work/archives";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
APT::Sandbox::User "";
END
    # Only the list of packages: no hooks, no pictures and descriptions.
    APT_CONFIG=$work/apt.conf apt-get update
}

# kernel_unpack WORK PACKAGE FOLDER
kernel_unpack() {
    local work=$1 package=$2 folder=$3
    mkdir -p -- "$work/$package" "$folder"
    (
        cd -- "$work/$package" &&
            APT_CONFIG=$work/apt.conf apt-get download "$package" &&
            dpkg-deb -x ./*.deb "$folder"
    )
}
