//! The examples of ipvsadm(8), run as they stand there, on a real kernel.
//!
//! Their commands for other programs (`sysctl`, `ip`, `iptables`) are not run here: the clusters of
//! the lab are set up with the same.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::support::{Ending, Namespace};

#[test]
fn every_example_of_the_manual_works() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("man/ipvsadm.8");
    let page = fs::read_to_string(page).expect("the manual is there");
    let page = page.replace("\\e\n", "").replace("\\-", "-");
    let programs = std::env::temp_dir().join(format!("ipvsadm-manual-{}", std::process::id()));
    fs::create_dir_all(&programs).expect("room for links");
    for name in ["ipvsadm", "ipvsadm-save", "ipvsadm-restore"] {
        symlink(env!("CARGO_BIN_EXE_ipvsadm"), programs.join(name)).expect("room for links");
    }

    let namespace = Namespace::new();
    namespace.add_eth0();
    namespace.ip_batch(
        "link add eth1 type veth peer name eth1-peer
         address add 10.98.0.1/24 dev eth1
         link set eth1 up
         link set eth1-peer up",
    );
    let search = format!("PATH={}:$PATH\n", programs.display());
    let run = |script: &str| {
        let mut command = Command::new("sh");
        // -x has the shell name the command that fails.
        command.args(["-exc", &format!("{search}{script}")]);
        namespace.output(command)
    };

    let sections = sections_with_examples(&page);
    let first = &sections[0].1;
    assert!(first.starts_with("ipvsadm -A -t 2.2.2.25:80"), "{first}");
    for (title, script) in sections.iter().skip(1) {
        // They speak of the first one's cluster, some of it changed since.
        let outcome = run(&format!("ipvsadm -C\n{first}{script}"));
        assert!(outcome.ending == Ending::Status(0), "{title}\n{outcome}");
    }
    assert!(
        sections.len() > 8,
        "only {} examples were found",
        sections.len()
    );
    fs::remove_dir_all(&programs).expect("our own links");
}

/// Returns the titles of sections and, from the examples in each, the lines that call the program.
/// The first is of one example alone, on which others build.
fn sections_with_examples(page: &str) -> Vec<(String, String)> {
    let mut sections: Vec<(String, String)> = Vec::new();
    let mut title = String::new();
    let mut is_example = false;
    for line in page.lines() {
        if let Some(name) = line
            .strip_prefix(".SS ")
            .or_else(|| line.strip_prefix(".SH "))
        {
            name.clone_into(&mut title);
            sections.push((title.clone(), String::new()));
        } else if line.starts_with(".EX") || line.starts_with(".EE") {
            is_example = line.starts_with(".EX");
        } else if is_example
            && line.starts_with("ipvsadm")
            && let Some((_, script)) = sections.last_mut()
        {
            script.push_str(line);
            script.push('\n');
        }
    }
    sections.retain(|(_, script)| !script.is_empty());
    let cluster = sections
        .iter()
        .position(|(title, _)| title == "A cluster behind NAT");
    let cluster = sections.remove(cluster.expect("the manual has the example"));
    let (first, rest) = cluster
        .1
        .split_at(cluster.1.find("ipvsadm -E").expect("its second part"));
    sections.insert(0, (cluster.0.clone(), first.to_owned()));
    sections.push((cluster.0, rest.to_owned()));
    sections
}
