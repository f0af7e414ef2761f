//! Why the kernel has no IPVS.

#![forbid(unsafe_code)]

use std::fs;

use nix::sys::utsname::uname;

use crate::diagnose::facts::{MissingModule, MissingReason};

/// The bit of the capability to load modules (`<linux/capability.h>`).
const CAP_SYS_MODULE: u32 = 16;

pub fn why_missing() -> MissingModule {
    let release = uname().map_or_else(
        |_| String::new(),
        |names| names.release().to_string_lossy().into_owned(),
    );
    let folder = format!("/lib/modules/{release}");
    let reason = match fs::read_to_string(format!("{folder}/modules.dep")) {
        Err(_) => MissingReason::NoModulesHere,
        Ok(modules) if !has_ipvs(&modules) => MissingReason::NotAmongThem,
        Ok(_) if !may_load_modules() => MissingReason::NotAllowed,
        Ok(_) => MissingReason::NotLoaded,
    };
    MissingModule { release, reason }
}

/// Returns true if a list of modules, each with those it depends on behind a colon, has IPVS.
fn has_ipvs(modules: &str) -> bool {
    modules.lines().any(|line| {
        let file = line.split(':').next().unwrap_or_default();
        let name = file.rsplit('/').next().unwrap_or_default();
        name == "ip_vs.ko" || name.starts_with("ip_vs.ko.")
    })
}

fn may_load_modules() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let capabilities = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok())
        .unwrap_or(u64::MAX);
    let are_closed = fs::read_to_string("/proc/sys/kernel/modules_disabled")
        .is_ok_and(|setting| setting.trim() == "1");
    capabilities & 1 << CAP_SYS_MODULE != 0 && !are_closed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_is_known_by_its_file_packed_or_not() {
        let dependent = "kernel/net/netfilter/ipvs/ip_vs_rr.ko.xz: kernel/ip_vs.ko.xz\n";
        assert!(!has_ipvs(dependent));
        assert!(has_ipvs(&format!(
            "{dependent}kernel/net/netfilter/ipvs/ip_vs.ko.zst: a.ko\n"
        )));
        assert!(has_ipvs("kernel/net/netfilter/ipvs/ip_vs.ko:"));
    }
}
