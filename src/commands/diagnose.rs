//! `--diagnose`: looks, probes if that is wanted, judges, and reports.

#![forbid(unsafe_code)]

use std::time::Duration;

use nix::errno::Errno;

use super::console::Console;
use super::not_initialized;
use crate::diagnose;
use crate::diagnose::facts::Facts;
use crate::diagnose::listen::listened::Listened;
use crate::diagnose::{checks, ladder, look, probe, tell};
use crate::error::{Error, KernelError, STATUS_FAULT};
use crate::ipvs::Ipvs;
use crate::model::ServiceIdentity;
use crate::render::phrases::counted;
use crate::request::DiagnoseRequest;

/// Diagnoses. No module is loaded for it: that would be a change, and a kernel without IPVS is a
/// finding.
pub fn run(console: &mut Console<'_>, request: &DiagnoseRequest) -> Result<(), Error> {
    let facts = facts(console, request)?;
    let mut findings = checks::judge(&facts);
    for finding in &mut findings {
        finding.lead_into(console.command_prefix());
    }
    let facts = &facts;
    match request.json {
        true => tell::json::write(console.text(), facts, &findings),
        false => {
            let screen = console.screen();
            tell::text::write(console.text(), screen, facts, &findings);
        }
    }
    match ladder::is_faulty(facts, &findings) {
        true => Err(Error::Status(STATUS_FAULT)),
        false => Ok(()),
    }
}

fn facts(console: &mut Console<'_>, request: &DiagnoseRequest) -> Result<Facts, Error> {
    let mut ipvs = match Ipvs::open_loaded() {
        Ok(ipvs) => ipvs,
        Err(KernelError::Errno(Errno::ENOENT)) => return look::without_ipvs(),
        Err(fault) => return Err(not_initialized(console, fault)),
    };
    ipvs.info()
        .map_err(|fault| not_initialized(console, fault))?;
    let listened = request
        .listen
        .map(|length| listen(console, &mut ipvs, request.service, length));
    let listened = listened.transpose()?;
    // After listening: counters, connections and neighbours are those of now.
    let mut facts = look::facts(&mut ipvs, request.service)?;
    if let Some(listened) = listened {
        diagnose::listen::add(listened, &mut facts);
    }
    if let Some(client) = request.probe_from {
        probe::probe(&mut facts, client).map_err(Error::NotProbed)?;
    }
    Ok(facts)
}

fn listen(
    console: &mut Console<'_>,
    ipvs: &mut Ipvs,
    service: Option<ServiceIdentity>,
    length: Duration,
) -> Result<Listened, Error> {
    // Of all services, whichever is listened to: only so it is known what is another's.
    let facts = look::surroundings(ipvs).map_err(Error::NotDiagnosed)?;
    if let Some(service) = service
        && !facts
            .services
            .iter()
            .any(|known| known.identity() == service)
    {
        return Err(Error::NotDiagnosed(KernelError::Errno(Errno::ESRCH)));
    }
    let listened = diagnose::listen::listen(&facts, service, length, |left, ended| {
        let left = left.as_secs_f64().ceil();
        console.show_progress(&format!(
            "listening: {} followed to the end, {left} s left, Ctrl-C ends it",
            counted(ended, "attempt")
        ));
    });
    console.end_progress();
    listened.map_err(Error::NotListened)
}
