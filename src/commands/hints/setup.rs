//! Names what a new virtual service or real server still lacks: those findings of `--diagnose` that
//! show before the first packet has come.

#![forbid(unsafe_code)]

use crate::diagnose::findings::{Claim, Finding};
use crate::diagnose::{checks, look};
use crate::ipvs::Ipvs;
use crate::model::Change;
use crate::render::phrases::whole;

/// The findings that concern a new service.
const OF_A_SERVICE: &[&str] = &["address-not-local", "ops-masquerading"];
/// Those that concern a new real server.
const OF_A_SERVER: &[&str] = &["not-adjacent", "forwarding-off", "ops-masquerading"];

/// Returns the hint that names what is wrong with what has just been added; `prefix` stands before
/// commands.
pub fn after_change(ipvs: &mut Ipvs, change: &Change, prefix: &str) -> Option<String> {
    let (service, server, ids) = match change {
        Change::AddService(service) => (service.identity, None, OF_A_SERVICE),
        Change::AddDestination(service, destination) => {
            (*service, Some(destination.identity), OF_A_SERVER)
        }
        _ => return None,
    };
    let facts = look::setup(ipvs, service).ok()?;
    let findings = checks::judge(&facts);
    let is_about_this = |finding: &&Finding| {
        ids.contains(&finding.id)
            && finding.claim != Claim::Informs
            && (finding.real_server.is_none() || finding.real_server == server)
    };
    let mut finding = findings.iter().find(is_about_this)?.clone();
    finding.lead_into(prefix);
    Some(text(&finding))
}

fn text(finding: &Finding) -> String {
    let mut text = finding.text.clone();
    // As hints are written: in lower case, without a full stop.
    text.truncate(text.trim_end_matches('.').len());
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    match finding.remedy.first() {
        Some(remedy) => format!("{text}; {}", whole(&remedy.command)),
        None => text,
    }
}
