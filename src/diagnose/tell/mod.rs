//! How findings are told: to people, and to programs.

pub mod json;
pub mod text;
