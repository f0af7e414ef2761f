//! `--json` on a real kernel: what is printed is what `man/ipvsadm.schema.json` says, and says what
//! the plain listings say.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::busy::Busy;
use crate::support::schema::Schema;
use crate::support::{Ending, Invocation, Namespace, Program};

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

/// Returns the first line of `listing` that begins with `name`.
fn line<'a>(listing: &'a str, name: &str) -> &'a str {
    listing
        .lines()
        .find(|line| line.starts_with(name))
        .unwrap_or_else(|| panic!("no line {name} in\n{listing}"))
}

/// Returns the words of the first line of `listing` that begins with `name`, behind that name.
fn words<'a>(listing: &'a str, name: &str) -> Vec<&'a str> {
    line(listing, name)[name.len()..]
        .split_whitespace()
        .collect()
}

#[test]
fn a_busy_table_is_told_with_everything_the_plain_listings_tell() {
    let (busy, schema) = (Busy::new(), Schema::new());
    let document = schema.check(&busy.run("-L --json"));
    let plain = busy.run("-ln");
    let (stats, limits) = (busy.run("-ln --stats -X"), busy.run("-ln --thresholds"));

    let services = list(&document["services"]);
    assert_eq!(services.len(), 8, "{document:#}");
    let service = services
        .iter()
        .find(|service| service["protocol"] == "tcp" && service["port"] == 80)
        .unwrap();
    let numbers = |value: &Value| {
        let counters = &value["counters"];
        [
            "connections",
            "incoming_packets",
            "outgoing_packets",
            "incoming_bytes",
            "outgoing_bytes",
        ]
        .map(|name| counters[name].as_u64().unwrap().to_string())
    };
    assert_eq!(numbers(service)[..], words(&stats, "TCP  192.0.2.10:80 "));
    assert_eq!(service["counters"]["connections"], 12);
    for server in list(&service["real_servers"]) {
        let address = server["address"].as_str().unwrap();
        let name = format!("  -> {address}:8080 ");
        assert_eq!(numbers(server)[..], words(&stats, &name));
        let told = ["weight", "active_connections", "inactive_connections"]
            .map(|field| server[field].to_string());
        assert_eq!(told[..], words(&plain, &name)[1..]);
        let told = ["upper_threshold", "lower_threshold"].map(|field| server[field].to_string());
        assert_eq!(told[..], words(&limits, &name)[..2]);
        assert_eq!(server["forwarding_method"], "masquerading");
    }

    let with = |field: &str, value: Value| {
        let found = services.iter().find(|service| service[field] == value);
        found.unwrap_or_else(|| panic!("no service with {field} {value} in {document:#}"))
    };
    let persistence =
        json!({ "timeout_seconds": 300, "netmask": "255.255.255.0", "prefix_length": null });
    let hashed = with("persistence", persistence);
    assert_eq!(hashed["scheduler_flags"], json!(["sh-fallback", "sh-port"]));
    let tunnels: Vec<&Value> = list(&hashed["real_servers"])
        .iter()
        .map(|server| &server["tunnel"])
        .collect();
    assert_eq!(
        tunnels,
        [
            &Value::Null,
            &json!({ "type": "ipip", "port": null, "checksum": null }),
            &json!({ "type": "gue", "port": 6080, "checksum": "remote" }),
            &json!({ "type": "gre", "port": null, "checksum": "full" }),
        ]
    );
    let persistence = json!({ "timeout_seconds": 3600, "netmask": null, "prefix_length": 64 });
    let ipv6 = with("persistence", persistence);
    assert_eq!(ipv6["address"], "2001:db8:1111:2222:3333:4444:5555:6666");
    assert_eq!(ipv6["family"], "ipv6");
    assert_eq!(with("persistence_engine", json!("sip"))["port"], 5060);
    assert_eq!(with("one_packet", json!(true))["port"], 53);
    assert_eq!(with("protocol", json!("sctp"))["scheduler"], "mh");
    assert_eq!(
        with("firewall_mark", json!(4_294_967_295_u32))["family"],
        "ipv4"
    );
    assert_eq!(with("firewall_mark", json!(7))["family"], "ipv6");
}

#[test]
fn options_that_choose_columns_or_names_change_nothing() {
    let busy = Busy::new();
    // The rates fade while one looks.
    let steady = |words: &str| {
        let mut document = Schema::new().check(&busy.run(words));
        for service in document["services"].as_array_mut().unwrap() {
            service["rates"].take();
            for server in service["real_servers"].as_array_mut().unwrap() {
                server["rates"].take();
            }
        }
        document
    };
    let expected = steady("-L --json");
    for words in [
        "-Ln --json",
        "-L --json --stats --rate --exact",
        "-L --thresholds --json --persistent-conn --tun-info",
    ] {
        assert_eq!(steady(words), expected, "{words}");
    }
    let one = steady("-L --json -t 192.0.2.10:80");
    assert_eq!(one["ipvs"], expected["ipvs"]);
    assert_eq!(list(&one["services"]).len(), 1);
    assert!(list(&expected["services"]).contains(&one["services"][0]));
}

