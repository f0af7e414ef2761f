//! How findings are told: to people, and to programs.

mod funnel;
pub mod json;
mod listened;
pub mod text;
