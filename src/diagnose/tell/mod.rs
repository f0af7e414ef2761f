//! How findings are told: to people, and to programs.

#![forbid(unsafe_code)]

pub mod json;
pub mod text;
