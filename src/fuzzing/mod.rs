//! The targets that `tests/fuzz` runs: a function for each, which takes bytes and panics where what
//! must always hold does not. Compiled for cargo-fuzz; and `moving_tables` for the unit tests as
//! well, which draw bytes for it.
//!
//! The name services are not asked here: `names` stands in their place.

#![forbid(unsafe_code)]

#[cfg(fuzzing)]
mod command_lines;
#[cfg(fuzzing)]
mod connections;
mod model;
mod moving_tables;
#[cfg(fuzzing)]
mod netlink;
#[cfg(fuzzing)]
mod packets;
#[cfg(fuzzing)]
mod rule_files;

#[cfg(fuzzing)]
pub use command_lines::command_lines;
#[cfg(fuzzing)]
pub use connections::connections;
pub use moving_tables::moving_tables;
#[cfg(fuzzing)]
pub use netlink::netlink;
#[cfg(fuzzing)]
pub use packets::packets;
#[cfg(fuzzing)]
pub use rule_files::rule_files;
