//! Directors where all is well: no fault and no risk is found.

use super::examination::{Examination, routed};
use crate::support::cluster::Cluster;
use crate::support::traffic::Conversation;

#[test]
fn a_director_of_direct_routing_need_not_forward() {
    let cluster = routed();
    cluster.director.shell("sysctl -w net.ipv4.ip_forward=0");
    let _open = [(); 2].map(|()| Conversation::open(&cluster.client, "1.1.1.254:22"));
    cluster.director.wait_until_counted();
    let examination = Examination::new(&cluster.director, "--probe");
    examination.assert_ids(&[]);
    assert_eq!(examination.notes(), ["idle-timeout"]);
}

#[test]
fn a_backup_director_has_the_table_and_not_the_address() {
    let cluster = Cluster::new("cluster dr 2");
    let rules = [
        "-A -t 1.1.1.254:22 -s rr",
        "-a -t 1.1.1.254:22 -r 1.1.1.10 -g",
        "-a -t 1.1.1.254:22 -r 1.1.1.20 -g",
    ];
    let backup = cluster.host("director2");
    for (director, role) in [(&cluster.director, "master"), (&backup, "backup")] {
        director.ipvsadm_each(&rules);
        director.ipvsadm(&format!(
            "--start-daemon {role} --mcast-interface net --syncid 1"
        ));
    }
    let mut open = [(); 2].map(|()| Conversation::open(&cluster.client, "1.1.1.254:22"));
    for conversation in &mut open {
        conversation.goes_on();
        conversation.goes_on();
    }
    for director in [&cluster.director, &backup] {
        Examination::new(director, "--probe").assert_ids(&[]);
    }
}

#[test]
fn an_empty_table_has_no_faults() {
    let cluster = Cluster::new("cluster dr");
    let examination = Examination::new(&cluster.director, "--probe");
    examination.assert_ids(&[]);
    assert!(examination.notes().is_empty());
    let told = cluster.director.ipvsadm("--diagnose");
    assert_eq!(told, "No fault and no risk found.\n");
}

#[test]
fn a_thousand_services_are_well() {
    let cluster = Cluster::new("cluster dr");
    let mut rules = Vec::new();
    for port in 1..=1000 {
        rules.push(format!("-A -t 1.1.1.254:{port} -s rr"));
        rules.push(format!("-a -t 1.1.1.254:{port} -r 1.1.1.10 -g"));
        rules.push(format!("-a -t 1.1.1.254:{port} -r 1.1.1.20 -g"));
    }
    cluster.director.ipvsadm_each(&rules);
    Examination::new(&cluster.director, "").assert_ids(&[]);
    let told = cluster.director.ipvsadm("--diagnose");
    assert!(told.lines().count() < 40, "{told}");
    assert!(told.contains("The same of 997 more."), "{told}");
}
