//! The options that were given, and the check of them against what goes with a command or a type of
//! tunnel.

#![forbid(unsafe_code)]

use crate::error::UsageError;
use crate::model::TunnelKind;
use crate::options::matrix::{Modifiers, NEW, OF_TUNNELS, Owner, OwnerOptions};
use crate::options::{Command, Modifier};

/// The options that were given so far.
#[derive(Clone, Copy, Default)]
pub struct Given(Modifiers);

impl Given {
    /// Takes note of an option. A second one of the same name is a fault.
    pub fn insert(&mut self, modifier: Modifier) -> Result<(), UsageError> {
        let is_repeated = !self.0.only(modifier.namesakes()).is_empty();
        self.0.insert(modifier);
        match is_repeated {
            true => Err(UsageError::Repeated(modifier)),
            false => Ok(()),
        }
    }

    /// Returns true if this very option is there.
    pub fn has(self, modifier: Modifier) -> bool {
        self.0.has(modifier)
    }

    /// Returns true if any option is there that only a tunnel has.
    pub fn has_tunnel_options(self) -> bool {
        !self.0.only(OF_TUNNELS).is_empty()
    }

    /// Returns true if any option is there that says more of a real server than its weight.
    pub fn describes_a_server_beyond_its_weight(self) -> bool {
        let mut described = self.0.only(Modifier::Drain.rivals()).iter();
        described.any(|modifier| modifier != Modifier::Weight)
    }

    /// Finds the first fault of these options against what goes with a command, and against each
    /// other. What the reference refuses, too, is refused in its words.
    pub fn check(self, command: Command) -> Result<(), UsageError> {
        let plain = Owner::Command(command);
        let owner = Owner::of_command(command, self.0);
        let outcome = check(self.0, owner);
        if self.0.only(NEW).is_empty() {
            let is_refused = || outcome.is_err() || self.rivals().is_some();
            return match owner != plain && is_refused() {
                true => check(self.0, plain),
                false => outcome,
            };
        }
        outcome?;
        match self.new_rivals() {
            Some((one, other)) => Err(UsageError::Conflict(one, other, owner)),
            None => Ok(()),
        }
    }

    /// Finds the first fault of these options against what goes with a type of tunnel.
    pub fn check_tunnel(self, kind: TunnelKind) -> Result<(), UsageError> {
        check(self.0.only(OF_TUNNELS), Owner::Tunnel(kind))
    }

    /// Returns two options that cannot stand beside each other, though both go with the command.
    pub fn rivals(self) -> Option<(Modifier, Modifier)> {
        self.0.rivals().next()
    }

    /// Returns two of them of which the reference does not know both.
    fn new_rivals(self) -> Option<(Modifier, Modifier)> {
        let mut pairs = self.0.rivals();
        pairs.find(|(one, other)| NEW.has(*one) || NEW.has(*other))
    }
}

