//! `-S` and `ipvsadm-save`: the table as rules.

use std::ffi::OsString;

use crate::commands::console::Console;
use crate::commands::open_checked;
use crate::commands::walk::Walk;
use crate::error::Error;
use crate::ipvs::{Detail, Ipvs};
use crate::model::Change;
use crate::render::endpoints::EndpointWriter;
use crate::render::rules;

const HELP: &str = "usage: ipvsadm-save [-n]\n\
    Writes the table of virtual services as rules for ipvsadm-restore; with -n, addresses and ports as numbers.";

/// Runs `ipvsadm-save`. Its one option is `-n`; words that do not begin with `-` are ignored.
pub fn run_helper(console: &mut Console<'_>, arguments: &[OsString]) -> Result<(), Error> {
    let mut numeric = false;
    for argument in arguments {
        match argument.as_encoded_bytes() {
            b"-n" => numeric = true,
            [b'-', ..] => return Err(Error::HelperUsage(HELP)),
            _ => {}
        }
    }
    let mut ipvs = open_checked(console)?;
    save(console, &mut ipvs, numeric)
}

/// Writes the table as rules.
pub fn save(console: &mut Console<'_>, ipvs: &mut Ipvs, numeric: bool) -> Result<(), Error> {
    let mut endpoints = EndpointWriter::for_rules(numeric);
    let mut walk = Walk::begin(ipvs, None, Detail::WithoutStatistics, true)?;
    while let Some((service, destinations)) = walk.next(ipvs)? {
        let identity = service.service.identity;
        let add = Change::AddService(service.service);
        rules::write_change(console.text(), &mut endpoints, &add);
        for state in destinations {
            let add = Change::AddDestination(identity, state.destination);
            rules::write_change(console.text(), &mut endpoints, &add);
        }
        console.flush_if_large()?;
    }
    Ok(())
}
