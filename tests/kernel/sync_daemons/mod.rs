//! Whether sync daemons work, and whose work a connection is, on a real kernel.

mod figures;
mod origins;
