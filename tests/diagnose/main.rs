//! `--diagnose` in clusters where one thing is really broken: what is found is exactly that, what
//! the finding names as its remedy is carried out as printed, and nothing is found any more.
//!
//! A test breaks a cluster of its own. Which fault is found is the ids of faults and risks, in
//! alphabetical order; what is only noted is looked at where it matters.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "../clusters/cluster.rs"]
#[allow(dead_code, reason = "shared with the tests of clusters")]
mod cluster;
mod director;
mod examination;
mod healthy;
mod probing;
mod services;
#[path = "../support/mod.rs"]
mod support;
#[path = "../connections/synced.rs"]
#[allow(dead_code, reason = "shared with the tests of connections")]
mod synced;
#[path = "../clusters/traffic.rs"]
#[allow(dead_code, reason = "shared with the tests of clusters")]
mod traffic;
mod ways;