#[test]
fn connections_timeouts_and_daemons_are_documents_too() {
    let (busy, schema) = (Busy::new(), Schema::new());
    let document = schema.check(&busy.run("-L -c --json"));
    let connections = list(&document["connections"]);
    let plain = busy.run("-lnc");
    assert_eq!(connections.len(), plain.lines().count() - 2, "{plain}");
    let to = |port: u16| {
        let found = connections.iter();
        found.filter(move |connection| connection["service"]["port"] == port)
    };
    assert_eq!(to(80).count(), 12);
    for connection in to(80) {
        assert_eq!(connection["protocol"], "tcp");
        assert_eq!(connection["state"], "ESTABLISHED");
        assert_eq!(connection["client"]["address"], "192.0.2.10");
        assert_eq!(connection["real_server"]["port"], 8080);
        assert!(connection["expires_in_seconds"].as_u64().unwrap() > 0);
    }
    let engine = json!({ "name": "sip", "data": "one@example.com" });
    assert!(
        to(5060).any(|connection| connection["persistence_engine"] == engine),
        "{document:#}"
    );

    busy.run("--set 100 200 300");
    assert_eq!(
        schema.check(&busy.run("-L --timeout --json")),
        json!({ "timeouts": { "tcp_seconds": 100, "tcp_fin_seconds": 200, "udp_seconds": 300 } })
    );
    let plain = busy.run("-L --daemon");
    let document = schema.check(&busy.run("-L --daemon --json"));
    let daemons = list(&document["sync_daemons"]);
    let roles: Vec<&Value> = daemons.iter().map(|daemon| &daemon["role"]).collect();
    assert_eq!(roles, ["master", "backup"]);
    for daemon in daemons {
        let is_backup = daemon["role"] == "backup";
        for field in ["connections_learnt", "datagrams_dropped"] {
            let expected = if is_backup { json!(0) } else { Value::Null };
            assert_eq!(daemon[field], expected, "{document:#}");
        }
        let told = |field: &str| daemon[field].to_string().replace('"', "");
        let [role, interface, id, length, group, port, ttl] = [
            "role",
            "interface",
            "sync_id",
            "max_length",
            "group",
            "port",
            "ttl",
        ]
        .map(told);
        assert_eq!(
            line(&plain, &role),
            format!(
                "{role} sync daemon (mcast={interface}, syncid={id}, maxlen={length}, group={group}, \
                 port={port}, ttl={ttl})"
            )
        );
    }
}

#[test]
fn an_empty_kernel_is_told_as_empty() {
    let (namespace, schema) = (Namespace::new(), Schema::new());
    for (words, field) in [
        ("-L --json", "services"),
        ("-L -c --json", "connections"),
        ("-L --daemon --json", "sync_daemons"),
    ] {
        let outcome = namespace.run(&Program::ours(), &Invocation::line(words));
        let document = schema.check(&outcome.stdout_text());
        assert_eq!(document[field], json!([]), "{words}");
    }
}

#[test]
fn a_listing_that_fails_prints_no_document() {
    let namespace = Namespace::new();
    for words in [
        "-L -t 192.0.2.1:80",
        "-L -f 7",
        "-L -c --stats",
        "-L --timeout --daemon",
        "-L -t nowhere",
        "-L extra",
    ] {
        let run = |words: &str| namespace.run(&Program::ours(), &Invocation::line(words));
        let (plain, told) = (run(words), run(&format!("{words} --json")));
        assert_eq!(told, plain, "{words}");
        assert!(told.stdout.is_empty() && told.ending != Ending::Status(0));
    }
    for (words, message) in [
        (
            "-L --table --json",
            "The option 'table' conflicts with the 'json' option in the 'list' command\n",
        ),
        (
            "-S --json",
            "Illegal 'json' option with the 'save' command\n",
        ),
        ("-L --json --json", "multiple 'json' options specified\n"),
    ] {
        let outcome = namespace.run(&Program::ours(), &Invocation::line(words));
        assert_eq!(outcome.stderr_text(), message, "{words}");
        assert_eq!(outcome.ending, Ending::Status(2), "{words}");
        assert!(outcome.stdout.is_empty(), "{words}");
    }
}

#[test]
fn a_name_that_is_not_utf8_leaves_a_document_that_can_be_read() {
    let namespace = Namespace::new();
    let interface = OsString::from_vec(b"eth\xff".to_vec());
    let mut ip = Command::new("ip");
    ip.args(["link", "add"]).arg(&interface);
    ip.args(["type", "veth", "peer", "name", "other"]);
    let added = namespace.output(ip);
    assert_eq!(added.ending, Ending::Status(0), "{added}");
    let mut ip = Command::new("ip");
    ip.args(["link", "set"]).arg(&interface).arg("up");
    let up = namespace.output(ip);
    assert_eq!(up.ending, Ending::Status(0), "{up}");
    let mut words: Vec<OsString> = ["--start-daemon", "backup", "--mcast-interface"]
        .map(OsString::from)
        .to_vec();
    words.push(interface);
    let started = namespace.run(&Program::ours(), &Invocation::new(words));
    assert_eq!(started.ending, Ending::Status(0), "{started}");
    let outcome = namespace.run(&Program::ours(), &Invocation::line("-L --daemon --json"));
    let document = Schema::new().check(&outcome.stdout_text());
    assert_eq!(document["sync_daemons"][0]["interface"], "eth\u{fffd}");
}
