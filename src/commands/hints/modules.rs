//! Explains why the kernel has not found a scheduler or a persistence engine.
//!
//! Each is a module, which the kernel loads when a service first names it. What modules the running
//! kernel has is in its folder below `/lib/modules`, in lists that modprobe(8) goes by. A container
//! often has not got that folder; then only what is loaded is known.

#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::model::KernelName;
use crate::options::SCHEDULERS;
use crate::render::phrases::whole;

/// The beginning of the names of all modules of schedulers.
const PREFIX: &str = "ip_vs_";

/// Returns the hint after the kernel has not found this scheduler or this engine. `engine` is empty
/// where none was asked for.
pub fn about_missing(scheduler: KernelName, engine: KernelName) -> Option<String> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    let installed = Installed::read(&Path::new("/lib/modules").join(release.trim()));
    let is_loaded = |module: &str| fs::exists(format!("/sys/module/{module}")).unwrap_or(true);
    about(
        &scheduler.to_string(),
        &engine.to_string(),
        &installed,
        is_loaded,
    )
}

fn about(
    scheduler: &str,
    engine: &str,
    installed: &Installed,
    is_loaded: impl Fn(&str) -> bool,
) -> Option<String> {
    let module_of_scheduler = format!("{PREFIX}{scheduler}");
    let is_missing = |module: &String| !installed.built_in.contains(module) && !is_loaded(module);
    let names = installed.schedulers(&is_loaded);
    if !installed.is_unknown() && !names.contains(&scheduler) {
        return Some(format!("the kernel's schedulers are {}", names.join(" ")));
    }
    let module_of_engine = (!engine.is_empty()).then(|| format!("{PREFIX}pe_{engine}"));
    let missing = [Some(module_of_scheduler), module_of_engine]
        .into_iter()
        .flatten()
        .find(is_missing)?;
    Some(format!(
        "the module {missing} is not loaded; {} loads it, or says why not",
        whole(&format!("modprobe {missing}"))
    ))
}

/// The modules of IPVS that a kernel was installed with; none are known where its folder is
/// elsewhere.
#[derive(Default)]
struct Installed {
    built_in: BTreeSet<String>,
    loadable: BTreeSet<String>,
}

impl Installed {
    /// Reads the lists in a kernel's folder.
    fn read(folder: &Path) -> Installed {
        // A line begins with a module's path, which a colon ends where more follows.
        let modules = |list: &str| {
            let text = fs::read_to_string(folder.join(list)).unwrap_or_default();
            let paths = text.lines().filter_map(|line| line.split(':').next());
            paths.filter_map(module_at).collect()
        };
        Installed {
            built_in: modules("modules.builtin"),
            loadable: modules("modules.dep"),
        }
    }

    fn is_unknown(&self) -> bool {
        self.built_in.is_empty() && self.loadable.is_empty()
    }

    /// Returns the schedulers that there are: those of the table in its order, then others.
    fn schedulers(&self, is_loaded: impl Fn(&str) -> bool) -> Vec<&str> {
        let is_there = |name: &str| {
            let module = format!("{PREFIX}{name}");
            self.built_in.contains(&module) || self.loadable.contains(&module) || is_loaded(&module)
        };
        let known = SCHEDULERS.iter().map(|(name, _)| *name);
        let is_known = |name: &&str| known.clone().any(|known| known == *name);
        // The helper of FTP and the persistence engines begin like schedulers.
        let is_scheduler = |name: &&str| *name != "ftp" && !name.starts_with("pe_");
        let modules = self.loadable.union(&self.built_in);
        let others = modules
            .filter_map(|module| module.strip_prefix(PREFIX))
            .filter(|name| is_scheduler(name) && !is_known(name));
        known
            .clone()
            .filter(|name| is_there(name))
            .chain(others)
            .collect()
    }
}

/// Returns the name of the module in a file, if it begins as those of IPVS do.
fn module_at(path: &str) -> Option<String> {
    let (_, file) = path.rsplit_once('/')?;
    // Behind `.ko` may stand how it is compressed.
    let (name, _) = file.split_once(".ko")?;
    let name = name.replace('-', "_");
    name.starts_with(PREFIX).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOT_LOADED: &str = "the module ip_vs_mh is not loaded; \
                              modprobe\u{a0}ip_vs_mh loads it, or says why not";

    /// Modules as their lists have them.
    fn set(paths: &[&str]) -> BTreeSet<String> {
        paths.iter().filter_map(|path| module_at(path)).collect()
    }

    fn debian() -> Installed {
        Installed {
            built_in: BTreeSet::new(),
            loadable: set(&[
                "kernel/net/netfilter/ipvs/ip_vs.ko.xz",
                "kernel/net/netfilter/ipvs/ip_vs_ftp.ko.xz",
                "kernel/net/netfilter/ipvs/ip_vs_mh.ko.xz",
                "kernel/net/netfilter/ipvs/ip_vs_pe_sip.ko.xz",
                "kernel/net/netfilter/ipvs/ip_vs_rr.ko.xz",
                "updates/dkms/ip-vs-mine.ko",
                "kernel/net/netfilter/nf_conntrack.ko.xz",
            ]),
        }
    }

    fn hint(
        installed: &Installed,
        scheduler: &str,
        engine: &str,
        loaded: &[&str],
    ) -> Option<String> {
        about(scheduler, engine, installed, |module| {
            loaded.contains(&module)
        })
    }

    #[test]
    fn the_schedulers_of_this_kernel_are_named() {
        let named = Some("the kernel's schedulers are rr mh mine".to_owned());
        for scheduler in ["twos", "round-robin", "", "../rr", "ftp", "pe_sip"] {
            let loaded = ["ip_vs_ftp", "ip_vs_pe_sip"];
            assert_eq!(
                hint(&debian(), scheduler, "sip", &loaded),
                named,
                "{scheduler}"
            );
        }
        // One that was loaded from elsewhere is there, too.
        assert_eq!(
            hint(&debian(), "twos", "", &["ip_vs_wlc"]),
            Some("the kernel's schedulers are rr wlc mh mine".to_owned())
        );
    }

    #[test]
    fn a_module_that_is_there_is_to_be_loaded() {
        assert_eq!(hint(&debian(), "mh", "", &[]).as_deref(), Some(NOT_LOADED));
        let engine = hint(&debian(), "mh", "sips", &["ip_vs_mh"]).unwrap_or_default();
        assert!(
            engine.starts_with("the module ip_vs_pe_sips is not loaded"),
            "{engine}"
        );
        assert_eq!(
            hint(&debian(), "mh", "sip", &["ip_vs_mh", "ip_vs_pe_sip"]),
            None
        );
    }

    #[test]
    fn what_is_built_in_is_not_to_be_loaded() {
        let installed = Installed {
            built_in: set(&["kernel/net/netfilter/ipvs/ip_vs_rr.ko"]),
            ..debian()
        };
        let engine = hint(&installed, "rr", "sip", &[]).unwrap_or_default();
        assert!(
            engine.starts_with("the module ip_vs_pe_sip is not loaded"),
            "{engine}"
        );
    }

    #[test]
    fn where_the_kernels_folder_is_elsewhere_modprobe_is_asked() {
        let unknown = Installed::default();
        assert_eq!(hint(&unknown, "mh", "", &[]).as_deref(), Some(NOT_LOADED));
        assert!(hint(&unknown, "twos", "", &[]).is_some_and(|hint| hint.contains("ip_vs_twos")));
    }
}
