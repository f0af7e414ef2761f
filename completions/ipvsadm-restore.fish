# fish completion for ipvsadm-restore: one file serves all three.
source (status dirname)/ipvsadm.fish
