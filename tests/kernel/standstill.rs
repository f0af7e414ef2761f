//! Counters that stand still, on a real kernel: no listing says that nothing came.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::busy::Busy;
use crate::support::pair::listed_by_both;
use crate::support::schema::Schema;
use crate::support::standstill::settings;
use crate::support::{Ending, Invocation, file_with};

/// Returns the document of the table, and its items with counters: services and their servers.
fn documents(busy: &Busy) -> (Value, Vec<Value>) {
    let document = Schema::new().check(&busy.run("-L --json"));
    let services = document["services"].as_array().unwrap().clone();
    let mut items = Vec::new();
    for service in services {
        items.extend(service["real_servers"].as_array().unwrap().iter().cloned());
        items.push(service);
    }
    (document, items)
}

/// Returns what the program shows at a terminal.
fn at_terminal(busy: &Busy, words: &str) -> String {
    let program = env!("CARGO_BIN_EXE_ipvsadm");
    busy.namespace
        .at_terminal(999, &format!("'{program}' {words}"))
}

fn assert_that_they_move(busy: &Busy) {
    busy.namespace.wait_until_counted();
    let (_, items) = documents(busy);
    for item in items {
        assert!(item["counters"].is_object(), "{item:#}");
        assert!(item["rates"].is_object(), "{item:#}");
    }
    let text = busy.run("-L --prometheus");
    assert!(text.contains("ipvs_service_connections_total{"), "{text}");
    assert!(
        text.contains("ipvs_real_server_outgoing_bytes_total{"),
        "{text}"
    );
    let table = busy.run("-Ln --table");
    assert!(!table.contains("stand still"), "{table}");
    assert!(table.contains(" 17% "), "{table}");
    for words in ["-Ln --stats", "-Ln --rate"] {
        let shown = at_terminal(busy, words);
        assert!(!shown.contains("hint"), "{shown}");
    }
}

#[test]
fn what_stands_still_is_not_told_as_a_number() {
    let busy = Busy::new();
    assert_that_they_move(&busy);
    for setting in settings(&busy.namespace) {
        setting.stop(&busy.namespace);
        let (document, items) = documents(&busy);
        for item in items {
            assert_eq!(item["counters"], Value::Null, "{item:#}");
            assert_eq!(item["rates"], Value::Null, "{item:#}");
        }
        assert_eq!(document["services"].as_array().unwrap().len(), 8);
        let server = |address: &str| {
            let services = document["services"].as_array().unwrap();
            let servers = services
                .iter()
                .flat_map(|service| service["real_servers"].as_array());
            let found = servers
                .flatten()
                .find(|server| server["address"] == address && server["port"] == 8080);
            found.unwrap()["active_connections"].clone()
        };
        assert_eq!(server("10.0.0.12"), 2);

        let text = busy.run("-L --prometheus");
        // A sync daemon's datagrams are counted by its socket.
        let counts_traffic =
            |line: &str| line.contains("_total") && !line.contains("ipvs_sync_daemon_");
        assert!(!text.lines().any(counts_traffic), "{text}");
        let connections = text.lines().find(|line| {
            line.starts_with("ipvs_real_server_active_connections{")
                && line.contains("remote_address=\"10.0.0.12\"")
        });
        assert!(
            connections.is_some_and(|line| line.ends_with("} 2")),
            "{text}"
        );
        let mut promtool = Command::new("promtool");
        promtool.args(["check", "metrics"]);
        promtool.stdin(file_with(text.as_bytes()));
        let checked = busy.namespace.output(promtool);
        let is_silent = checked.ending == Ending::Status(0) && checked.stderr.is_empty();
        assert!(is_silent, "{checked}\n{text}");

        let reason = setting.reason;
        let line = format!("The counters stand still: net.ipv4.vs.{reason}.");
        for words in ["-Ln", "-Ln --stats", "-Ln --rate", "-Ln --persistent-conn"] {
            let table = busy.run(&format!("{words} --table"));
            let second = table.lines().nth(1);
            assert_eq!(second, Some(line.as_str()), "{words}\n{table}");
            assert!(!table.contains('%'), "{words}\n{table}");
        }
        let table = busy.run("-Ln --table --thresholds");
        assert!(!table.contains("stand still"), "{table}");
        assert!(table.contains(" 100% "), "{table}");

        let hint = format!("hint: the counters stand still: net.ipv4.vs.{reason}\n");
        for words in ["--stats", "--rate"] {
            let words = format!("-ln -t 192.0.2.10:80 {words}");
            let words = words.as_str();
            // Elsewhere it is what it was.
            let plain = listed_by_both(&busy.namespace, &Invocation::line(words));
            assert!(plain.stderr.is_empty(), "{plain}");
            let shown = at_terminal(&busy, words);
            assert_eq!(shown, plain.stdout_text() + &hint, "{words}");
        }
        assert!(!at_terminal(&busy, "-ln").contains("hint"));

        let outcome = {
            let mut command = Command::new(env!("CARGO_BIN_EXE_ipvsadm"));
            command.args(["--diagnose", "--json"]).stdin(Stdio::null());
            busy.namespace.output(command)
        };
        let document: Value = serde_json::from_slice(&outcome.stdout).unwrap();
        let findings = document["findings"].as_array().unwrap();
        let has = |id: &str| findings.iter().any(|finding| finding["id"] == id);
        assert!(has("counters-stopped"), "{document:#}");
        assert!(
            !has("nothing-arrives") && !has("mark-unseen"),
            "{document:#}"
        );

        setting.go_on(&busy.namespace);
        assert_that_they_move(&busy);
    }
}
