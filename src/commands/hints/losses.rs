//! Names what an edit takes away without being asked to: `-e` and `-E` put everything back to its
//! default that the command line does not name.

#![forbid(unsafe_code)]

use std::ffi::OsString;

use super::as_typed::OptionsAsTyped;
use super::{find_destination, options_of};
use crate::ipvs::Ipvs;
use crate::model::{Change, Destination, Encapsulation, ForwardingMethod, VirtualService};
use crate::options::Modifier;
use crate::render::listing;
use crate::render::phrases::whole;

/// Something that goes, and the option that keeps it.
pub struct Loss {
    what: String,
    option: String,
}

/// Returns what a change is about to take away. Ask before it is made: afterwards nobody knows.
pub fn of(ipvs: &mut Ipvs, change: &Change, arguments: &[OsString]) -> Vec<Loss> {
    let given = OptionsAsTyped::read(arguments);
    match change {
        Change::EditDestination(service, wanted) => {
            let there = find_destination(ipvs, service, wanted.identity);
            there.map_or_else(Vec::new, |there| {
                of_destination(&there.destination, wanted, &given)
            })
        }
        Change::EditService(wanted) => match ipvs.service(&wanted.identity) {
            Ok(there) => of_service(&there.service, wanted, &given),
            Err(_) => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Returns the hint that names what has been taken away; `None` if that is nothing.
pub fn text(losses: &[Loss]) -> Option<String> {
    let join = |part: fn(&Loss) -> &str, separator: &str| {
        losses.iter().map(part).collect::<Vec<_>>().join(separator)
    };
    let what = join(|loss| &loss.what, ", ");
    let options = whole(&join(|loss| &loss.option, " "));
    match losses.len() {
        0 => None,
        1 => Some(format!("{what}; {options} or --keep keeps it as it was")),
        _ => Some(format!(
            "{what}; {options} or --keep keep them as they were"
        )),
    }
}

fn of_destination(
    was: &Destination,
    becomes: &Destination,
    given: &OptionsAsTyped<'_>,
) -> Vec<Loss> {
    let mut losses: Vec<Loss> = lost_method(was, becomes, given).into_iter().collect();
    let mut lose = |modifier, was, becomes, name: &str, letter| {
        if !given.has(modifier) && was != becomes {
            losses.push(Loss {
                what: format!("its {name} was {was} and is now {becomes}"),
                option: format!("-{letter} {was}"),
            });
        }
    };
    lose(Modifier::Weight, was.weight, becomes.weight, "weight", 'w');
    let (upper, lower) = (Modifier::UpperThreshold, Modifier::LowerThreshold);
    lose(
        upper,
        was.upper_threshold,
        becomes.upper_threshold,
        "upper threshold",
        'x',
    );
    lose(
        lower,
        was.lower_threshold,
        becomes.lower_threshold,
        "lower threshold",
        'y',
    );
    losses
}

/// Returns the forwarding method that is lost: `-e` without `-m` or `-i` means direct routing, `-i`
/// without `--tun-type` means ipip.
fn lost_method(
    was: &Destination,
    becomes: &Destination,
    given: &OptionsAsTyped<'_>,
) -> Option<Loss> {
    use ForwardingMethod::{DirectRouting, Masquerading, Tunnel};
    let (was, becomes) = (was.forwarding_method, becomes.forwarding_method);
    let what = match (was, becomes) {
        (Masquerading, DirectRouting) if !given.has(Modifier::Gatewaying) => {
            "the server was masqueraded and is now directly routed"
        }
        (Tunnel(_), DirectRouting) if !given.has(Modifier::Gatewaying) => {
            "the server was tunnelled and is now directly routed"
        }
        (Tunnel(was), Tunnel(Encapsulation::Ipip))
            if was != Encapsulation::Ipip && !given.has(Modifier::TunnelType) =>
        {
            "the server's tunnel is of type ipip now"
        }
        _ => return None,
    };
    Some(Loss {
        what: what.to_owned(),
        option: options_of(was),
    })
}

fn of_service(
    was: &VirtualService,
    becomes: &VirtualService,
    given: &OptionsAsTyped<'_>,
) -> Vec<Loss> {
    let mut losses = Vec::new();
    let mut lose = |what: String, option: String| losses.push(Loss { what, option });
    let stays_with_scheduler = was.scheduler == becomes.scheduler;
    if !given.has(Modifier::Scheduler) && !stays_with_scheduler {
        lose(
            format!(
                "the scheduler was {} and is now {}",
                was.scheduler, becomes.scheduler
            ),
            format!("-s {}", was.scheduler),
        );
    }
    // Another scheduler has other flags.
    let flags: Vec<&str> = was.scheduler_flags.words(was.scheduler).collect();
    if !given.has(Modifier::SchedulerFlags)
        && !flags.is_empty()
        && (stays_with_scheduler || !given.has(Modifier::Scheduler))
    {
        lose(
            format!("its flags {} are gone", flags.join(",")),
            format!("-b {}", flags.join(",")),
        );
    }
    if let Some(seconds) = was.persistence_timeout {
        if becomes.persistence_timeout.is_none() {
            lose(
                format!("its persistence of {seconds} seconds is gone"),
                format!("-p {seconds}"),
            );
        }
        if !given.has(Modifier::Netmask) && !was.netmask.is_single_host() {
            let mut mask = Vec::new();
            listing::write_netmask(&mut mask, was.netmask);
            let mask = String::from_utf8_lossy(&mask).into_owned();
            lose(format!("its mask {mask} is gone"), format!("-M {mask}"));
        }
    }
    let engine = was.persistence_engine;
    if !given.has(Modifier::PersistenceEngine) && !engine.is_empty() {
        lose(
            format!("its persistence engine {engine} is gone"),
            format!("--pe {engine}"),
        );
    }
    if was.one_packet && !becomes.one_packet {
        lose(
            "it no longer schedules each packet by itself".to_owned(),
            "-o".to_owned(),
        );
    }
    losses
}
