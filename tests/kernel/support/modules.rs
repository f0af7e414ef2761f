//! The kernel's modules of IPVS.

use std::fs;
use std::process::{Command, Stdio};

/// Removes IPVS from the kernel, its schedulers and engines first.
pub fn unload() {
    // Namespaces of tests that are over hold the module until the kernel has cleaned up, which
    // takes it a while where there were many.
    for _ in 0..600 {
        let modules = fs::read_to_string("/proc/modules").unwrap();
        let mut modules: Vec<&str> = modules
            .lines()
            .filter_map(|line| line.split(' ').next())
            .filter(|module| module.starts_with("ip_vs"))
            .collect();
        if modules.is_empty() {
            return;
        }
        // Longer names first: what begins with ip_vs_ needs ip_vs.
        modules.sort_by_key(|module| std::cmp::Reverse(module.len()));
        let _ = Command::new("rmmod")
            .args(modules)
            .stderr(Stdio::null())
            .status()
            .expect("rmmod (package kmod)");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!(
        "IPVS stays loaded:\n{}",
        fs::read_to_string("/proc/modules").unwrap()
    );
}
