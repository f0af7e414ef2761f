//! `--diagnose`: why a virtual service does not answer.
//!
//! [`look`] reads what is so, each thing in one place, into the plain values of
//! [`facts`]; [`listen`] watches what becomes of real packets, and [`probe`] adds what the real
//! servers say when asked. [`checks`] are pure functions
//! from facts to [`findings`], and the [`ladder`] of evidence says how bad each is. [`tell`] words
//! those for people or programs. Nothing here is changed: what would help is printed as a command.
//!
//! A new finding is one function in [`checks`], one row of its table, and one heading in the
//! manual.

pub mod checks;
pub mod facts;
pub mod findings;
pub mod ladder;
pub mod listen;
pub mod look;
mod packet_socket;
pub mod probe;
pub mod tell;

/// The ids of all findings, each of which has a heading in the manual.
pub fn finding_ids() -> impl Iterator<Item = &'static str> {
    checks::CHECKS.iter().map(|check| check.id)
}
