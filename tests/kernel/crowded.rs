//! A table of connections that is too small for them.
//!
//! Its size is the module's, which is loaded anew for it, so nothing else runs in that guest
//! meanwhile: a guest runs one module of tests at a time, and this has one test.

use std::net::IpAddr;
use std::process::Command;

use serde_json::Value;

use crate::support::modules::unload;
use crate::support::synced::{KEPT, Synced, take_in};
use crate::support::{Ending, Invocation, Namespace, Program};

/// Loads IPVS with a table of two to the power of so many buckets.
fn load(bits: &str) {
    let mut command = Command::new("modprobe");
    command.args(["ip_vs", bits]);
    assert!(command.status().unwrap().success(), "modprobe ip_vs {bits}");
}

/// Returns a director that knows so many connections.
fn director_with(connections: u32) -> Namespace {
    let namespace = Namespace::new();
    // From Linux 7.1 on, there is no table without a service.
    let rules = "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 192.0.2.2\n";
    let filled = namespace.run(&Program::ours(), &Invocation::restore(rules));
    assert_eq!(filled.ending, Ending::Status(0), "{filled}");
    let connections: Vec<Synced> = (0..connections)
        .map(|number| Synced {
            protocol: 6,
            state: 1,
            client: (IpAddr::from((0x0a00_0000 + number).to_be_bytes()), 1024),
            service: ([192, 0, 2, 1].into(), 80),
            server: ([192, 0, 2, 2].into(), 80),
            is_template: false,
            seconds: KEPT,
        })
        .collect();
    take_in(&namespace, &connections);
    namespace
}

/// Returns the finding, if there is one.
fn crowded(namespace: &Namespace) -> Option<Value> {
    let outcome = namespace.run(&Program::ours(), &Invocation::line("--diagnose --json"));
    assert!(outcome.stderr.is_empty(), "{outcome}");
    let document: Value = serde_json::from_str(&outcome.stdout_text()).unwrap();
    let findings = document["findings"].as_array().unwrap();
    let mut found = findings
        .iter()
        .filter(|finding| finding["id"] == "table-crowded");
    found.next().cloned()
}

#[test]
fn a_table_that_is_too_small_is_noted_until_it_is_larger() {
    unload();
    load("conn_tab_bits=8");
    let namespace = director_with(2559);
    assert_eq!(crowded(&namespace), None);
    drop(namespace);
    let namespace = director_with(2560);
    let finding = crowded(&namespace).expect("table-crowded");
    assert_eq!(finding["level"], "note");
    assert_eq!(finding["evidence"]["connections"], 2560);
    assert_eq!(finding["evidence"]["buckets"], 256);
    let remedy = finding["remedy"][0]["command"].as_str().unwrap();
    let (_, options) = remedy.split_once("options ip_vs ").unwrap();
    let (bits, _) = options.split_once('\'').unwrap();
    drop(namespace);
    unload();
    load(bits);
    assert_eq!(crowded(&director_with(2560)), None);
    unload();
    load("conn_tab_bits=12");
}
