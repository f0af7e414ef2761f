# fish completion for ipvsadm, ipvsadm-save and ipvsadm-restore. The program
# itself says what may come.
function __ipvsadm_complete
    set -l words (commandline -opc | string replace -r '^~/' "$HOME/")
    # As it will be read: fish takes what is offered for a word without quotes.
    set -l typed (commandline -ct | string replace -ra '[\\\\\'"]' '')
    IPVSADM_COMPLETE=1 $words[1] -- $words[2..] "$typed" 2>/dev/null </dev/null |
        while read -l -d \n line
            set -l hosts (string split \t -- $line)
            if test -z "$hosts[1]"
                printf '%s\n' "$hosts[3]"(__fish_print_hostnames)"$hosts[4]"
            else if string match -q -- "$typed*" $line
                # fish would look for what is typed in the description, too.
                echo $line
            end
        end
end

for name in ipvsadm ipvsadm-save ipvsadm-restore
    complete -c $name -f -a '(__ipvsadm_complete)'
end
