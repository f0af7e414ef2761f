//! Connections that are not shared as weights promise, each with its cause made for real: and
//! silence where there is none that can be proved.

use std::net::IpAddr;

use serde_json::Value;

use super::examination::Examination;
use crate::support::cluster::{Cluster, Host, eventually};
use crate::support::traffic::{Conversation, Transport};

const SERVICE: &str = "1.1.1.254:22";

/// Returns a service of both servers, or of the first alone, and a client with many addresses.
fn cluster(service: &str, servers: &[&str]) -> Cluster {
    let cluster = Cluster::new("cluster dr");
    let mut rules = vec![format!("-A -t {SERVICE} {service}")];
    rules.extend(
        servers
            .iter()
            .map(|server| format!("-a -t {SERVICE} -r {server} -g")),
    );
    cluster.director.ipvsadm_each(&rules);
    let addresses: Vec<String> = (110..150)
        .map(|last| format!("address add 1.1.1.{last}/32 dev net\n"))
        .collect();
    cluster.client.ip_batch(&addresses.concat());
    cluster
}

/// Opens so many connections from an address that ends in this number.
fn open(client: &Host, last: u8, count: usize) -> Vec<Conversation> {
    let from = IpAddr::from([1, 1, 1, last]);
    (0..count)
        .map(|_| {
            Conversation::try_open(client, Transport::Tcp, Some(from), SERVICE)
                .unwrap_or_else(|error| panic!("from {from}: {error}"))
        })
        .collect()
}

/// Waits until so many connections are left.
fn wait_for(director: &Host, wanted: u64) {
    eventually("others are forgotten", || {
        let counted = director.ipvsadm("-L -c --count total --json");
        let document: Value = serde_json::from_str(&counted).unwrap();
        match document["total"] == wanted {
            true => Ok(()),
            false => Err(counted),
        }
    });
}

/// Returns the finding, if there is one, once all has been counted.
fn uneven(director: &Host) -> Option<Value> {
    director.wait_until_counted();
    let examination = Examination::new(director, "");
    examination.assert_ids(&[]);
    let is_found = examination.notes().contains(&"uneven");
    is_found.then(|| examination.finding("uneven").clone())
}

fn assert_cause(director: &Host, cause: &str, server: &str, evidence: &[(&str, Value)]) {
    let finding = uneven(director).expect("uneven");
    assert_eq!(finding["evidence"]["cause"], cause, "{finding:#}");
    assert_eq!(finding["real_server"]["address"], server, "{finding:#}");
    for (name, value) in evidence {
        assert_eq!(&finding["evidence"][name], value, "{finding:#}");
    }
}

#[test]
fn persistence_brings_clients_back() {
    let cluster = cluster("-s rr -p 300", &["1.1.1.10", "1.1.1.20"]);
    let (client, director) = (&cluster.client, &cluster.director);
    let mut all = Vec::new();
    // Every other client is the first server's.
    for last in 110..116 {
        let first = open(client, last, 1);
        let more = if first[0].server == "rs1" { 9 } else { 0 };
        all.extend(first);
        all.extend(open(client, last, more));
    }
    let evidence = [
        ("connections", 30.into()),
        ("of", 33.into()),
        ("promised_percent", 50.into()),
        ("brought_back", 27.into()),
    ];
    assert_cause(director, "persistence", "1.1.1.10", &evidence);
    // Without it, new clients are shared, and those of one, too.
    director.ipvsadm(&format!("-E -t {SERVICE} -s rr"));
    all.extend(open(client, 116, 30));
    assert_eq!(uneven(director), None);
}

#[test]
fn one_client_is_most_of_them() {
    let cluster = cluster("-s rr -p 300", &["1.1.1.10", "1.1.1.20"]);
    let (client, director) = (&cluster.client, &cluster.director);
    let mut all = open(client, 110, 25);
    all.extend((111..116).flat_map(|last| open(client, last, 2)));
    let server = match all[0].server.as_str() {
        "rs1" => "1.1.1.10",
        _ => "1.1.1.20",
    };
    let evidence = [
        ("client", "1.1.1.110".into()),
        ("client_connections", 25.into()),
    ];
    assert_cause(director, "large-client", server, &evidence);
    director.ipvsadm(&format!("-E -t {SERVICE} -s rr"));
    all.extend(open(client, 110, 40));
    assert_eq!(uneven(director), None);
}

#[test]
fn a_hash_shares_few_clients_badly() {
    let cluster = cluster("-s sh", &["1.1.1.10", "1.1.1.20"]);
    let (client, director) = (&cluster.client, &cluster.director);
    // What is closed is forgotten.
    director.ipvsadm("--set 0 1 0");
    let mut of_the_first = (110..150).filter(|last| open(client, *last, 1)[0].server == "rs1");
    let clients: Vec<u8> = of_the_first.by_ref().take(4).collect();
    let _all: Vec<Conversation> = clients
        .iter()
        .flat_map(|last| open(client, *last, 6))
        .collect();
    wait_for(director, 24);
    let evidence = [("clients", 4.into())];
    assert_cause(director, "few-clients", "1.1.1.10", &evidence);
    // What was hashed stays uneven. New connections go where there are fewer.
    director.ipvsadm(&format!("-E -t {SERVICE} -s wlc"));
    let evidence = [("given", 0.into())];
    assert_cause(director, "older-connections", "1.1.1.20", &evidence);
    let _more = open(client, clients[0], 20);
    assert_eq!(uneven(director), None);
}

#[test]
fn a_server_is_newer_than_the_connections_of_the_others() {
    let cluster = cluster("-s rr", &["1.1.1.10"]);
    let (client, director) = (&cluster.client, &cluster.director);
    let mut all = open(client, 110, 24);
    assert_eq!(uneven(director), None);
    director.ipvsadm(&format!("-a -t {SERVICE} -r 1.1.1.20 -g"));
    all.extend(open(client, 111, 4));
    let evidence = [
        ("given", 2.into()),
        ("connections", 2.into()),
        ("of", 28.into()),
    ];
    assert_cause(director, "older-connections", "1.1.1.20", &evidence);
    all.extend(open(client, 111, 36));
    assert_eq!(uneven(director), None);
}

#[test]
fn nothing_is_said_without_a_cause() {
    let cluster = cluster("-s rr", &["1.1.1.10", "1.1.1.20"]);
    let (client, director) = (&cluster.client, &cluster.director);
    // Those of one server end, as they please.
    director.ipvsadm("--set 0 1 0");
    let mut all = open(client, 110, 50);
    assert_eq!(uneven(director), None);
    all.retain(|conversation| conversation.server == "rs1");
    wait_for(director, 25);
    assert_eq!(uneven(director), None);
}
