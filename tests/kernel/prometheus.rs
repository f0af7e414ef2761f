//! `-L --prometheus` on a real kernel: promtool has nothing to say, a real node_exporter serves it
//! beside its own collector of IPVS, and every number is the one that `--json` prints.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::busy::Busy;
use crate::support::{Ending, Invocation, Namespace, Program, SCRATCH, file_with};

/// A sample: the metric, its labels sorted, its value as text.
type Samples = BTreeMap<(String, BTreeSet<String>), String>;

/// Reads the text format, without values that hold commas or braces, which none here does. Fails
/// where a metric's samples do not stand together under one heading.
fn samples(text: &str) -> Samples {
    let mut samples = Samples::new();
    let mut seen = BTreeSet::new();
    let mut current = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            current = rest.split(' ').next().unwrap().to_owned();
            assert!(seen.insert(current.clone()), "{current} twice in\n{text}");
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let kind = match current.ends_with("_total") {
                true => "counter",
                false => "gauge",
            };
            assert_eq!(rest, format!("{current} {kind}"));
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, labels.strip_suffix('}').unwrap()),
            None => (series, ""),
        };
        assert_eq!(name, current, "{line}");
        let labels = labels.split("\",").filter(|label| !label.is_empty());
        let labels = labels.map(|label| label.trim_end_matches('"').replace("=\"", "="));
        let before = samples.insert((name.to_owned(), labels.collect()), value.to_owned());
        assert_eq!(before, None, "{line}");
    }
    samples
}

/// Returns the labels that identify a service.
fn labels_of(service: &Value) -> BTreeSet<String> {
    let text = |field: &str| service[field].as_str().unwrap_or_default().to_owned();
    let mut labels = BTreeSet::new();
    let mut add = |name: &str, value: String| labels.insert(format!("{name}={value}"));
    add("local_address", text("address"));
    add(
        "local_port",
        service["port"].as_u64().unwrap_or(0).to_string(),
    );
    match service["firewall_mark"].as_u64() {
        None => {
            add("local_mark", String::new());
            add("proto", text("protocol").to_uppercase());
        }
        Some(mark) => {
            add("local_mark", format!("{mark:08X}"));
            add("proto", "FWM".to_owned());
            if text("family") == "ipv6" {
                add("family", "ipv6".to_owned());
            }
        }
    }
    labels
}

const TRAFFIC: [&str; 5] = [
    "connections",
    "incoming_packets",
    "outgoing_packets",
    "incoming_bytes",
    "outgoing_bytes",
];
const STATE: [&str; 6] = [
    "weight",
    "upper_threshold",
    "lower_threshold",
    "active_connections",
    "inactive_connections",
    "persistent_connections",
];

/// Returns all samples that a document of the table stands for, but for how services schedule.
fn expected(document: &Value) -> Samples {
    let mut samples = Samples::new();
    let mut add = |name: String, labels: &BTreeSet<String>, value: &Value| {
        samples.insert((name, labels.clone()), value.to_string());
    };
    for service in document["services"].as_array().unwrap() {
        let labels = labels_of(service);
        for field in TRAFFIC {
            add(
                format!("ipvs_service_{field}_total"),
                &labels,
                &service["counters"][field],
            );
        }
        let servers = service["real_servers"].as_array().unwrap();
        add(
            "ipvs_service_real_servers".to_owned(),
            &labels,
            &servers.len().into(),
        );
        for server in servers {
            let mut labels = labels.clone();
            labels.insert(format!(
                "remote_address={}",
                server["address"].as_str().unwrap()
            ));
            labels.insert(format!("remote_port={}", server["port"]));
            for field in TRAFFIC {
                let name = format!("ipvs_real_server_{field}_total");
                add(name, &labels, &server["counters"][field]);
            }
            for field in STATE {
                add(format!("ipvs_real_server_{field}"), &labels, &server[field]);
            }
        }
    }
    samples
}

fn promtool(namespace: &Namespace, text: &str) {
    let mut command = Command::new("promtool");
    command
        .args(["check", "metrics"])
        .stdin(file_with(text.as_bytes()));
    let outcome = namespace.output(command);
    assert!(
        outcome.ending == Ending::Status(0) && outcome.stderr.is_empty(),
        "promtool (package prometheus):\n{outcome}\n{text}"
    );
}

