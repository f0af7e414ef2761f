//! The kernel's settings by which the counters of services and servers stand still.

use std::fs;

use super::Namespace;

/// A setting of `net.ipv4.vs`, with a value that stops the counters and one that lets them move.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub name: &'static str,
    /// The state in which it is then, in the program's words.
    pub reason: &'static str,
    stopping: &'static str,
    moving: &'static str,
}

const SETTINGS: [Setting; 2] = [
    Setting {
        name: "run_estimation",
        reason: "run_estimation is 0",
        stopping: "0\n",
        moving: "1\n",
    },
    Setting {
        name: "est_cpulist",
        reason: "est_cpulist is empty",
        stopping: "\n",
        moving: "0\n",
    },
];

/// Returns those that this kernel has: 5.10 has none, 6.1 the first, later ones both.
pub fn settings(namespace: &Namespace) -> Vec<Setting> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").expect("a release");
    let mut numbers = release.split('.').map(|number| number.parse::<u32>());
    let version =
        [numbers.next(), numbers.next()].map(|number| number.expect("two").expect("numbers"));
    let expected = match version {
        [..=5, _] => 0,
        [6, ..=1] => 1,
        _ => 2,
    };
    let there = SETTINGS.into_iter().filter(|setting| {
        let path = setting.path();
        namespace.enter(move || fs::exists(path).expect("/proc"))
    });
    let there: Vec<Setting> = there.collect();
    assert_eq!(there.len(), expected, "{release}{there:?}");
    there
}

impl Setting {
    fn path(self) -> String {
        format!("/proc/sys/net/ipv4/vs/{}", self.name)
    }

    /// Stops the counters.
    pub fn stop(self, namespace: &Namespace) {
        self.set(namespace, self.stopping);
    }

    /// Lets the counters move again.
    pub fn go_on(self, namespace: &Namespace) {
        self.set(namespace, self.moving);
    }

    fn set(self, namespace: &Namespace, value: &'static str) {
        let written = namespace.enter(move || fs::write(self.path(), value));
        written.unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }
}
