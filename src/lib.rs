//! The program `ipvsadm` except its process.
//!
//! A command line flows one way: [`cli`] reads its words into a [`request`], by the table in
//! [`options`]; [`commands`] carries that out with the kernel client in [`ipvs`]; [`render`] turns
//! what the kernel said into text. `cli`, `ipvs` and `render` never see each other: they speak in
//! the plain values of [`model`], [`request`], [`edit`] and [`selection`], and only `commands` knows
//! all three, and [`diagnose`], which looks beyond the table. [`error`] has every message and exit
//! status, [`names`] asks the name services, [`clock`] the time, [`screen`] and [`terminal`] the
//! terminal.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        reason = "a test that panics has failed, as it should"
    )
)]

mod cli;
mod clock;
mod commands;
mod diagnose;
mod edit;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
mod ipvs;
mod model;
#[cfg_attr(fuzzing, path = "fuzzing/names.rs")]
mod names;
#[cfg(test)]
mod numbers;
pub mod options;
mod rates;
mod render;
mod request;
pub mod screen;
mod selection;
pub mod terminal;

pub use commands::{InputKind, Streams, run};
pub use diagnose::finding_ids;