/// Returns a table with what collides easily: a mark of both families.
fn busy() -> Busy {
    let busy = Busy::new();
    for rule in [
        "-A -f 7 -s rr",
        "-a -f 7 -r 10.0.0.12 -g",
        "-a -f 7 -6 -r [2001:db8::12]:0 -g",
        "-a --sctp-service 192.0.2.10:99 -r 10.0.0.11:99 -m",
        "--set 100 200 300",
    ] {
        busy.run(rule);
    }
    busy
}

#[test]
fn every_number_is_the_one_that_json_tells() {
    let busy = busy();
    let text = busy.run("-L --prometheus");
    promtool(&busy.namespace, &text);
    let document: Value = serde_json::from_str(&busy.run("-L --json")).unwrap();
    let told = samples(&text);
    let expected = expected(&document);
    let missing: Vec<_> = expected
        .iter()
        .filter(|(key, value)| told.get(key) != Some(value))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}\nin\n{text}");
    let moved = ("ipvs_service_connections_total", "local_port=80", "12");
    let found = expected.iter().any(|((name, labels), value)| {
        name == moved.0 && labels.contains(moved.1) && value == moved.2
    });
    assert!(found, "nothing has happened:\n{text}");

    let rest: Samples = told
        .into_iter()
        .filter(|(key, _)| !expected.contains_key(key))
        .collect();
    let sample = |name: &str, labels: &[&str], value: &str| {
        let labels: BTreeSet<&str> = labels.iter().copied().collect();
        let found = rest.iter().find(|((found, has), _)| {
            let has: BTreeSet<&str> = has.iter().map(String::as_str).collect();
            found == name && has.is_superset(&labels)
        });
        let found = found.unwrap_or_else(|| panic!("no {name} {labels:?} in\n{text}"));
        assert_eq!(found.1, value, "{name} {labels:?}");
    };
    let version = format!("version={}", document["ipvs"]["version"].as_str().unwrap());
    sample("ipvs_info", &[&version], "1");
    let size = document["ipvs"]["connection_table_size"].to_string();
    sample("ipvs_connection_table_size", &[], &size);
    for (connection, seconds) in [("tcp", "100"), ("tcp_fin", "200"), ("udp", "300")] {
        let label = format!("connection={connection}");
        sample("ipvs_timeout_seconds", &[&label], seconds);
    }
    for role in ["role=master", "role=backup"] {
        let labels = [role, "interface=eth0", "sync_id=9", "group=224.0.0.81"];
        sample("ipvs_sync_daemon_info", &labels, "1");
    }
    for name in ["learnt_connections", "dropped_datagrams_total"] {
        sample(&format!("ipvs_sync_daemon_{name}"), &["role=backup"], "0");
    }
    let hashed = [
        "local_port=443",
        "scheduler=sh",
        "scheduler_flags=sh-fallback,sh-port",
        "persistence_seconds=300",
        "persistence_mask=255.255.255.0",
        "persistence_engine=",
        "one_packet=false",
    ];
    sample("ipvs_service_info", &hashed, "1");
    sample(
        "ipvs_service_info",
        &["local_port=5060", "persistence_engine=sip"],
        "1",
    );
    sample(
        "ipvs_service_info",
        &["local_port=53", "one_packet=true", "persistence_seconds="],
        "1",
    );
    sample(
        "ipvs_service_info",
        &["persistence_mask=64", "local_port=8443"],
        "1",
    );
    sample(
        "ipvs_service_info",
        &["local_mark=FFFFFFFF", "proto=FWM"],
        "1",
    );
    let read = |path: &'static str| {
        busy.namespace
            .enter(move || std::fs::read_to_string(path).ok())
    };
    let mut of_newer_kernels = 0;
    if read("/proc/net/ip_vs_status").is_some() {
        let counted: Value = serde_json::from_str(&busy.run("-L -c --count total --json")).unwrap();
        sample("ipvs_connections", &[], &counted["total"].to_string());
        of_newer_kernels += 1;
    }
    if let Some(most) = read("/proc/sys/net/ipv4/vs/conn_max") {
        sample("ipvs_connections_max", &[], most.trim());
        of_newer_kernels += 1;
    }
    let services = document["services"].as_array().unwrap().len();
    let told = 1 + 1 + 3 + 2 + 2 + services + of_newer_kernels;
    assert_eq!(rest.len(), told, "{rest:#?}");

    let one = samples(&busy.run("-L --prometheus -t 192.0.2.10:80"));
    let of_services = one
        .keys()
        .filter(|(name, _)| name.starts_with("ipvs_service_"));
    assert!(of_services.clone().count() > 0);
    for (_, labels) in of_services {
        assert!(labels.contains("local_port=80"), "{labels:?}");
    }
}

