//! `--diagnose`: why a virtual service does not answer.
//!
//! [`look`] reads what is so, each thing in one place, into the plain values of [`facts`];
//! [`listen`] watches what becomes of real packets, and [`probe`] adds what the real servers say
//! when asked. [`checks`] are pure functions from facts to [`findings`], and the [`ladder`] of
//! evidence says how bad each is. [`tell`] words those for people or programs. Nothing here is
//! changed: what would help is printed as a command.
//!
//! To add a finding:
//!
//! 1. Write a function in the file of [`checks`] whose head fits, with a unit test beside it, and
//!    give it a row in the table there. The table fills in the id, and the ladder the level.
//! 2. Where it explains another finding, name it in that one's row (`unless`). An id in
//!    `HINDERS_ARRIVAL` and the like explains all that such a hindrance shows as.
//! 3. Where it needs to know more, give [`facts`] a field, and fill that in [`look`].
//! 4. Describe it under its id in `man/ipvsadm.8`. `cargo test --test documentation` names what is
//!    missing.
//! 5. Add set-ups to `tests/world/cases`: broken ones that it names, and healthy ones much like
//!    them.

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
