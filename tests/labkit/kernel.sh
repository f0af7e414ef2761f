# Which kernel a guest boots. Sourced by tests/lab.
#
# kernel_select VERSION sets LAB_KERNEL, the program, and LAB_MODULES, the
# folder that holds its modules.
kernel_select() {
    case $1 in
        6.1)
            LAB_KERNEL=$(type -P linux.uml)
            LAB_MODULES=/usr/lib/uml/modules
            ;;
        *)
            fail "no kernel $1"
            ;;
    esac
}
