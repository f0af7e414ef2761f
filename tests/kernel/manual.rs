//! The examples of ipvsadm(8), run as they stand there, on a real kernel.
//!
//! All commands of ours are, in a namespace of their own. Of the sections on what surrounds IPVS,
//! the whole examples are run, in clusters whose clients are answered thanks to them alone.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::support::cluster::{Cluster, Host, eventually};
use crate::support::traffic::{assert_turns, http, is_answered};
use crate::support::{Ending, Namespace};

/// The cluster that the sections on direct routing speak of.
const DIRECT: [&str; 3] = [
    "-A -t 1.1.1.254:80 -s rr",
    "-a -t 1.1.1.254:80 -r 1.1.1.10 -g",
    "-a -t 1.1.1.254:80 -r 1.1.1.20 -g",
];

/// The one behind NAT.
const MASQUERADED: [&str; 3] = [
    "-A -t 2.2.2.25:80 -s rr",
    "-a -t 2.2.2.25:80 -r 1.1.1.10 -m",
    "-a -t 2.2.2.25:80 -r 1.1.1.20 -m",
];

#[test]
fn every_example_of_the_manual_works() {
    let page = page().replace("\\\n", "");
    let programs = Programs::new();
    let namespace = Namespace::new();
    namespace.add_eth0();
    namespace.ip_batch(
        "link add eth1 type veth peer name eth1-peer
         address add 10.98.0.1/24 dev eth1
         link set eth1 up
         link set eth1-peer up",
    );
    let search = programs.search();
    let run = |script: &str| {
        let mut command = Command::new("sh");
        // -x has the shell name the command that fails.
        command.args(["-exc", &format!("{search}{script}")]);
        // For the rules that examples keep in a file.
        command.current_dir(&programs.0);
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
}

#[test]
fn marks_gather_ports_by_iptables_and_by_nft() {
    let cluster =
        Cluster::new("cluster dr; serve rs1 http:443 http:8043; serve rs2 http:443 http:8043");
    let (client, director) = (&cluster.client, &cluster.director);
    let examples = examples("FIREWALL MARKS");
    director.example(&examples[0]);
    assert_turns(&http(client, "1.1.1.254:80", 1));
    assert!(is_answered(client, "1.1.1.254:443"));
    assert!(!is_answered(client, "1.1.1.254:8043"), "it has no mark yet");
    if !has_nft(director) {
        return;
    }
    director.shell("iptables-legacy -t mangle -F");
    assert!(!is_answered(client, "1.1.1.254:443"), "nothing marks it");
    director.example(&examples[1]);
    for port in [80, 443, 8043] {
        assert!(is_answered(client, &format!("1.1.1.254:{port}")), "{port}");
    }
}

#[test]
fn a_firewall_that_drops_invalid_packets_lets_direct_routing_pass() {
    let cluster = Cluster::new("cluster dr");
    let (client, director) = (&cluster.client, &cluster.director);
    director.ipvsadm_each(&DIRECT);
    director.shell(
        "for state in 'ESTABLISHED -j ACCEPT' 'INVALID -j DROP'; do
             iptables-legacy -A INPUT -m conntrack --ctstate $state
         done
         iptables-legacy -A INPUT -p tcp --dport 80 -j ACCEPT
         iptables-legacy -A INPUT -j DROP",
    );
    assert_turns(&http(client, "1.1.1.254:80", 2));
    director.shell("sysctl -w net.ipv4.vs.conntrack=1");
    // Of direct routing, a request is the second packet that connection tracking sees.
    assert!(!is_served_soon(client, "1.1.1.254:80"), "conntrack");
    director.example(&examples("A firewall on the director")[1]);
    assert_turns(&http(client, "1.1.1.254:80", 2));
}

#[test]
fn a_translated_source_brings_answers_back_whatever_the_gateway_is() {
    let cluster = Cluster::new(
        "cluster nat
         ip -n rs1 route delete default
         ip -n rs2 route replace default via 1.1.1.99",
    );
    let (client, director) = (&cluster.client, &cluster.director);
    director.ipvsadm_each(&MASQUERADED);
    assert!(!is_served_soon(client, "2.2.2.25:80"), "no way back");
    let title = "Servers whose gateway is another, and clients beside the servers";
    let examples = examples(title);
    director.example(&examples[0]);
    assert_turns(&http(client, "2.2.2.25:80", 2));
    let beside = cluster.host("rs1");
    beside.shell("ip route add default via 1.1.1.25");
    assert_turns(&http(&beside, "2.2.2.25:80", 2));
    if !has_nft(director) {
        return;
    }
    director.shell("iptables-legacy -t nat -F");
    beside.shell("ip route delete default");
    assert!(!is_served_soon(client, "2.2.2.25:80"), "taken away");
    director.example(&examples[1]);
    assert_turns(&http(client, "2.2.2.25:80", 2));
    beside.shell("ip route add default via 1.1.1.25");
    assert_turns(&http(&beside, "2.2.2.25:80", 2));
}

#[test]
fn the_settings_that_are_kept_are_those_that_the_kernel_has() {
    let namespace = Namespace::new();
    let example = &examples("Rules and settings after a boot")[1];
    let settings: Vec<&str> = example
        .lines()
        .filter(|line| line.starts_with("net."))
        .collect();
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "printf '%s\\n' \"$1\" | sysctl --load=- && sysctl net.ipv4.vs.expire_nodest_conn",
        "-",
        &settings.join("\n"),
    ]);
    let outcome = namespace.output(command);
    assert!(outcome.ending == Ending::Status(0), "{outcome}");
    let text = outcome.stdout_text();
    assert!(
        text.ends_with("net.ipv4.vs.expire_nodest_conn = 1\n"),
        "{text}"
    );
}

