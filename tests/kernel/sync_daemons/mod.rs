//! Tries, on a real kernel, what is said of sync daemons and of connections that they brought.

mod figures;
mod origins;
