//! From what the kernel said to text: listings, rules, connections.
//!
//! Writes bytes behind those of a buffer and never prints. To the byte the reference's (contract, sections 4 and 5), but
//! for the forms it does not have: [`json`] for programs, [`table`] for people.
//! [`endpoints`] turns addresses and ports into words, [`padding`] pads them, [`order`] sorts.

pub mod connections;
pub mod endpoints;
pub mod json;
pub mod listing;
pub mod order;
pub mod padding;
pub mod rules;
pub mod table;
pub mod timeouts_and_daemons;