#[test]
fn an_ipv6_address_on_lo_is_hidden_and_elsewhere_it_is_not() {
    let cluster = Cluster::new("cluster dr");
    let (client, director) = (&cluster.client, &cluster.director);
    let examples = examples("Direct routing with IPv6");
    director.shell(
        "sysctl -w net.ipv6.conf.all.forwarding=0
         ip address delete 2001:db8:1::254/128 dev net",
    );
    let servers = ["rs1", "rs2"].map(|name| cluster.host(name));
    for server in &servers {
        server.shell("ip address delete 2001:db8:1::254/128 dev lo");
        server.example(&examples[1]);
    }
    assert!(!is_answered(client, "[2001:db8:1::254]:80"), "it is hidden");
    client.shell("ip neighbour flush all");
    director.example(&examples[0].replace("dev eth0", "dev net"));
    eventually("the address is looked for elsewhere", || {
        match director.shell("ip address show dev net tentative") {
            text if text.contains("2001:db8:1::254") => Err(text),
            _ => Ok(()),
        }
    });
    assert_turns(&http(client, "[2001:db8:1::254]:80", 2));

    director.shell("ip address delete 2001:db8:1::254/128 dev net");
    client.shell("ip neighbour flush all");
    servers[0].shell("ip address add 2001:db8:1::254/128 dev net nodad");
    assert!(
        is_answered(client, "[2001:db8:1::254]:80"),
        "the server shows it"
    );
    director.shell("ip address add 2001:db8:1::254/128 dev net preferred_lft 0");
    eventually("the director finds it taken", || {
        match director.shell("ip address show dev net") {
            text if text.contains("dadfailed") => Ok(()),
            text => Err(text),
        }
    });
}

/// Returns true if a request is answered within three seconds.
fn is_served_soon(client: &Host, address: &str) -> bool {
    let address = address.parse().expect("an address and a port");
    client.enter(move || {
        let patience = Duration::from_secs(3);
        let answer = TcpStream::connect_timeout(&address, patience).and_then(|mut stream| {
            stream.set_read_timeout(Some(patience))?;
            stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)
        });
        answer.is_ok()
    })
}

/// Returns true if the kernel has tables of nft for IPv4: user-mode Linux has not.
fn has_nft(host: &Host) -> bool {
    let answer = host.shell("nft add table ip probe 2>/dev/null && echo yes || echo no");
    answer == "yes\n"
}

impl Host {
    /// Runs an example of the manual, which must succeed.
    fn example(&self, example: &str) {
        let programs = Programs::new();
        let lines: Vec<&str> = example
            .lines()
            .map(|line| line.strip_prefix("server# ").unwrap_or(line))
            .collect();
        let script = lines.join("\n").replace("iptables ", "iptables-legacy ");
        self.shell(&format!("set -e; {}{script}", programs.search()));
    }
}

/// A folder with our program by each of its names.
struct Programs(PathBuf);

impl Programs {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("ipvsadm-manual-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("room for links");
        for name in ["ipvsadm", "ipvsadm-save", "ipvsadm-restore"] {
            symlink(env!("CARGO_BIN_EXE_ipvsadm"), folder.join(name)).expect("room for links");
        }
        Self(folder)
    }

    /// Returns the line that has a shell find them.
    fn search(&self) -> String {
        format!("PATH={}:$PATH\n", self.0.display())
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        // It holds links to our own program, no more.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Returns the manual without what its letters need to be printed.
fn page() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("man/ipvsadm.8");
    let page = fs::read_to_string(page).expect("the manual is there");
    let pairs = [("\\e\n", "\\\n"), ("\\-", "-"), ("\\(aq", "'")];
    pairs
        .iter()
        .fold(page, |page, (from, to)| page.replace(from, to))
}

/// Returns the examples of the section with this title.
fn examples(title: &str) -> Vec<String> {
    let page = page();
    let mut lines = page.lines();
    let heading = |line: &&str| line.starts_with(".SS ") || line.starts_with(".SH ");
    lines
        .find(|line| heading(line) && line[4..] == *title)
        .unwrap_or_else(|| panic!("{title}"));
    let section: Vec<&str> = lines.take_while(|line| !heading(line)).collect();
    let section = section.join("\n");
    let examples = section.split(".EX\n").skip(1);
    examples
        .map(|rest| rest.split("\n.EE").next().unwrap_or(rest).to_owned())
        .collect()
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