#[test]
fn an_empty_table_is_told_as_well() {
    let namespace = Namespace::new();
    let outcome = namespace.run(&Program::ours(), &Invocation::line("-L --prometheus"));
    assert_eq!(outcome.ending, Ending::Status(0), "{outcome}");
    let text = outcome.stdout_text();
    promtool(&namespace, &text);
    let mut told = samples(&text);
    // Newer kernels tell how full the table may be.
    told.retain(|(name, _), _| !name.starts_with("ipvs_connections"));
    assert_eq!(told.len(), 5, "{text}");
    for (words, message) in [
        (
            "-L --prometheus --json",
            "The option 'prometheus' conflicts with the 'json' option in the 'list' command\n",
        ),
        (
            "-L --prometheus -c",
            "The option 'prometheus' conflicts with the 'connection' option in the 'list' command\n",
        ),
        (
            "-S --prometheus",
            "Illegal 'prometheus' option with the 'save' command\n",
        ),
        ("-L --prometheus -t 192.0.2.1:80", "No such service\n"),
    ] {
        let outcome = namespace.run(&Program::ours(), &Invocation::line(words));
        assert_eq!(outcome.stderr_text(), message, "{words}");
        assert!(outcome.stdout.is_empty(), "{words}");
    }
}

/// A node_exporter that ends with the test.
struct Exporter(Child);

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a node_exporter in a namespace on files with these names and texts, and returns what it
/// serves.
fn served(namespace: &Namespace, files: &[(&'static str, String)]) -> Samples {
    let folder = format!("{SCRATCH}/metrics");
    let files = files.to_vec();
    let spawned = namespace.enter(move || {
        std::fs::create_dir(&folder).unwrap();
        for (name, text) in files {
            std::fs::write(format!("{folder}/{name}.prom"), text).unwrap();
        }
        Command::new("prometheus-node-exporter")
            .args([
                "--collector.disable-defaults",
                "--collector.ipvs",
                "--collector.textfile",
            ])
            .arg(format!("--collector.textfile.directory={folder}"))
            .arg("--web.listen-address=127.0.0.1:9100")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
    });
    let _exporter = Exporter(spawned.expect("prometheus-node-exporter (the package of that name)"));
    samples_among_others(&namespace.enter(scrape))
}

/// Holds what is served to the samples of a file, each of which must be there once. Of those that
/// have been found, removes them.
fn take_served(served: &mut Samples, file: &Samples) {
    for ((name, labels), value) in file {
        // It fills in labels that other samples of the metric have, and leaves out empty ones.
        let full = |labels: &BTreeSet<String>| {
            let full = labels.iter().filter(|label| !label.ends_with('='));
            full.cloned().collect::<BTreeSet<_>>()
        };
        let found = served
            .keys()
            .find(|(served, has)| served == name && full(has) == full(labels));
        let found = found.cloned();
        let found = found.unwrap_or_else(|| panic!("{name} {labels:?} is not served"));
        let served = served.remove(&found).unwrap();
        let numbers = [&served, value].map(|text| text.parse::<f64>().unwrap());
        assert_eq!(numbers[0], numbers[1], "{name} {labels:?}");
    }
}

#[test]
fn node_exporter_serves_it_beside_its_own_collector() {
    let busy = busy();
    let text = busy.run("-L --prometheus");
    let mut served = served(&busy.namespace, &[("ipvs", text.clone())]);
    let value = |name: &str, label: &str| {
        let found = served.iter().find(|((found, labels), _)| {
            found == name && (label.is_empty() || labels.contains(label))
        });
        found
            .unwrap_or_else(|| panic!("no {name} in {served:#?}"))
            .1
    };
    assert_eq!(value("node_textfile_scrape_error", ""), "0");
    assert_eq!(
        value("node_scrape_collector_success", "collector=ipvs"),
        "1"
    );
    // Its own collector says the same of the same server, under the same labels.
    let of_server = |name: &str| {
        let labels = ["remote_address=10.0.0.12", "local_port=80", "proto=TCP"];
        let mut found = served.iter().filter(|((found, has), _)| {
            found == name && labels.iter().all(|label| has.contains(*label))
        });
        let ((_, labels), value) = found.next().unwrap_or_else(|| panic!("no {name}"));
        // A label that is empty is none.
        let labels = labels.iter().filter(|label| !label.ends_with('='));
        (labels.cloned().collect::<Vec<_>>(), value.clone())
    };
    assert_eq!(
        of_server("node_ipvs_backend_weight"),
        of_server("ipvs_real_server_weight")
    );
    assert_eq!(
        of_server("node_ipvs_backend_connections_active"),
        of_server("ipvs_real_server_active_connections")
    );
    take_served(&mut served, &samples(&text));
}

#[test]
fn namespaces_with_the_same_services_stand_side_by_side() {
    let here = Namespace::new();
    let mut command = Command::new("bash");
    command.args([
        "-ec",
        "mkdir -p /run/netns; mount -t tmpfs names /run/netns
         for name in blue red; do ip netns add $name; ip -n $name link set lo up; done
         ip link set lo up",
    ]);
    let prepared = here.output(command);
    assert_eq!(prepared.ending, Ending::Status(0), "{prepared}");
    let run = |words: &str| {
        let outcome = here.run(&Program::ours(), &Invocation::line(words));
        assert!(outcome.stderr.is_empty(), "ipvsadm {words}\n{outcome}");
        outcome.stdout_text()
    };
    for (weight, namespace) in [(3, "--netns blue"), (5, "--netns red"), (7, "")] {
        for rule in [
            "-A -t 192.0.2.1:80 -s wrr",
            "-A -f 9 -s rr",
            "-A -f 9 -6 -s rr",
        ] {
            run(format!("{rule} {namespace}").trim());
        }
        let rules = [
            format!("-a -t 192.0.2.1:80 -r 10.0.0.11 -g -w {weight}"),
            format!("-a -f 9 -r 10.0.0.12 -g -w {}", weight + 10),
            format!("-a -f 9 -6 -r [2001:db8::12]:0 -g -w {}", weight + 20),
            format!("--set {} {} {}", weight + 30, weight + 40, weight + 50),
        ];
        for rule in rules {
            run(format!("{rule} {namespace}").trim());
        }
    }
    let texts = [
        ("blue", "--netns blue"),
        ("red", "--netns=red"),
        ("here", ""),
    ]
    .map(|(name, word)| (name, run(format!("-L --prometheus {word}").trim())));
    for (name, text) in &texts {
        promtool(&here, text);
        let samples = samples(text);
        assert!(samples.len() >= 59, "{text}");
        let label = format!("netns={name}");
        for (_, labels) in samples.keys() {
            assert_eq!(labels.contains(&label), *name != "here", "{labels:?}");
            assert_eq!(
                labels.iter().any(|label| label.starts_with("netns")),
                *name != "here"
            );
        }
    }
    let mut served = served(&here, &texts);
    served.retain(|(name, _), _| name.starts_with("ipvs_"));
    for (_, text) in &texts {
        take_served(&mut served, &samples(text));
    }
    assert!(served.is_empty(), "{served:#?}");
}

/// Returns what the exporter serves, once it does.
fn scrape() -> String {
    for _ in 0..600 {
        if let Ok(mut connection) = TcpStream::connect("127.0.0.1:9100") {
            connection
                .write_all(b"GET /metrics HTTP/1.0\r\n\r\n")
                .unwrap();
            let mut answer = String::new();
            connection.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.0 200"), "{answer}");
            return answer.split_once("\r\n\r\n").unwrap().1.to_owned();
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("prometheus-node-exporter does not serve");
}

/// Returns the samples of IPVS and of the collectors among all.
fn samples_among_others(text: &str) -> Samples {
    let blocks = text.split("# HELP ").skip(1);
    let wanted = blocks.filter(|block| {
        [
            "ipvs_",
            "node_ipvs_backend_",
            "node_textfile_scrape",
            "node_scrape_collector_success",
        ]
        .iter()
        .any(|prefix| block.starts_with(prefix))
    });
    samples(
        &wanted
            .map(|block| format!("# HELP {block}"))
            .collect::<String>(),
    )
}
