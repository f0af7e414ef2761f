//! Hints after a restore that did more than was perhaps meant.

#![forbid(unsafe_code)]

use std::ffi::OsStr;

use super::named;
use crate::model::{DestinationIdentity, ServiceIdentity};
use crate::render::endpoints::EndpointWriter;
use crate::render::phrases::counted;
use crate::render::rules;

/// Says how many services a restore has deleted for want of a single rule, if there were any.
pub fn without_rules(file: Option<&OsStr>, services: usize) -> Option<String> {
    let place = file.map_or("standard input".into(), OsStr::to_string_lossy);
    (services > 0).then(|| {
        let services = counted(services, "service");
        format!("{place} has no rules: that deleted {services}")
    })
}

/// Names the servers that a restore has given a weight again, if there were any.
pub fn drained(servers: &[(ServiceIdentity, DestinationIdentity)]) -> Option<String> {
    let were = match servers.len() {
        0 => return None,
        1 => "was drained, and gets",
        _ => "were drained, and get",
    };
    let names = servers.iter().map(|(service, server)| {
        let mut name = Vec::new();
        let mut endpoints = EndpointWriter::numeric();
        rules::write_destination_name(&mut name, &mut endpoints, service, server);
        name
    });
    let names = named(names).join(", ");
    Some(format!(
        "{names} {were} clients again; --keep-weights leaves weights alone"
    ))
}
