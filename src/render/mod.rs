//! Turns what the kernel reports into text: listings, rules, connections.
//!
//! Appends to a buffer and never prints. The text is the reference's to the byte
//! (`tests/parity/ipvsadm-1.31.md`, sections 4 and 5), except in three formats that it does not
//! have: [`json`] for programs, [`prometheus`] for monitoring, [`table`] for people. [`endpoints`]
//! writes addresses and ports, [`phrases`] what several outputs say alike, [`padding`] aligns
//! columns, [`order`] sorts. [`page`] writes lines over those on a
//! terminal's screen.
#![forbid(unsafe_code)]

pub mod connections;
pub mod counts;
pub mod endpoints;
pub mod json;
pub mod listing;
pub mod order;
pub mod padding;
pub mod page;
pub mod phrases;
pub mod prometheus;
pub mod rules;
pub mod table;
pub mod timeouts_and_daemons;
