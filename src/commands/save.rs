//! `-S` and `ipvsadm-save`: the table as rules.

use std::ffi::OsString;

use crate::cli::address;
use crate::commands::console::Console;
use crate::commands::walk::Walk;
use crate::commands::{help, netns, open_checked};
use crate::error::Error;
use crate::ipvs::{Detail, Ipvs};
use crate::model::Change;
use crate::options::SAVE_OPTIONS;
use crate::render::endpoints::EndpointWriter;
use crate::render::rules;

/// Runs `ipvsadm-save`. Words that do not begin with `-` are ignored.
pub fn run_helper(console: &mut Console<'_>, arguments: &[OsString]) -> Result<(), Error> {
    if help::write_helper_help(console.text(), help::SAVE_USAGE, &SAVE_OPTIONS, arguments) {
        return Ok(());
    }
    let (namespace, arguments) = netns::take_from(arguments);
    let mut numeric = false;
    for argument in &arguments {
        match argument.as_encoded_bytes() {
            b"-n" => numeric = true,
            [b'-', ..] => return Err(Error::HelperUsage(help::SAVE_USAGE)),
            _ => {}
        }
    }
    if let Some(namespace) = namespace {
        netns::enter(&namespace)?;
    }
    let mut ipvs = open_checked(console)?;
    save(console, &mut ipvs, numeric)
}

/// Writes the table as rules.
pub fn save(console: &mut Console<'_>, ipvs: &mut Ipvs, numeric: bool) -> Result<(), Error> {
    let mut endpoints = match numeric {
        true => EndpointWriter::numeric(),
        false => EndpointWriter::for_rules(address::read_back),
    };
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
