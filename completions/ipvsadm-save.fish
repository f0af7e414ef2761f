# fish completion for ipvsadm-save.
complete -c ipvsadm-save -f
complete -c ipvsadm-save -n 'not __fish_contains_opt -s n' -s n \
    -d 'addresses and ports as numbers'
