//! keepalived on the same director: it keeps a table of its own, and we see and change the same
//! one.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::cluster::{Cluster, Host, eventually};
use crate::support::traffic::{assert_all, assert_turns, http};

const CONFIGURATION: &str = "
global_defs {
    process_names
}
virtual_server 1.1.1.254 80 {
    delay_loop 1
    lvs_sched rr
    lvs_method DR
    protocol TCP
    real_server 1.1.1.10 80 {
        weight 1
        TCP_CHECK {
            connect_timeout 60
        }
    }
    real_server 1.1.1.20 80 {
        weight 1
        TCP_CHECK {
            connect_timeout 60
        }
    }
}
virtual_server_group pages {
    1.1.1.254 8080
    fwmark 9
}
virtual_server group pages {
    lvs_sched wlc
    lvs_method TUN
    persistence_timeout 600
    protocol TCP
    sorry_server 127.0.0.1 80
    real_server 1.1.1.10 80 {
        weight 3
    }
}
";

/// keepalived on a host, its health checks only. It ends with this value at the latest.
struct Keepalived(Child);

impl Keepalived {
    fn start(host: &Host, folder: &Path) -> Self {
        let file = folder.join("keepalived.conf");
        fs::write(&file, CONFIGURATION).expect("a configuration");
        let mut command = Command::new("keepalived");
        command
            .args(["--check", "--dont-fork", "--use-file"])
            .arg(&file)
            .arg("--pid")
            .arg(folder.join("keepalived.pid"))
            .arg("--checkers_pid")
            .arg(folder.join("checkers.pid"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self(host.enter(move || {
            command
                .spawn()
                .unwrap_or_else(|error| panic!("keepalived (package keepalived): {error}"))
        }))
    }

    /// Asks it to end, which it does when it has taken its services away.
    fn end(mut self) {
        self.signal(Signal::SIGTERM);
        let status = self.0.wait().expect("it ends");
        assert!(status.success(), "keepalived: {status}");
    }

    fn signal(&self, signal: Signal) {
        let process = i32::try_from(self.0.id()).expect("the number of a process");
        // It may have ended.
        let _ = kill(Pid::from_raw(process), signal);
    }
}

impl Drop for Keepalived {
    fn drop(&mut self) {
        self.signal(Signal::SIGTERM);
        let _ = self.0.wait();
    }
}

#[test]
fn keepalived_keeps_what_we_change() {
    let cluster = Cluster::new("cluster dr");
    let (client, director) = (&cluster.client, &cluster.director);
    let folder = std::env::temp_dir().join("beside-keepalived");
    fs::create_dir_all(&folder).expect("a folder for keepalived");
    let keepalived = Keepalived::start(director, &folder);
    table_becomes(
        director,
        &[
            "-A -t 1.1.1.254:80 -s rr",
            "-a -t 1.1.1.254:80 -r 1.1.1.10:80 -g -w 1",
            "-a -t 1.1.1.254:80 -r 1.1.1.20:80 -g -w 1",
            "-A -t 1.1.1.254:8080 -s wlc -p 600",
            "-a -t 1.1.1.254:8080 -r 1.1.1.10:8080 -i -w 3 --tun-type ipip",
            "-A -f 9 -s wlc -p 600",
            // A mark has no port, and so keepalived gives its real server none.
            "-a -f 9 -r 1.1.1.10:0 -i -w 3 --tun-type ipip",
        ],
    );
    for listing in [
        "-ln",
        "-Sn",
        "-ln --stats",
        "-ln --thresholds",
        "-ln --tun-info",
        "-L -n -f 9",
    ] {
        director.listed_by_both(listing);
    }
    assert_turns(&http(client, "1.1.1.254:80", 4));

    // A weight, a scheduler, and a service of our own.
    director.ipvsadm_each(&[
        "-e -t 1.1.1.254:80 -r 1.1.1.10 -g -w 4",
        "-E -t 1.1.1.254:80 -s wrr",
        "-A -t 1.1.1.254:22 -s lc",
        "-a -t 1.1.1.254:22 -r 1.1.1.20 -g",
    ]);
    let changed = director.ipvsadm("-Sn");

    // keepalived goes on checking: it takes rs2 out when that fails, and in again. It fails at
    // once, rather than by not answering in time, which on a busy machine both might.
    director.shell("ip route add unreachable 1.1.1.20");
    let without_rs2 = changed.replace("-a -t 1.1.1.254:80 -r 1.1.1.20:80 -g -w 1\n", "");
    table_becomes(director, &without_rs2.lines().collect::<Vec<_>>());
    assert_all(&http(client, "1.1.1.254:80", 3), "rs1");
    director.shell("ip route del unreachable 1.1.1.20");
    table_becomes(director, &changed.lines().collect::<Vec<_>>());
    director.listed_by_both("-ln");

    // When it ends, it takes its services away, and leaves ours.
    keepalived.end();
    table_becomes(
        director,
        &[
            "-A -t 1.1.1.254:22 -s lc",
            "-a -t 1.1.1.254:22 -r 1.1.1.20:22 -g -w 1",
        ],
    );
}

/// Waits until the director's table consists of these rules.
fn table_becomes(director: &Host, rules: &[&str]) {
    let mut expected = rules.to_vec();
    expected.sort_unstable();
    eventually("the table is as expected", || {
        let table = director.ipvsadm("-Sn");
        let mut lines: Vec<&str> = table.lines().map(str::trim_end).collect();
        lines.sort_unstable();
        let expected: Vec<&str> = expected.iter().map(|line| line.trim_end()).collect();
        if lines == expected {
            Ok(())
        } else {
            Err(table)
        }
    });
}
