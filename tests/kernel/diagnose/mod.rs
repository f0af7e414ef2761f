//! `--diagnose` in clusters where one thing is really broken: what is found is exactly that, what
//! the finding names as its remedy is carried out as printed, and nothing is found any more.
//!
//! A test breaks a cluster of its own. Which fault is found is the ids of faults and risks, in
//! alphabetical order; what is only noted is looked at where it matters.

mod director;
mod examination;
mod healthy;
mod listening;
mod probing;
mod services;
mod sync;
mod uneven;
mod ways;
