//! Findings as a document for programs; `man/ipvsadm.schema.json` describes it.

#![forbid(unsafe_code)]

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::diagnose::facts::Facts;
use crate::diagnose::findings::Finding;
use crate::diagnose::ladder;
use crate::diagnose::tell::listened::ListenedFields;
use crate::render::json::{Endpoint, ServiceFields};

pub fn write(out: &mut Vec<u8>, facts: &Facts, findings: &[Finding]) {
    out.extend_from_slice(b"{\"findings\":[");
    for (index, finding) in findings.iter().enumerate() {
        out.extend_from_slice(if index > 0 { b",\n" } else { b"\n" });
        // Writing into a vector cannot fail, nor can fields that are numbers, texts and lists.
        let _ = serde_json::to_writer(&mut *out, &FindingFields::of(finding));
    }
    let unexplained = ladder::unexplained(facts, findings);
    let unexplained: Vec<ServiceFields> =
        unexplained.into_iter().map(ServiceFields::from).collect();
    let end = if findings.is_empty() { "" } else { "\n" };
    out.extend_from_slice(
        format!("{end}],\"probed\":{},\"unexplained\":", facts.is_probed).as_bytes(),
    );
    let _ = serde_json::to_writer(&mut *out, &unexplained);
    let listened = facts
        .listened
        .as_ref()
        .map(|listened| ListenedFields::of(facts, listened));
    out.extend_from_slice(b",\"listened\":");
    let _ = serde_json::to_writer(&mut *out, &listened);
    out.extend_from_slice(b"}\n");
}

#[derive(Serialize)]
struct FindingFields<'f> {
    id: &'static str,
    level: &'static str,
    basis: &'static str,
    service: Option<ServiceFields>,
    real_server: Option<Endpoint>,
    #[serde(serialize_with = "write_evidence")]
    evidence: &'f [(&'static str, Value)],
    text: &'f str,
    remedy: Vec<RemedyFields<'f>>,
}

#[derive(Serialize)]
struct RemedyFields<'f> {
    place: &'static str,
    command: &'f str,
}

impl FindingFields<'_> {
    fn of(finding: &Finding) -> FindingFields<'_> {
        FindingFields {
            id: finding.id,
            level: finding.level.word(),
            basis: finding.basis.word(),
            service: finding.service.map(ServiceFields::from),
            real_server: finding.real_server.map(Endpoint::from),
            evidence: &finding.evidence,
            text: &finding.text,
            remedy: finding
                .remedy
                .iter()
                .map(|remedy| RemedyFields {
                    place: remedy.place.word(),
                    command: &remedy.command,
                })
                .collect(),
        }
    }
}

/// As an object, in the order in which things were seen.
fn write_evidence<S: Serializer>(
    evidence: &[(&'static str, Value)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(evidence.iter().map(|(name, value)| (name, value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::checks::judge;
    use crate::diagnose::checks::samples::{healthy, identity, strays};
    use crate::render::json::tests::checked;

    /// The document, once it is known to be what the schema says.
    fn document(facts: &Facts) -> Value {
        let mut out = Vec::new();
        write(&mut out, facts, &judge(facts));
        checked(&out)
    }

    #[test]
    fn a_finding_is_told_with_service_server_evidence_and_remedy() {
        let mut facts = healthy();
        facts.strays.push(strays(2));
        let document = document(&facts);
        let finding = &document["findings"][0];
        assert_eq!(finding["id"], "stale-connections");
        assert_eq!(finding["level"], "risk");
        assert_eq!(finding["service"]["address"], "192.0.2.1");
        assert_eq!(finding["real_server"]["address"], "10.0.0.30");
        assert_eq!(finding["evidence"]["connections"], 2);
        assert_eq!(finding["remedy"][0]["place"], "here");
        assert_eq!(document["probed"], false);
    }

    #[test]
    fn where_all_is_well_the_list_is_empty() {
        assert_eq!(document(&healthy())["findings"], Value::Array(Vec::new()));
    }

    #[test]
    fn what_concerns_the_director_or_a_mark_has_no_address() {
        let mut facts = healthy();
        facts.director.interfaces[0].is_up = false;
        facts.services[0].state.service.identity = identity("-f 7");
        facts.services[0].servers.clear();
        let document = document(&facts);
        assert_eq!(document["findings"][0]["service"], Value::Null);
        assert_eq!(document["findings"][1]["service"]["firewall_mark"], 7);
    }
}
