//! `--diagnose`: looks, asks if that is wanted, judges, and tells.

use nix::errno::Errno;

use super::console::Console;
use super::not_initialized;
use crate::diagnose::facts::Facts;
use crate::diagnose::findings::Level;
use crate::diagnose::{look, probe, rules, tell};
use crate::error::{Error, KernelError};
use crate::ipvs::Ipvs;
use crate::request::DiagnoseRequest;

/// The exit status where there is a fault.
const STATUS_FAULT: u8 = 1;

/// Diagnoses by a connection of its own. No module is loaded for it: that would be a change, and a
/// kernel without IPVS is a finding.
pub fn run(console: &mut Console<'_>, request: &DiagnoseRequest) -> Result<(), Error> {
    match Ipvs::open_loaded() {
        Ok(mut ipvs) => {
            ipvs.info()
                .map_err(|fault| not_initialized(console, fault))?;
            diagnose(console, &mut ipvs, request)
        }
        Err(KernelError::Errno(Errno::ENOENT)) => {
            conclude(console, request, &look::without_ipvs()?)
        }
        Err(fault) => Err(not_initialized(console, fault)),
    }
}

/// Diagnoses by a connection that is there.
pub fn diagnose(
    console: &mut Console<'_>,
    ipvs: &mut Ipvs,
    request: &DiagnoseRequest,
) -> Result<(), Error> {
    let mut facts = look::facts(ipvs, request.service)?;
    if let Some(client) = request.probe_from {
        probe::probe(&mut facts, client).map_err(Error::NotProbed)?;
    }
    conclude(console, request, &facts)
}

fn conclude(
    console: &mut Console<'_>,
    request: &DiagnoseRequest,
    facts: &Facts,
) -> Result<(), Error> {
    let findings = rules::judge(facts);
    match request.json {
        true => tell::json::write(console.text(), facts, &findings),
        false => tell::text::write(console.text(), facts, &findings),
    }
    match findings.iter().any(|finding| finding.level == Level::Fault) {
        true => Err(Error::AlreadyReported(STATUS_FAULT)),
        false => Ok(()),
    }
}
