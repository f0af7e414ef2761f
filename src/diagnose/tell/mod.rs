//! The words of findings: for people, and for programs.

#![forbid(unsafe_code)]

mod funnel;
pub mod json;
mod listened;
pub mod text;
