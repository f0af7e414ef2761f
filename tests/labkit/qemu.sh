# shellcheck shell=bash disable=SC2034
# Debian's kernels under QEMU in software emulation, for the engine `qemu` and for
# the benchmark. Sourced by tests/lab.
#
# The machine that is played has the architecture of this one, so that this one's
# programs run in it.

# What QEMU_COMMAND begins with, the package that it comes in, where a kernel's
# console is, and the flavour of Debian's kernels.
case $(dpkg --print-architecture 2>/dev/null) in
    amd64)
        QEMU_PROGRAM=(qemu-system-x86_64) QEMU_PACKAGE=qemu-system-x86
        QEMU_CONSOLE=ttyS0 QEMU_FLAVOUR=amd64
        ;;
    arm64)
        QEMU_PROGRAM=(qemu-system-aarch64 -machine virt -cpu cortex-a72) QEMU_PACKAGE=qemu-system-arm
        QEMU_CONSOLE=ttyAMA0 QEMU_FLAVOUR=arm64
        ;;
    *) QEMU_PROGRAM=() QEMU_PACKAGE='' ;;
esac

# /dev/kvm is of no use here: where it is there, a guest may hang.
QEMU_COMMAND=("${QEMU_PROGRAM[@]}" -accel tcg -nodefaults -no-reboot -display none)

PACKAGES_QEMU=(
    "$QEMU_PACKAGE=${QEMU_PROGRAM[0]-}" busybox-static=/usr/share/doc/busybox-static
    kmod=modinfo xz-utils=xz
)

qemu_required() {
    [[ -n $QEMU_PACKAGE ]] ||
        fail "knows no QEMU for $(dpkg --print-architecture); tests/labkit/qemu.sh is where to add it"
}

# qemu_fetch_kernel WORK KERNEL FLAVOUR: unpack Debian's kernel of that flavour in
# WORK/files. The newest release has the kernel and its modules in packages of
# their own, which that of the image asks for.
qemu_fetch_kernel() {
    local work=$1 kernel=$2 image=linux-image-$3 package packages
    debian_release "$work" "$(kernel_release "$kernel")" || return
    mapfile -t packages < <(APT_CONFIG=$work/apt.conf apt-cache depends --important --recurse "$image" |
        grep -E "^linux-(image|binary|modules)-[0-9].*-$3\$" | sort -u)
    [[ ${#packages[@]} -gt 0 ]] || {
        echo "$image asks for no kernel"
        return 1
    }
    for package in "${packages[@]}"; do
        debian_unpack "$work" "$package" "$work/files" || return
    done
}

# qemu_image FOLDER: the kernel itself, in a folder that a kernel was unpacked in.
qemu_image() {
    find "$1" -name 'vmlinu[xz]*' | head -n 1
}

# qemu_pack_root FOLDER: begin with the files of a guest's first root: busybox
# alone.
qemu_pack_root() {
    mkdir -p -- "$1"/{bin,sbin,dev,proc,tmp,modules}
    cp -- "$(type -P busybox)" "$1/bin"
}

# qemu_pack_module NAME FOLDER KERNEL: put a module of the kernel unpacked in KERNEL
# into the folder, after those that it needs; the file order there names them as
# they are to be loaded.
qemu_pack_module() {
    local name=$1 folder=$2 kernel=$3 file needed
    ! grep -qsx "$name.ko" "$folder/order" || return 0
    # Its name may be spelled with dashes or underscores.
    local pattern="${name//[-_]/[-_]}.ko"
    file=$(find "$kernel" -name "$pattern*" | head -n 1)
    if [[ -z $file ]]; then
        # It may be part of the kernel itself.
        find "$kernel" -name modules.builtin -exec cat {} + | grep -q "/$pattern\$" ||
            fail "the kernel in $kernel has no module $name"
        return 0
    fi
    for needed in $(PATH=$PATH:/usr/sbin:/sbin modinfo -F depends "$file" | tr ',' ' '); do
        qemu_pack_module "$needed" "$folder" "$kernel"
    done
    if [[ $file == *.xz ]]; then
        xz -dc -- "$file" >"$folder/$name.ko"
    else
        cp -- "$file" "$folder/$name.ko"
    fi
    printf '%s.ko\n' "$name" >>"$folder/order"
}

# qemu_pack FOLDER ARCHIVE: make of it the archive that a kernel unpacks into memory.
qemu_pack() {
    (cd -- "$1" && find . | busybox cpio -o -H newc 2>/dev/null) >"$2"
}