fn check(given: Modifiers, owner: Owner) -> Result<(), UsageError> {
    let OwnerOptions {
        needs,
        needed_names,
        may,
        one_of,
    } = *owner.options();
    let beyond = given.without(needs.and(may).and(one_of));
    // As no name is there twice, there are as many options as names.
    if beyond.is_empty()
        && given.only(needs).count() == needed_names
        && given.only(one_of).count() <= 1
    {
        return Ok(());
    }
    let mut chosen = None;
    for modifier in Modifier::in_order_of_checks() {
        let is_there = !given.only(modifier.namesakes()).is_empty();
        match is_there {
            false if needs.has(modifier) => return Err(UsageError::Needed(modifier, owner)),
            false => {}
            true if one_of.has(modifier) => {
                if let Some(other) = chosen.replace(modifier) {
                    return Err(UsageError::Conflict(modifier, other, owner));
                }
            }
            true if !beyond.only(modifier.namesakes()).is_empty() => {
                return Err(UsageError::Illegal(modifier, owner));
            }
            true => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(modifiers: &[Modifier]) -> Given {
        let mut given = Given::default();
        for modifier in modifiers {
            given.insert(*modifier).unwrap();
        }
        given
    }

    fn fault(command: Command, modifiers: &[Modifier]) -> Option<UsageError> {
        given(modifiers).check(command).err()
    }

    use crate::options::Modifier::*;
    use Command::{AddServer, AddService, DeleteServer, EditServer, List, Save};
    use UsageError::{Conflict, Illegal, Needed, Repeated};

    const LIST: Owner = Owner::Command(List);

    #[test]
    fn a_name_is_given_once_but_for_two_that_are_never_checked() {
        let mut given = given(&[TcpService, Masquerading, Ipv6, Sort]);
        for again in [TcpService, UdpService, FirewallMarkService, Ipip] {
            let mut given = given;
            assert_eq!(given.insert(again), Err(Repeated(again)));
            assert!(given.has(again));
        }
        assert_eq!(given.insert(Ipv6), Ok(()));
        assert_eq!(given.insert(Sort), Ok(()));
        assert_eq!(given.insert(Weight), Ok(()));
        assert!(!given.has(Ipip) && !given.has(UdpService));
    }

    #[test]
    fn any_of_the_options_that_share_a_name_will_do() {
        for service in [TcpService, UdpService, SctpService, FirewallMarkService] {
            assert_eq!(fault(AddService, &[service]), None);
        }
        let owner = Owner::Command(AddServer);
        assert_eq!(fault(AddServer, &[]), Some(Needed(TcpService, owner)));
        assert_eq!(
            fault(AddServer, &[FirewallMarkService]),
            Some(Needed(RealServer, owner))
        );
        assert_eq!(
            fault(AddServer, &[RealServer, Weight]),
            Some(Needed(TcpService, owner))
        );
        assert_eq!(fault(AddServer, &[RealServer, Ipip, SctpService]), None);
    }

    #[test]
    fn the_first_fault_in_the_order_of_checks_counts() {
        let owner = Owner::Command(AddService);
        for (modifiers, expected) in [
            (&[Weight, Numeric][..], Illegal(Numeric, owner)),
            (&[Weight], Needed(TcpService, owner)),
            (
                &[Json, TunnelPort, Weight, TcpService],
                Illegal(Weight, owner),
            ),
            (&[Json, TunnelPort, TcpService], Illegal(TunnelPort, owner)),
            (&[Json, Keep, TcpService], Illegal(Keep, owner)),
            (&[Masquerading, TcpService], Illegal(Gatewaying, owner)),
        ] {
            assert_eq!(
                fault(AddService, modifiers),
                Some(expected),
                "{modifiers:?}"
            );
        }
        assert_eq!(fault(Save, &[Ipv6, Sort, Numeric]), None);
    }

    #[test]
    fn one_of_some_options_may_be_there() {
        assert_eq!(fault(List, &[Timeout, Numeric, Exact]), None);
        for (modifiers, expected) in [
            ([Timeout, Daemon], Conflict(Daemon, Timeout, LIST)),
            ([Timeout, TcpService], Conflict(Timeout, TcpService, LIST)),
            // What can be narrowed, the reference's words still refuse.
            ([Connection, Timeout], Conflict(Timeout, Connection, LIST)),
        ] {
            assert_eq!(fault(List, &modifiers), Some(expected), "{modifiers:?}");
        }
    }

    #[test]
    fn connections_can_be_narrowed_and_tables_cannot() {
        for modifiers in [
            &[Connection, TcpService][..],
            &[Connection, RealServer, Numeric],
            &[Connection, UdpService, RealServer, Client, State, Count],
            &[Connection, Stale, Json],
            &[Connection, PersistentConnections, TcpService, NoSort],
        ] {
            assert_eq!(fault(List, modifiers), None, "{modifiers:?}");
        }
        assert_eq!(fault(List, &[Client]), Some(Illegal(Client, LIST)));
        assert_eq!(fault(List, &[RealServer]), Some(Illegal(RealServer, LIST)));
        let of_connections = Owner::CONNECTIONS;
        assert_eq!(
            fault(List, &[Connection, Client, Weight]),
            Some(Illegal(Weight, of_connections))
        );
        assert_eq!(
            fault(List, &[Connection, Daemon, Json]),
            Some(Conflict(Daemon, Connection, of_connections))
        );
    }

    #[test]
    fn what_the_reference_refuses_too_is_refused_in_its_words() {
        // It never comes to the rivals of ours: a service is one of its alternatives.
        assert_eq!(
            fault(List, &[Connection, TcpService, Statistics]),
            Some(Conflict(TcpService, Connection, LIST))
        );
        assert_eq!(fault(List, &[Connection, Statistics]), None);
        assert!(given(&[Connection, Statistics]).rivals().is_some());
        assert_eq!(
            fault(List, &[Connection, RealServer, Weight]),
            Some(Illegal(RealServer, LIST))
        );
    }

    #[test]
    fn a_server_is_drained_without_a_service_but_not_described() {
        for command in [EditServer, DeleteServer] {
            let draining = Owner::Variant(command, Drain);
            assert_eq!(fault(command, &[Drain, RealServer]), None);
            assert_eq!(
                fault(command, &[Drain, RealServer, TcpService, Force]),
                None
            );
            assert_eq!(
                fault(command, &[Drain, TcpService]),
                Some(Needed(RealServer, draining))
            );
            let plain = Owner::Command(command);
            assert_eq!(
                fault(command, &[RealServer]),
                Some(Needed(TcpService, plain))
            );
        }
        for description in [Masquerading, Weight, UpperThreshold, TunnelType] {
            let draining = Owner::Variant(EditServer, Drain);
            assert_eq!(
                fault(EditServer, &[Drain, RealServer, description]),
                Some(Conflict(Drain, description, draining))
            );
        }
        // Beside each other they are rivals too, but of the reference's.
        assert_eq!(
            fault(EditServer, &[Drain, RealServer, Masquerading, TunnelType]),
            Some(Conflict(
                Drain,
                Masquerading,
                Owner::Variant(EditServer, Drain)
            ))
        );
        assert_eq!(
            fault(DeleteServer, &[Drain, RealServer, Weight]),
            Some(Illegal(Weight, Owner::Variant(DeleteServer, Drain)))
        );
        assert_eq!(
            fault(EditServer, &[Drain, RealServer, Exist]),
            Some(Illegal(Exist, Owner::Variant(EditServer, Drain)))
        );
        assert_eq!(fault(DeleteServer, &[Drain, RealServer, Exist]), None);
    }

    #[test]
    fn ours_do_not_stand_beside_their_rivals() {
        for (modifiers, expected) in [
            ([Json, Table], Conflict(Table, Json, LIST)),
            ([Prometheus, Json], Conflict(Prometheus, Json, LIST)),
            ([Prometheus, Timeout], Conflict(Prometheus, Timeout, LIST)),
            ([Watch, Prometheus], Conflict(Watch, Prometheus, LIST)),
        ] {
            assert_eq!(fault(List, &modifiers), Some(expected), "{modifiers:?}");
        }
        assert_eq!(
            fault(List, &[Prometheus, Connection]),
            Some(Conflict(Prometheus, Connection, Owner::CONNECTIONS))
        );
        assert_eq!(fault(List, &[Watch, Table, Statistics]), None);
    }

    #[test]
    fn a_tunnel_takes_the_options_of_its_type() {
        let tunnel = |kind, modifiers: &[Modifier]| given(modifiers).check_tunnel(kind).err();
        let port = TunnelPort;
        assert_eq!(tunnel(TunnelKind::Ipip, &[Weight, TunnelType]), None);
        for option in [port, TunnelNoChecksum, TunnelChecksum, TunnelRemoteChecksum] {
            assert_eq!(
                tunnel(TunnelKind::Ipip, &[option]),
                Some(Illegal(option, Owner::Tunnel(TunnelKind::Ipip)))
            );
        }
        assert_eq!(
            tunnel(TunnelKind::Gue, &[]),
            Some(Needed(port, Owner::Tunnel(TunnelKind::Gue)))
        );
        assert_eq!(tunnel(TunnelKind::Gue, &[port, TunnelRemoteChecksum]), None);
        assert_eq!(
            tunnel(
                TunnelKind::Gue,
                &[port, TunnelRemoteChecksum, TunnelNoChecksum]
            ),
            Some(Conflict(
                TunnelRemoteChecksum,
                TunnelNoChecksum,
                Owner::Tunnel(TunnelKind::Gue)
            ))
        );
        assert_eq!(
            tunnel(TunnelKind::Gre, &[TunnelChecksum, Weight, TcpService]),
            None
        );
        assert_eq!(
            tunnel(TunnelKind::Gre, &[TunnelRemoteChecksum]),
            Some(Illegal(
                TunnelRemoteChecksum,
                Owner::Tunnel(TunnelKind::Gre)
            ))
        );
        assert!(given(&[TunnelRemoteChecksum, TcpService]).has_tunnel_options());
        assert!(!given(&[Weight, TunnelInfo]).has_tunnel_options());
    }
}
