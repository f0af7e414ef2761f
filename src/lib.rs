//! The program `ipvsadm` except its process.
//!
//! A command line flows one way: [`cli`] reads its words into a [`request`], by the table in
//! [`options`]; [`commands`] carries that out with the kernel client in [`ipvs`]; [`render`] turns
//! what the kernel said into text. `cli`, `ipvs` and `render` never see each other: they speak in
//! the plain values of [`model`], [`request`], [`edit`], [`order`] and [`selection`], and only
//! `commands` knows all three. [`diagnose`], which looks beyond the table, knows the last two.
//!
//! [`attribution`] works out which real server a connection belongs to, [`rates`] how fast counters
//! grow. [`error`] has the faults that end a command, with their exit statuses; findings of a drain
//! or a diagnosis are worded in their own modules. [`schedulers`] holds what is known of the
//! kernel's. [`sockets`] reads which sockets there are. [`names`] asks the name services, [`clock`]
//! the time, [`screen`] and [`terminal`] the terminal; [`unbuffered`] reads and writes the standard
//! streams, [`waiting`] lets time pass until a signal comes.
//!
//! Six words stand for output. What is further in is held by what is around it:
//!
//! ```text
//! Console            collects text, prints faults and hints     commands/console
//! └── Streams        standard input, output and error
//!
//! commands/watch     looks again and again, answers keys
//! ├── Terminal       the alternate screen and the keys          terminal
//! └── View           which lines a screen holds                 commands/watch/view
//!
//! render/table       draws into the Console's text, or the View's
//! └── Sheet          rows of cells in a frame                   render/table/sheet
//!     └── Screen     width, colours, characters: plain values   screen
//! ```
//!
//! Nothing takes for granted which machine it runs on:
//!
//! - Byte order: the kernel's numbers are in the machine's, addresses and ports in the network's.
//!   Which one it is, [`ipvs::attributes`] says in the name of each function; clippy is told to
//!   refuse a little-endian one, which nothing here is.
//! - Word size: what the kernel counts has the 32 or 64 bits that the kernel gives it. A `usize`
//!   only says how much of something there is in memory.
//! - `c_char`, which is signed on some machines: text of C is read as a `CStr`, never by the
//!   character.
//! - The C library: what is asked of it, glibc and musl both have; [`names`] says what differs.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        reason = "a test that panics has failed, as it should"
    )
)]

// The lengths in netlink's headers, of 32 bits, are lengths of what is in memory.
const _: () = assert!(usize::BITS >= u32::BITS);

mod attribution;
mod cli;
mod clock;
mod commands;
mod diagnose;
mod edit;
mod error;
#[cfg(any(fuzzing, test))]
pub mod fuzzing;
mod ipvs;
mod model;
#[cfg_attr(fuzzing, path = "fuzzing/names.rs")]
mod names;
#[cfg(test)]
mod numbers;
pub mod options;
mod order;
mod rates;
mod render;
mod request;
#[cfg(test)]
mod samples;
mod schedulers;
pub mod screen;
mod selection;
mod sockets;
pub mod terminal;
pub mod unbuffered;
mod waiting;

pub use commands::{InputKind, Streams, run};
pub use diagnose::finding_ids;
