# fish completion for ipvsadm-restore.
complete -c ipvsadm-restore -f
complete -c ipvsadm-restore -n 'not __fish_contains_opt dry-run' -l dry-run \
    -d 'print the changes, make none'
complete -c ipvsadm-restore -n 'not __fish_contains_opt noflush' -l noflush \
    -d 'leave alone the services that the rules do not name'
complete -c ipvsadm-restore -n 'not __fish_contains_opt test' -l test \
    -d 'check the rules, change nothing'
