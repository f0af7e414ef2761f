//! What `tests/fuzz` runs: a function for each target, which takes bytes and panics where what must
//! always hold does not. Compiled for cargo-fuzz only.
//!
//! The name services are not asked here: `names` stands in their place.

mod command_lines;
mod connections;
mod netlink;
mod rule_files;

pub use command_lines::command_lines;
pub use connections::connections;
pub use netlink::netlink;
pub use rule_files::rule_files;
