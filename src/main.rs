//! The process: argv, standard streams, exit status; nothing else.

fn main() {}
