//! The library behind the `ipvsadm` program: everything but the process itself.
//!
//! A command line flows one way: [`cli`] reads words into a request by the table in [`options`], [`commands`] carries
//! it out with the kernel client in [`ipvs`], and `render` turns what the kernel said into text. All four speak in
//! the plain values of `model`; [`error`] knows every message and exit status; [`names`] asks the name services,
//! [`screen`] the terminal.
//! `cli`, `ipvs` and `render` never see each other.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        reason = "a test that panics has failed, as it should"
    )
)]

pub mod cli;
pub mod commands;
pub mod error;
pub mod ipvs;
mod model;
pub mod names;
#[cfg(test)]
mod numbers;
pub mod options;
mod render;
pub mod request;
pub mod screen;

pub use commands::{Streams, run};
