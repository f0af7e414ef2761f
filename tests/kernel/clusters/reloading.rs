//! A director whose table is reloaded while clients are at it.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::cluster::Cluster;
use crate::support::traffic;
use crate::support::{Invocation, Program};

const RELOADS: usize = 20;

/// The time that a client waits for an answer that nothing holds up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Returns the table of a reload. The service that is watched gets a server more with each, and
/// another weight; of a hundred others that nobody asks, each reload takes one away.
fn table(reload: usize) -> String {
    let watched = "-t 2.2.2.25:80";
    let mut rules: String = (reload..100)
        .map(|other| {
            let name = format!("-t 2.2.2.25:{}", 1000 + other);
            format!("-A {name} -s wlc\n-a {name} -r 1.1.1.10:80 -m -w 1\n")
        })
        .collect();
    rules += &format!("-A {watched} -s wrr\n");
    rules += &format!("-a {watched} -r 1.1.1.20:80 -m -w {}\n", 1 + reload % 3);
    for port in 0..reload {
        rules += &format!("-a {watched} -r 1.1.1.10:{} -m -w 1\n", 8000 + port);
    }
    rules
}

/// Stops the client, also where a reload fails.
struct SetWhenDropped<'a>(&'a AtomicBool);

impl Drop for SetWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Counts the requests of a restless client that are answered and lost while a program reloads
/// the director's table twenty times in a row.
fn answered_and_lost(cluster: &Cluster, program: &Program) -> (usize, usize) {
    let reload = |number| {
        let invocation = Invocation {
            argv0: "ipvsadm-restore".into(),
            words: Vec::new(),
            stdin: table(number).into_bytes(),
        };
        let outcome = cluster.director.run(program, &invocation);
        assert!(outcome.stderr.is_empty(), "{outcome}");
    };
    reload(0);
    let is_over = AtomicBool::new(false);
    let [answered, lost] = [AtomicUsize::new(0), AtomicUsize::new(0)];
    thread::scope(|scope| {
        let _end = SetWhenDropped(&is_over);
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let count = match traffic::is_answered(&cluster.client, "2.2.2.25:80") {
                    true => &answered,
                    false => &lost,
                };
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        // However slow the client is, it has requests answered by each of the tables: two, since
        // the first may be one that was sent before.
        for number in 1..=RELOADS {
            reload(number);
            let before = answered.load(Ordering::Relaxed);
            let end = Instant::now() + PATIENCE;
            while answered.load(Ordering::Relaxed) < before + 2 && Instant::now() < end {
                thread::sleep(Duration::from_millis(1));
            }
        }
    });
    (answered.into_inner(), lost.into_inner())
}

#[test]
fn twenty_reloads_in_a_row_lose_no_request_to_a_service_that_stays() {
    let cluster = Cluster::new("cluster nat; serve rs1 $(printf 'http:%s ' {8000..8019})");
    let (answered, lost) = answered_and_lost(&cluster, &Program::ours());
    let (answered_before, lost_before) = answered_and_lost(&cluster, &Program::reference());
    // Straight to the stream, which shows it even where the test succeeds.
    let _ = writeln!(
        io::stderr(),
        "{RELOADS} reloads: ours lost {lost} requests of {}, the reference {lost_before} of {}",
        answered + lost,
        answered_before + lost_before
    );
    assert_eq!(lost, 0);
    assert!(
        answered > RELOADS,
        "only {answered} requests during {RELOADS} reloads"
    );
}
