//! `-S` and `ipvsadm-save`: the table as rules.

use crate::cli::address;
use crate::cli::helper::HelperOptions;
use crate::commands::console::Console;
use crate::commands::open_checked;
use crate::commands::walk::Walk;
use crate::error::Error;
use crate::ipvs::{Detail, Ipvs};
use crate::model::Change;
use crate::options::Modifier;
use crate::render::endpoints::EndpointWriter;
use crate::render::rules;

/// Runs `ipvsadm-save`.
pub fn run_helper(console: &mut Console<'_>, options: &HelperOptions) -> Result<(), Error> {
    let mut ipvs = open_checked(console)?;
    save(console, &mut ipvs, options.has(Modifier::Numeric))
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
