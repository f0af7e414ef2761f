# fish completion for ipvsadm-save: one file serves all three.
source (status dirname)/ipvsadm.fish
