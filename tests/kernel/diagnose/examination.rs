//! A diagnosis as tests look at it, and its remedies carried out.

use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use boon::{Compiler, Schemas};
use serde_json::Value;

use crate::support::Ending;
use crate::support::cluster::{Cluster, Host};

/// The addresses of the real servers, and their names.
const SERVERS: [(&str, &str); 3] = [
    ("1.1.1.10", "rs1"),
    ("1.1.1.20", "rs2"),
    ("10.7.0.5", "rs1"),
];

/// The findings of a diagnosis.
pub struct Examination {
    findings: Vec<Value>,
    /// The outcome of listening; null without.
    pub listened: Value,
}

impl Examination {
    /// Diagnoses with these options. The document must be what the schema says, and the exit status
    /// what it says itself.
    pub fn new(director: &Host, options: &str) -> Self {
        let outcome = director.try_ipvsadm(&format!("--diagnose --json {options}"));
        assert!(outcome.stderr.is_empty(), "{options}:\n{outcome}");
        let document = checked(&outcome.stdout_text());
        let examination = Self::of_document(&document);
        let has_fault = examination
            .findings
            .iter()
            .any(|finding| finding["level"] == "fault");
        let is_unexplained = document["unexplained"] != Value::Array(Vec::new());
        assert_eq!(
            outcome.ending,
            Ending::Status(i32::from(has_fault || is_unexplained)),
            "{outcome}"
        );
        assert_eq!(document["probed"], options.contains("--probe"));
        examination
    }

    /// Returns what is in a document that the program printed.
    pub fn of(printed: &str) -> Self {
        Self::of_document(&checked(printed))
    }

    fn of_document(document: &Value) -> Self {
        Self {
            findings: document["findings"].as_array().unwrap().clone(),
            listened: document["listened"].clone(),
        }
    }

    fn ids_of(&self, levels: &[&str]) -> Vec<&str> {
        let mut ids: Vec<&str> = self
            .findings
            .iter()
            .filter(|finding| levels.iter().any(|level| finding["level"] == *level))
            .map(|finding| finding["id"].as_str().unwrap())
            .collect();
        ids.sort_unstable();
        ids
    }

    /// Returns the ids of faults and risks.
    pub fn ids(&self) -> Vec<&str> {
        self.ids_of(&["fault", "risk"])
    }

    /// Returns the ids of notes.
    pub fn notes(&self) -> Vec<&str> {
        self.ids_of(&["note"])
    }

    /// That these are the faults and risks.
    pub fn assert_ids(&self, expected: &[&str]) {
        assert_eq!(self.ids(), expected, "{:#?}", self.findings);
    }

    /// Returns the first finding of an id.
    pub fn finding(&self, id: &str) -> &Value {
        let mut findings = self.findings.iter();
        findings
            .find(|finding| finding["id"] == id)
            .unwrap_or_else(|| panic!("no {id} in {:#?}", self.findings))
    }

    /// Carries out the remedies of all faults and risks as they are printed, where they say.
    pub fn repair(&self, cluster: &Cluster) {
        self.repair_those(cluster, |finding| finding["level"] != "note");
    }

    /// The same, of the findings of an id.
    pub fn repair_of(&self, id: &str, cluster: &Cluster) {
        self.repair_those(cluster, |finding| finding["id"] == id);
    }

    fn repair_those(&self, cluster: &Cluster, is_one: impl Fn(&Value) -> bool) {
        for finding in self.findings.iter().filter(|finding| is_one(finding)) {
            let remedy = finding["remedy"].as_array().unwrap();
            assert!(!remedy.is_empty(), "no remedy: {finding:#}");
            for step in remedy {
                let command = step["command"].as_str().unwrap();
                if step["place"] == "here" {
                    cluster.director.shell(command);
                } else {
                    let address = finding["real_server"]["address"].as_str().unwrap();
                    let (_, name) = SERVERS.iter().find(|(known, _)| *known == address).unwrap();
                    cluster.host(name).shell(command);
                }
            }
        }
    }
}

/// Returns the document in `text`, once it is known to be one that the schema describes.
fn checked(text: &str) -> Value {
    let schema = include_str!("../../../man/ipvsadm.schema.json");
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.enable_format_assertions();
    compiler
        .add_resource("schema", serde_json::from_str(schema).unwrap())
        .unwrap();
    let index = compiler.compile("schema", &mut schemas).unwrap();
    let document = serde_json::from_str(text)
        .unwrap_or_else(|error| panic!("not one JSON document ({error}):\n{text}"));
    if let Err(fault) = schemas.validate(&document, index) {
        panic!("{fault:#}\n{text}");
    }
    document
}

/// Finds exactly this, repairs it as printed, and finds nothing any more.
pub fn found_and_repaired(cluster: &Cluster, options: &str, expected: &[&str]) {
    let examination = Examination::new(&cluster.director, options);
    examination.assert_ids(expected);
    examination.repair(cluster);
    Examination::new(&cluster.director, options).assert_ids(&[]);
}

/// Begins connections, all at once, and gives up those that are not opened before they are begun a
/// second time.
pub fn knock(client: &Host, address: &str, count: usize) {
    /// The kernel repeats a SYN after a second.
    const ONCE: Duration = Duration::from_millis(900);
    let address: SocketAddr = address.parse().unwrap();
    client.enter(move || {
        thread::scope(|scope| {
            for _ in 0..count {
                scope.spawn(|| TcpStream::connect_timeout(&address, ONCE).is_ok());
            }
        });
    });
}

/// Begins connections as [`knock`] does, and waits for longer than a handshake by satellite takes.
pub fn wait_in_vain(client: &Host, address: &str, count: usize) {
    knock(client, address, count);
    thread::sleep(Duration::from_millis(3200));
}

/// Returns a service of `nat`, with both servers.
pub fn masqueraded() -> Cluster {
    let cluster = Cluster::new("cluster nat");
    cluster.director.ipvsadm_each(&[
        "-A -t 2.2.2.25:22 -s rr",
        "-a -t 2.2.2.25:22 -r 1.1.1.10 -m",
        "-a -t 2.2.2.25:22 -r 1.1.1.20 -m",
    ]);
    cluster
}

/// Returns a service of `dr`, with both servers.
pub fn routed() -> Cluster {
    let cluster = Cluster::new("cluster dr");
    cluster.director.ipvsadm_each(&[
        "-A -t 1.1.1.254:22 -s rr",
        "-a -t 1.1.1.254:22 -r 1.1.1.10 -g",
        "-a -t 1.1.1.254:22 -r 1.1.1.20 -g",
    ]);
    cluster
}
