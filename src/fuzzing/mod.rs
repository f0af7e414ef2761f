//! What `tests/fuzz` runs: a function for each target, which takes bytes and panics where what must
//! always hold does not. Compiled for cargo-fuzz, and as far as a target needs no name services, for
//! the unit tests, which draw bytes for it.
//!
//! The name services are not asked here: `names` stands in their place.

#[cfg(fuzzing)]
mod command_lines;
#[cfg(fuzzing)]
mod connections;
mod model;
mod moving_tables;
#[cfg(fuzzing)]
mod netlink;
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
pub use rule_files::rule_files;
