//! The library behind the `ipvsadm` program.
