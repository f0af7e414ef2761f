//! How findings are told: to people, and to programs.

#![forbid(unsafe_code)]

mod funnel;
pub mod json;
mod listened;
pub mod text;
