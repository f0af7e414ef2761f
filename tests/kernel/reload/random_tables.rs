//! Random tables, each a change of the one before: some services stay as they are, some are
//! changed in place, some go and some come, and so do their real servers.

use std::collections::BTreeMap;

use crate::support::Random;

/// A table: services by their names (`-t 10.0.0.1:80`).
#[derive(Default)]
pub struct Table(BTreeMap<String, Service>);

/// A service's options of `-A`, and those of `-a` for each of its real servers by name.
struct Service {
    options: String,
    servers: BTreeMap<String, String>,
}

impl Table {
    /// Changes the table, and leaves a service in it: no rules on standard input change nothing,
    /// and what a restore is told then is tried by itself.
    pub fn change(&mut self, random: &mut Random) {
        self.0.retain(|_, _| !random.chance(15));
        for (name, service) in &mut self.0 {
            if random.chance(30) {
                service.options = service_options(random, name);
            }
            if random.chance(50) {
                service.change_servers(random, name);
            }
        }
        let at_least = usize::from(self.0.is_empty());
        for _ in 0..random.below(5).max(at_least) {
            let name = service_name(random);
            let options = service_options(random, &name);
            let mut service = Service {
                options,
                servers: BTreeMap::new(),
            };
            service.change_servers(random, &name);
            self.0.entry(name).or_insert(service);
        }
    }

    /// Returns the rules that build it, servers anywhere behind their service.
    pub fn rules(&self, random: &mut Random) -> String {
        let mut rules = Vec::new();
        let mut names: Vec<_> = self.0.iter().collect();
        random.shuffle(&mut names);
        let mut late = Vec::new();
        for (name, service) in names {
            rules.push(format!("-A {name}{}\n", service.options));
            let mut servers: Vec<_> = service
                .servers
                .iter()
                .map(|(server, options)| format!("-a {name} -r {server}{options}\n"))
                .collect();
            random.shuffle(&mut servers);
            late.extend(servers.split_off(servers.len() - servers.len() / 4));
            rules.extend(servers);
        }
        rules.extend(late);
        rules.concat()
    }
}

impl Service {
    fn change_servers(&mut self, random: &mut Random, service: &str) {
        self.servers.retain(|_, _| !random.chance(25));
        for options in self.servers.values_mut() {
            if random.chance(30) {
                *options = server_options(random);
            }
        }
        for _ in 0..random.below(4) {
            let name = server_name(random, service);
            let options = server_options(random);
            self.servers.entry(name).or_insert(options);
        }
    }
}

fn service_name(random: &mut Random) -> String {
    let number = 1 + random.below(4);
    let port = random.pick(&["80", "443", "5060", "0"]);
    match random.below(8) {
        0..3 => format!("-t 10.0.0.{number}:{port}"),
        3 => format!("-u 10.0.0.{number}:{port}"),
        4 => format!("--sctp-service 10.0.0.{number}:{port}"),
        5 => format!("-t [2001:db8::{number}]:{port}"),
        6 => format!("-f {}", random.pick(&["1", "7", "4294967295"])),
        _ => format!("-f {} -6", random.pick(&["1", "7"])),
    }
}

fn is_ipv6(service: &str) -> bool {
    service.contains('[') || service.ends_with("-6")
}

fn service_options(random: &mut Random, service: &str) -> String {
    let scheduler = random.pick(&[
        "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "dh", "sed", "nq", "fo", "ovf", "mh",
    ]);
    let mut options = format!(" -s {scheduler}");
    if random.chance(30) {
        options += match scheduler {
            "sh" => " -b sh-port",
            "mh" => " -b mh-fallback,mh-port",
            _ => " -b flag-2",
        };
    }
    if service.ends_with(":0") || random.chance(30) {
        options += &format!(" -p {}", random.pick(&["1", "300", "2678400"]));
        if random.chance(50) {
            options += match is_ipv6(service) {
                true => " -M 64",
                false => " -M 255.255.255.0",
            };
        }
        if random.chance(30) {
            options += " --pe sip";
        }
    }
    if (service.starts_with("-u") || service.starts_with("-f")) && random.chance(30) {
        options += " -o";
    }
    options
}

/// Servers of a mark have a port of their own. The port of others is the service's: where a server
/// is not masqueraded no other is heeded, and two names would be one server.
fn server_name(random: &mut Random, service: &str) -> String {
    let number = 1 + random.below(6);
    match is_ipv6(service) {
        true => format!("[2001:db8:1::{number}]:{}", port_of(service)),
        false => format!("10.1.0.{number}:{}", port_of(service)),
    }
}

fn port_of(service: &str) -> &str {
    match service.starts_with("-f") {
        true => "8080",
        false => service.rsplit(':').next().unwrap_or("0"),
    }
}

fn server_options(random: &mut Random) -> String {
    let mut options = match random.below(6) {
        0 | 1 => " -m".to_owned(),
        2 => " -g".to_owned(),
        3 => " -i".to_owned(),
        4 => format!(
            " -i --tun-type gue --tun-port {}{}",
            random.pick(&["6080", "6081"]),
            random.pick(&["", " --tun-csum", " --tun-remcsum", " --tun-nocsum"])
        ),
        _ => format!(
            " -i --tun-type gre{}",
            random.pick(&["", " --tun-csum", " --tun-nocsum"])
        ),
    };
    options += &format!(" -w {}", random.pick(&["0", "1", "5", "2147483647"]));
    if random.chance(30) {
        options += " -x 100";
        if random.chance(50) {
            options += " -y 50";
        }
    }
    options
}
