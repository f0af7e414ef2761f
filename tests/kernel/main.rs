//! All that is tried on a real kernel: one program, which `tests/lab test` runs in its guests.
//!
//! Each module is about one thing that the program does, and is run by itself: `tests/lab test
//! --test NAME`. [`support`] is what they share. Tests that need no kernel are beside the code, and
//! in `tests/documentation.rs`; what boots kernels itself is in `tests/systemd`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking and reports by printing"
)]

mod already_there;
mod bad_input;
mod changes;
mod clusters;
mod completions;
mod connections;
mod crowded;
mod demos;
mod diagnose;
mod faults;
mod hints;
mod json;
mod listings;
mod manual;
mod matrix;
mod missing_module;
mod moving_tables;
mod name_queries;
mod netns;
mod order;
mod package;
mod parity;
mod prometheus;
mod random;
mod reload;
mod save;
mod standstill;
mod support;
mod sync_daemons;
mod table;
mod watch;
mod world;
