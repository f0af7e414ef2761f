# bash completion for ipvsadm, ipvsadm-save and ipvsadm-restore -*- shell-script -*-
#
# For bash 4.3 or later, with or without the package bash-completion. The
# program itself says what may come; here its answers are fitted to readline.

_ipvsadm() {
    local line=${COMP_LINE:0:COMP_POINT} words=() piece blanks typed front quote breaks=
    # In COMP_WORDS an address lies in pieces, as COMP_WORDBREAKS holds the colon:
    # pieces with nothing between them on the line are one word.
    for piece in "${COMP_WORDS[@]}"; do
        blanks=${line%%[![:blank:]]*}
        line=${line#"$blanks"}
        [[ $line == "$piece"* ]] || piece=$line # the cursor is inside
        line=${line#"$piece"}
        [[ ${#words[@]} -gt 0 && ! $blanks && $piece${words[-1]} != *[\<\>]* ]] || words+=('')
        words[-1]+=$piece
        [[ $line ]] || break
    done
    if [[ ${#words[@]} -gt 1 && ${words[-2]} == *[\<\>] ]]; then
        compopt -o default # a file
        return
    fi
    quote=${words[-1]%%[!\'\"]*}
    words=("${words[@]//[\\\'\"]/}") typed=${words[-1]} COMPREPLY=()
    while IFS= read -r line; do
        if [[ $line == $'\thosts\t'* ]]; then
            front=${line#$'\thosts\t'} front=${front%$'\t'*}
            compopt -o nospace
            mapfile -t COMPREPLY < <(compgen -A hostname -P "$front" -- "${typed#"$front"}")
        elif [[ $line == "$typed"* ]]; then
            COMPREPLY+=("${line%%$'\t'*}")
        fi
    done < <(IPVSADM_COMPLETE=1 "${words[0]/#~\//$HOME/}" -- "${words[@]:1}" 2>/dev/null </dev/null)
    # Outside quotes, readline replaces only what stands after the last of its breaks.
    for piece in : =; do [[ $quote || $COMP_WORDBREAKS != *$piece* ]] || breaks+=$piece; done
    [[ ! $breaks ]] || COMPREPLY=("${COMPREPLY[@]#"${typed%"${typed##*["$breaks"]}"}"}")
}

complete -F _ipvsadm ipvsadm ipvsadm-save ipvsadm-restore
