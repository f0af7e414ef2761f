# shellcheck shell=bash disable=SC2034
# `tests/lab systemd`: a whole Debian that boots with systemd as process 1, for
# what is between a package, systemd and a reboot. Sourced by tests/lab.
#
# It is user-mode Linux here too, with the kernel that the release has, on a disk
# of its own: a copy of an image in the cache, which lasts as long as the guest,
# reboots included. The parts are in systemd/:
#   init   makes the root, then hands over to systemd

# What makes the image.
PACKAGES_SYSTEMD=(mmdebstrap=mmdebstrap genext2fs=genext2fs e2fsprogs=resize2fs)
# Without root, mmdebstrap takes the numbers that /etc/subuid gives to the user.
[[ $EUID -eq 0 ]] || PACKAGES_SYSTEMD+=(uidmap=newuidmap)

systemd_usage() {
    cat <<'END'
Usage: tests/lab systemd 12|13 [COMMAND [ARGUMENT...]]

Boots that Debian with systemd as process 1 and Debian's ipvsadm, and runs the
command there, or a shell. The machine's files are in /run/machine. A reboot starts
the command anew; what is on the disk stays until the command ends.

It takes user-mode Linux, which is there for amd64 and i386.
END
}

systemd_main() {
    local release=${1-} kernel
    case $release in
        -h | --help)
            systemd_usage
            return
            ;;
    esac
    kernel=$(systemd_kernel "$release") || {
        systemd_usage >&2
        return 2
    }
    shift
    [[ $LAB_ENGINE == uml ]] ||
        fail "systemd: it takes user-mode Linux, on amd64 or i386; the engine here is $LAB_ENGINE"
    [[ $# -gt 0 ]] || set -- bash
    packages_need "${PACKAGES_GUEST[@]}" "${PACKAGES_SYSTEMD[@]}"
    kernel_select "$kernel"
    systemd_image "$release"
    scratch "${TMPDIR:-/tmp}/ipvsadm-lab-disk"
    cp --sparse=always -- "$LAB_CACHE/systemd/$release/disk" "$SCRATCH/disk" || fail "no room for a disk in $SCRATCH"
    cd /
    # Not what is set here: a service of systemd's sees none of it.
    env -i LABKIT="$LABKIT" TERM="${TERM-}" LC_ALL=C HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        perl -I "$LABKIT" "$LABKIT/boot.pl" --while $$ \
        --kernel "$LAB_KERNEL" --modules "$LAB_MODULES" --memory 512M "${LAB_ENGINE_OPTIONS[@]}" \
        --disk "$SCRATCH/disk" -- "$@"
}

# systemd_kernel RELEASE: the kernel of a Debian, by the name that the lab has for it.
systemd_kernel() {
    case $1 in
        12) echo 6.1 ;;
        13) echo 6.12 ;;
        *) return 1 ;;
    esac
}

# systemd_prepare RELEASE...: have in the cache what is booted for these.
systemd_prepare() {
    local release LAB_ENGINE=uml
    for release in "$@"; do
        kernel_select "$(systemd_kernel "$release")"
        systemd_image "$release"
    done
}

# systemd_image RELEASE: have the image of a Debian in the cache.
systemd_image() {
    debian_fetch "a small Debian $1 with systemd" "$LAB_CACHE/systemd/$1" \
        systemd_fetch "$(kernel_release "$(systemd_kernel "$1")")"
}

systemd_fetch() {
    local work=$1 release=$2 packages=systemd-sysv,kmod,iproute2,ipvsadm PATH=$PATH:/usr/sbin:/sbin
    # For RPMs: one Debian is enough to try them on.
    [[ $release != trixie ]] || packages+=,dnf,rpm
    debian_release "$work" "$release" && mkdir -- "$work/files" &&
        mmdebstrap --variant=minbase --include="$packages" \
            --aptopt='Acquire::Check-Valid-Until "false"' --dpkgopt=force-unsafe-io \
            --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
            --dpkgopt='path-exclude=/usr/share/locale/*' \
            "$release" "$work/image.ext2" "$work/sources.list" &&
        mv -- "$work/image.ext2" "$work/files/disk" &&
        # To be installed again, where no archive can be reached.
        debian_unpack "$work" ipvsadm "$work/unpacked" &&
        mv -- "$work"/ipvsadm/*.deb "$work/files/ipvsadm.deb" &&
        # Room for what is installed later; it takes none before that.
        truncate --size=1G "$work/files/disk" &&
        { e2fsck -f -y "$work/files/disk" || [[ $? -eq 1 ]]; } &&
        resize2fs "$work/files/disk"
}
