# fish completion for ipvsadm-save.
complete -c ipvsadm-save -f
complete -c ipvsadm-save -s n -d 'addresses and ports as numbers'
