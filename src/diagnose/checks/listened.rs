//! Checks of what was heard: where clients' attempts end. What was seen to end is said to end
//! there, and no more; what may be the reason is said as that.

#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::diagnose::facts::{Facts, HardwareAddress, Route, Server, Service};
use crate::diagnose::findings::{Basis, Claim, Finding};
use crate::diagnose::listen::listened::{Answer, Attempt, ErrorAnswer, Fate, Listened, Step};
use crate::model::{ForwardingMethod, Protocol, ServiceIdentity};

use super::address::is_unseen;
use super::answers::default_route;
use super::probes::{hardware_text, hide_address};
use super::{about, counted, endpoint, listed, name, resolution};

/// So many attempts that end alike are no accident, nor is one that is repeated so often.
const NO_ACCIDENT: usize = 2;
const REPEATED_OFTEN: u32 = 3;
/// Broadcast questions of one machine for one address: the first was not answered.
const REPEATED_QUESTION: u32 = 2;

/// Attempts at a service that came to the same end, by the server that was to have them.
struct Ends<'f> {
    service: &'f Service,
    server: Option<&'f Server>,
    attempts: Vec<&'f Attempt>,
    /// Others that were served there.
    served: u64,
    /// Packets that were not heard meanwhile.
    packets_lost: u64,
}

/// The attempts that came to an end of one kind, by service and server.
fn ends<'f>(facts: &'f Facts, is_it: impl Fn(&Attempt, Fate) -> bool) -> Vec<Ends<'f>> {
    let by_server = facts.services.iter().flat_map(|service| {
        let servers = service.servers.iter().map(Some).chain([None]);
        servers.map(move |server| (service, server))
    });
    let of_server = |(service, server): (&'f Service, Option<&'f Server>)| {
        let identity = server.map(Server::identity);
        let is_its = |attempt: &Attempt| attempt.server == identity;
        Some(Ends {
            server,
            ..ends_among(facts, service, is_its, &is_it)?
        })
    };
    by_server.filter_map(of_server).collect()
}

/// The same by service, whichever server was to have them.
fn ends_of_service<'f>(facts: &'f Facts, is_it: impl Fn(&Attempt, Fate) -> bool) -> Vec<Ends<'f>> {
    let services = facts.services.iter();
    services
        .filter_map(|service| ends_among(facts, service, |_| true, &is_it))
        .collect()
}

fn ends_among<'f>(
    facts: &'f Facts,
    service: &'f Service,
    is_among: impl Fn(&Attempt) -> bool,
    is_it: impl Fn(&Attempt, Fate) -> bool,
) -> Option<Ends<'f>> {
    let listened = facts.listened.as_ref()?;
    let all = || {
        let attempts = listened.of(service.identity());
        attempts.filter(|attempt| is_among(attempt))
    };
    let mut attempts: Vec<&Attempt> = all()
        .filter(|attempt| is_it(attempt, listened.fate(attempt)))
        .collect();
    if !attempts.is_empty() {
        let most = most_arrivals_served(listened, service);
        attempts.retain(|attempt| match listened.fate(attempt) {
            Fate::EndedAt(step) if attempt.protocol == Protocol::Tcp && step < Step::Heard => {
                attempt.arrivals > most
            }
            _ => true,
        });
    }
    (!attempts.is_empty()).then(|| Ends {
        service,
        server: None,
        attempts,
        served: listened.funnel(all()).served,
        packets_lost: listened.packets_lost,
    })
}

/// The most times that the SYN of an attempt at a service came which was served: clients may be so far
/// away that each repeats it, and one that came no oftener may yet be served.
fn most_arrivals_served(listened: &Listened, service: &Service) -> u32 {
    let attempts = listened.of(service.identity());
    let served = attempts.filter(|attempt| listened.fate(attempt) == Fate::Served);
    let arrivals = served.map(|attempt| attempt.arrivals);
    arrivals.max().unwrap_or_default()
}

/// So many questions of one neighbour for an address are more than it has while somebody answers: Linux
/// asks three times, a second apart, and begins anew.
const ASKED_WITHOUT_END: u32 = 6;

impl Ends<'_> {
    /// Returns how far it goes: where nobody is served, that is what becomes of clients there.
    fn claim(&self) -> Option<Claim> {
        let are_many = self.attempts.len() >= NO_ACCIDENT;
        let is_patient = |attempt: &&Attempt| attempt.arrivals >= REPEATED_OFTEN;
        match (
            self.served,
            are_many || self.attempts.iter().any(is_patient),
        ) {
            (0, true) => Some(Claim::Hinders),
            (0, false) => Some(Claim::MayHinder),
            (_, true) => Some(Claim::HurtsSome),
            (_, false) => None,
        }
    }

    fn clients(&self) -> Vec<IpAddr> {
        let clients: BTreeSet<IpAddr> = self
            .attempts
            .iter()
            .map(|attempt| attempt.client.ip())
            .collect();
        clients.into_iter().collect()
    }

    /// `4 attempts of 192.0.2.7`.
    fn text(&self) -> String {
        format!(
            "{} of {}",
            counted(self.attempts.len() as u64, "attempt"),
            listed(&self.clients())
        )
    }

    /// Formats that others are served, if so.
    fn but(&self) -> String {
        match self.served {
            0 => String::new(),
            1 => " 1 other was served.".to_owned(),
            served => format!(" {served} others were served."),
        }
    }

    fn finding(&self, claim: Claim, text: String) -> Finding {
        let text = text + &self.but();
        let finding = match self.server {
            Some(server) => about(Basis::Traffic, claim, self.service, server, text),
            None => Finding::new(Basis::Traffic, claim, text).about(self.service.identity()),
        };
        let clients = self.clients();
        finding
            .seen("attempts", self.attempts.len() as u64)
            .seen("served", self.served)
            .seen(
                "clients",
                clients.iter().map(ToString::to_string).collect::<Vec<_>>(),
            )
    }

    /// A finding that argues from what was not heard: where packets were lost, that proves nothing.
    fn finding_of_absence(&self, claim: Claim, text: String) -> Finding {
        match self.packets_lost {
            0 => self.finding(claim, text),
            lost => {
                let doubt = format!(
                    " That proves nothing: {} came too fast to be heard.",
                    counted(lost, "packet")
                );
                self.finding(Claim::Informs, text + &doubt)
                    .seen("packets_lost", lost)
            }
        }
    }

    /// The server in a sentence.
    fn server_text(&self) -> String {
        match self.server {
            Some(server) => endpoint(server.identity()),
            None => "a server".to_owned(),
        }
    }

    fn is_local(&self) -> bool {
        self.server
            .is_some_and(|server| server.route == Route::Local)
    }

    fn is_udp(&self) -> bool {
        let mut attempts = self.attempts.iter();
        attempts.any(|attempt| attempt.protocol == Protocol::Udp)
    }
}

/// Nobody tried: that is no fault, and there is nothing to be said of the service.
pub fn nothing_arrives(facts: &Facts) -> Vec<Finding> {
    let Some(listened) = &facts.listened else {
        return Vec::new();
    };
    // That says the same, of all the time before.
    let is_mark_unseen =
        |service: &Service| service.virtual_address().is_none() && is_unseen(facts, service);
    let is_silent = |service: &&Service| {
        service.identity().protocol() != Some(Protocol::Sctp)
            && listened.attempts_not_followed == 0
            && listened.packets_lost == 0
            && !listened.is_tried(service.identity())
            && !is_mark_unseen(service)
    };
    let seconds = listened.seconds();
    let silent = facts.services.iter().filter(is_silent);
    silent
        .map(|service| {
            let identity = service.identity();
            let text = match identity {
                ServiceIdentity::Endpoint {
                    protocol,
                    address,
                    port,
                } => {
                    let flag = match protocol {
                        Protocol::Udp => "-uz",
                        _ => "-z",
                    };
                    let trial = match port {
                        0 => String::new(),
                        _ => format!(
                            " From a client elsewhere, `nc {flag} -w 3 {address} {port}` tries it."
                        ),
                    };
                    format!(
                        "Nobody tried {} in {seconds} s: no first packet came to an interface \
                         here. What programs on this director ask for is not seen.{trial}",
                        name(identity)
                    )
                }
                ServiceIdentity::FirewallMark { mark, .. } => format!(
                    "Nobody tried mark {mark} in {seconds} s, as far as is known of marks: no \
                     packet went to one of its servers, or to IPVS, that was seen to come."
                ),
            };
            Finding::new(Basis::Traffic, Claim::Informs, text)
                .about(identity)
                .seen("milliseconds", listened.duration.as_millis() as u64)
        })
        .collect()
}

pub fn address_unanswered(facts: &Facts) -> Vec<Finding> {
    let Some(listened) = &facts.listened else {
        return Vec::new();
    };
    let find = |service: &Service| {
        let address = service.virtual_address()?;
        let talk = listened.addresses.get(&address)?;
        let is_reached = listened.of(service.identity()).next().is_some();
        let is_answered = talk.is_announced_here || !talk.rivals.is_empty() || is_reached;
        if is_answered || listened.packets_lost > 0 {
            return None;
        }
        let askers: Vec<IpAddr> = talk
            .questions
            .iter()
            .filter(|(_, (_, count))| *count >= REPEATED_QUESTION)
            .map(|(asker, _)| *asker)
            .collect();
        let (_, (index, _)) = talk.questions.get_key_value(askers.first()?)?;
        let asked_at = facts.director.interface(*index)?;
        let is_here = service.address == Some(Route::Local);
        let why = match (is_here, asked_at.hides_others && !asked_at.has(address)) {
            (true, true) => format!(
                " This director has it, and {} does not answer for addresses of other interfaces \
                 (arp_ignore).",
                asked_at.name
            ),
            (true, false) => " This director has it, and does not answer either.".to_owned(),
            (false, _) => " This director does not have it.".to_owned(),
        };
        let ask = if askers.len() == 1 { "asks" } else { "ask" };
        let text = format!(
            "{} {ask} for the hardware address of {address} at {} again and again: no answer is \
             heard here.{why}",
            listed(&askers),
            asked_at.name
        );
        // Answers of another director that has it do not come here, but they end the questions.
        let most = talk.questions.values().map(|(_, count)| *count).max();
        let claim = match is_here || most >= Some(ASKED_WITHOUT_END) {
            true => Claim::Hinders,
            false => Claim::Informs,
        };
        let finding = Finding::new(Basis::Traffic, claim, text)
            .about(service.identity())
            .seen(
                "asked_by",
                askers.iter().map(ToString::to_string).collect::<Vec<_>>(),
            )
            .seen("asked_at", asked_at.name.as_str());
        Some(
            match is_here && asked_at.hides_others && address.is_ipv4() {
                true => finding
                    .by_setting("net.ipv4.conf.all.arp_ignore", 0)
                    .by_setting(&format!("net/ipv4/conf/{}/arp_ignore", asked_at.name), 0),
                false => finding,
            },
        )
    };
    facts.services.iter().filter_map(find).collect()
}

/// Another machine was heard to say that it has the address. Where the director does not have it,
/// that is as it should be.
pub fn duplicate_address(facts: &Facts) -> Vec<Finding> {
    let Some(listened) = &facts.listened else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for service in &facts.services {
        let Some(address) = service.virtual_address() else {
            continue;
        };
        if service.address != Some(Route::Local) {
            continue;
        }
        let talk = listened.addresses.get(&address);
        let rivals = talk.into_iter().flat_map(|talk| &talk.rivals);
        let rivals = rivals.filter(|(index, _)| is_answered_for(facts, *index, address));
        let rivals: BTreeSet<&HardwareAddress> = rivals.map(|(_, hardware)| hardware).collect();
        for rival in rivals {
            let hardware = hardware_text(*rival);
            let server = service.servers.iter().find(|server| {
                let next_hop = server.next_hop;
                next_hop.and_then(|next_hop| next_hop.hardware) == Some(*rival)
            });
            let who = match server {
                Some(server) => format!("{} ({hardware})", server.identity().address),
                None => format!("Another machine ({hardware})"),
            };
            let text = format!(
                "{who} speaks as {address} to its neighbours ({}): those who hear it send there, \
                 past this director.",
                resolution(address)
            );
            let finding = Finding::new(Basis::Traffic, Claim::Hinders, text)
                .about(service.identity())
                .seen("address", address.to_string())
                .seen("hardware_address", hardware);
            findings.push(match server {
                Some(server) => hide_address(finding.of_server(server.identity()), address),
                None => finding,
            });
        }
    }
    findings
}

/// Returns true if the director answers for an address to the neighbours at an interface. Where they do
/// not ask for it, or where it is hidden from them, nobody takes another machine for this one.
fn is_answered_for(facts: &Facts, index: u32, address: IpAddr) -> bool {
    facts.director.interface(index).is_some_and(|interface| {
        // Of IPv6, the kernel answers for the addresses of the interface alone.
        let hides = address.is_ipv6() || interface.hides_others;
        interface.has_on_link(address) && (interface.has(address) || !hides)
    })
}

/// IPVS knows the connections that attempts are of, and drops what comes for a server that was removed.
pub fn stale_connections(facts: &Facts) -> Vec<Finding> {
    if facts.director.settings.expire_nodest_conn {
        return Vec::new();
    }
    let find = |service: &Service| {
        let is_gone = |attempt: &Attempt| {
            let mut servers = service.servers.iter().map(Server::identity);
            attempt
                .server
                .is_some_and(|server| servers.all(|there| there != server))
        };
        let in_vain = |attempt: &Attempt, fate| {
            attempt.has_entry && attempt.exit.is_none() && matches!(fate, Fate::EndedAt(_))
        };
        let ended = ends_among(facts, service, is_gone, in_vain)?;
        let server = ended.attempts.first()?.server?;
        let is_its = |attempt: &Attempt| attempt.server == Some(server);
        let ended = ends_among(facts, service, is_its, in_vain)?;
        let text = format!(
            "{} went on with connections to {}, which is no server any more: IPVS drops what comes.",
            ended.text(),
            endpoint(server)
        );
        let claim = match ended.attempts.len() as u64 == service.attempts.count {
            true => Claim::Hinders,
            false => Claim::HurtsSome,
        };
        let finding = ended.finding(claim, text).of_server(server);
        Some(finding.by_setting("net.ipv4.vs.expire_nodest_conn", 1))
    };
    facts.services.iter().filter_map(find).collect()
}

/// Packets come to an interface here, and IPVS does not take them.
pub fn dropped_before_ipvs(facts: &Facts) -> Vec<Finding> {
    let ended = ends(facts, |attempt, fate| {
        !attempt.is_scheduled() && fate == Fate::EndedAt(Step::Arrived)
    });
    let silently = ended.into_iter().filter_map(|ended| {
        // In the table of connections there is nothing of them, whether IPVS took them or not.
        if ended.service.state.service.one_packet {
            return None;
        }
        let text = format!(
            "{} came to {} and IPVS did not take them: a firewall before it (PREROUTING, INPUT) or \
             a check of the kernel dropped them.{}",
            ended.text(),
            arrived_on(facts, &ended),
            drops_text(facts.listened.as_ref()?)
        );
        let claim = match (ended.claim()?, facts.listened.as_ref()?.is_table_cut) {
            // IPVS may have taken them.
            (_, true) => Claim::Informs,
            (claim, false) => claim,
        };
        Some(ended.finding_of_absence(claim, text))
    });
    let answered = ends(facts, |attempt, fate| {
        !attempt.is_scheduled() && matches!(fate, Fate::Refused | Fate::Error(_))
    });
    let answered = answered.into_iter().filter_map(|ended| {
        let answer = ended.attempts.first()?.answer?;
        let text = format!(
            "This director itself answered {} with {}: its firewall rejects them, or IPVS does not \
             take them.",
            ended.text(),
            answer_text(answer)
        );
        Some(ended.finding_of_absence(ended.claim()?, text))
    });
    let late = ends(facts, |attempt, _| {
        attempt.protocol == Protocol::Tcp
            && attempt.was_repeated_before_it_left
            && attempt.exit.is_some()
            // What waits for the hardware address of a server leaves after all.
            && attempt.departures < attempt.arrivals
    });
    let late = late.into_iter().filter_map(|late| {
        if late.attempts.len() < NO_ACCIDENT || late.packets_lost > 0 {
            return None;
        }
        let text = format!(
            "{} left this director only when they were repeated: the first SYN was dropped here.{}",
            late.text(),
            drops_text(facts.listened.as_ref()?)
        );
        let finding = Finding::new(Basis::Traffic, Claim::HurtsSome, text)
            .about(late.service.identity())
            .seen("attempts", late.attempts.len() as u64);
        Some(finding)
    });
    let behind_the_first = ends_of_service(facts, |_, fate| fate == Fate::EndedAt(Step::Heard));
    let behind_the_first = behind_the_first.into_iter().filter_map(|ended| {
        let text = format!(
            "{} left this director, and what their clients sent next did not: its firewall takes \
             the first packet (SYN) and drops what follows. It sees no answers of servers that \
             answer past here, and takes no such connection for an established one.",
            ended.text()
        );
        Some(ended.finding_of_absence(ended.claim()?, text))
    });
    let while_it_opens = silently.chain(answered).chain(late);
    while_it_opens.chain(behind_the_first).collect()
}

/// IPVS has chosen a server, and nothing leaves for it.
pub fn not_forwarded(facts: &Facts) -> Vec<Finding> {
    let ended = ends(facts, |attempt, fate| {
        matches!(fate, Fate::EndedAt(Step::Scheduled | Step::Arrived))
            && (attempt.has_entry || attempt.exit.is_none())
    });
    let find = |ended: Ends<'_>| {
        let is_one_packet = ended.service.state.service.one_packet;
        let is_scheduled = ended.attempts.iter().all(|attempt| attempt.has_entry);
        // Datagrams that a firewall gives another source may have left from another port: they
        // have no number to be known by.
        let is_known_again = !(ended.is_udp() && facts.director.settings.conntrack);
        if ended.is_local() || !(is_scheduled || is_one_packet) || !is_known_again {
            return None;
        }
        let why = match ended.server {
            Some(server) if server.route == Route::Nowhere => {
                " There is no route to it.".to_owned()
            }
            Some(server) => match server.next_hop {
                Some(next_hop) if next_hop.is_silent => format!(
                    " {} does not answer when it is asked for its hardware address.",
                    next_hop.address
                ),
                _ => " A firewall here (OUTPUT, POSTROUTING) may hold them.".to_owned(),
            },
            None if is_one_packet => {
                " Whether IPVS took them cannot be seen of a service with --ops.".to_owned()
            }
            None => String::new(),
        };
        let text = format!(
            "{} came to {} and did not leave for {}.{why}",
            ended.text(),
            arrived_on(facts, &ended),
            ended.server_text()
        );
        Some(ended.finding_of_absence(ended.claim()?, text))
    };
    ended.into_iter().filter_map(find).collect()
}

/// Packets went to a server whose answers come back through the director, and none came.
pub fn server_silent(facts: &Facts) -> Vec<Finding> {
    let ended = ends(facts, |attempt, fate| match fate {
        Fate::EndedAt(Step::Left) => attempt.is_translated(),
        Fate::EndedAt(Step::Scheduled) => attempt.exit.is_none(),
        _ => false,
    });
    let find = |ended: Ends<'_>| {
        let server = ended.server?;
        let address = server.identity().address;
        if ended.is_local() {
            let text = format!(
                "IPVS gave {} to {} on this director, and nothing answers: a firewall here, or a \
                 program that takes no connections.",
                ended.text(),
                ended.server_text()
            );
            return Some(ended.finding_of_absence(ended.claim()?, text));
        }
        if ended.attempts.iter().any(|attempt| attempt.exit.is_none()) {
            return None;
        }
        // Who has answered others is not silent because of a few.
        let has_answered = server.traffic.attempts.answered > 0;
        if has_answered && ended.attempts.len() < NO_ACCIDENT {
            return None;
        }
        let claim = match ended.is_udp() {
            false => ended.claim()?,
            // What keeps a way open is not answered, though questions are.
            true if has_answered => Claim::Informs,
            // Some protocols never answer, and others have been seen to at this service.
            true if ended.service.attempts.served > 0 => Claim::MayHinder,
            true => Claim::Informs,
        };
        let text = format!(
            "{} went to {}, and nothing of it came back here: it is silent, or its answers take \
             another way.",
            ended.text(),
            ended.server_text()
        );
        let finding = ended
            .finding_of_absence(claim, text)
            .seen("server", address.to_string());
        Some(match default_route(facts, server) {
            Some(route) if finding.claim == Claim::Hinders => finding.there(route),
            _ => finding,
        })
    };
    ended.into_iter().filter_map(find).collect()
}

pub fn port_refused(facts: &Facts) -> Vec<Finding> {
    let ended = ends(facts, |attempt, fate| {
        attempt.is_scheduled()
            && match fate {
                Fate::Refused => true,
                Fate::Error(error) => error.is_refusal(),
                _ => false,
            }
    });
    let find = |ended: Ends<'_>| {
        let answer = ended.attempts.first()?.answer?;
        let text = format!(
            "{} refuses connections by {}: {}.",
            ended.server_text(),
            answer_text(answer),
            ended.text()
        );
        Some(ended.finding(ended.claim()?, text))
    };
    ended.into_iter().filter_map(find).collect()
}

/// Other errors by ICMP, as they are.
pub fn icmp_error(facts: &Facts) -> Vec<Finding> {
    let ended = ends(facts, |attempt, fate| match fate {
        // Who traces the way sends packets that are to be too old on it, each once.
        Fate::Error(error) if error.reason.is_time_exceeded() => {
            attempt.is_scheduled() && attempt.arrivals > 1
        }
        Fate::Error(error) => attempt.is_scheduled() && !error.is_refusal(),
        _ => false,
    });
    let find = |ended: Ends<'_>| {
        let errors: BTreeSet<ErrorAnswer> = ended
            .attempts
            .iter()
            .filter_map(|attempt| match attempt.answer? {
                Answer::Error(error) => Some(error),
                _ => None,
            })
            .collect();
        let errors: Vec<String> = errors.into_iter().map(ErrorAnswer::text).collect();
        let text = format!(
            "{} to {} ended by ICMP: {}.",
            ended.text(),
            ended.server_text(),
            listed(&errors)
        );
        Some(ended.finding(ended.claim()?, text).seen("icmp", errors))
    };
    ended.into_iter().filter_map(find).collect()
}

/// A server's answers come in, and do not go out again.
pub fn answer_held(facts: &Facts) -> Vec<Finding> {
    let ended = ends(facts, |_, fate| fate == Fate::EndedAt(Step::Answered));
    let find = |ended: Ends<'_>| {
        let mut attempts = ended.attempts.iter();
        let why = match attempts.any(|attempt| attempt.answer_came_from_address) {
            true => "they come from the service's address, which is this director's own, so that \
                     the kernel takes them for forged: the server's way to the clients must not \
                     lead through here"
                .to_owned(),
            false => format!(
                "a firewall here (FORWARD), the route to the clients, or the reverse path filter \
                 holds them.{}",
                drops_text(facts.listened.as_ref()?)
            )
            .trim_end_matches('.')
            .to_owned(),
        };
        let text = format!(
            "{} answers {}, and its answers come back here and do not leave: {why}.",
            ended.server_text(),
            ended.text()
        );
        Some(ended.finding_of_absence(ended.claim()?, text))
    };
    ended.into_iter().filter_map(find).collect()
}

/// The clients repeat themselves: what is sent to them does not reach them.
pub fn client_unheard(facts: &Facts) -> Vec<Finding> {
    let ended = ends(facts, |attempt, fate| match fate {
        Fate::EndedAt(Step::Left) => !attempt.is_translated(),
        Fate::EndedAt(Step::AnswerLeft) => attempt.protocol == Protocol::Tcp,
        _ => false,
    });
    let find = |ended: Ends<'_>| {
        let (answered, sent): (Vec<&Attempt>, Vec<&Attempt>) = ended
            .attempts
            .iter()
            .partition(|attempt| attempt.answer_left);
        let text = match sent.is_empty() {
            true => format!(
                "{} answered {}, the answers left here, and the clients repeat their SYN: the \
                 answers do not reach them.",
                ended.server_text(),
                ended.text()
            ),
            false => format!(
                "{} through {}: the clients get no answer and repeat their SYN. {}",
                ended.text(),
                ended.server_text(),
                why_unheard(ended.service, ended.server)
            ),
        };
        let finding = ended.finding_of_absence(ended.claim()?, text);
        Some(finding.seen("answers_left", answered.len() as u64))
    };
    ended.into_iter().filter_map(find).collect()
}

/// Formats what may keep the answers of a server from clients that it answers past the director.
fn why_unheard(service: &Service, server: Option<&Server>) -> String {
    let address = match service.virtual_address() {
        Some(address) => address.to_string(),
        None => "the service's address".to_owned(),
    };
    let method = server.map(|server| server.state.destination.forwarding_method);
    let tunnel = match method {
        Some(ForwardingMethod::Tunnel(_)) => {
            "It does not unpack the tunnel or drops what came in it (rp_filter), it"
        }
        _ => "It",
    };
    format!(
        "{tunnel} lacks {address}, its firewall drops them, nobody listens, or its gateway does \
         not lead to the clients."
    )
}

/// Datagrams went to servers that answer past the director: nothing shows whether they do.
pub fn answers_unseen(facts: &Facts) -> Vec<Finding> {
    let ended = ends_of_service(facts, |_, fate| fate == Fate::OutOfSight);
    let find = |ended: Ends<'_>| {
        let text = format!(
            "{} left for servers that answer past this director: whether they do is not to be \
             seen here. --probe asks them.",
            ended.text()
        );
        ended.finding(Claim::Informs, text)
    };
    ended.into_iter().map(find).collect()
}

fn arrived_on(facts: &Facts, ended: &Ends<'_>) -> String {
    let attempts = ended.attempts.iter().copied();
    let names = Listened::interfaces(&facts.director, attempts);
    listed(&names)
}

/// Formats the counters that grew while it was listened, as a sentence to be appended.
fn drops_text(listened: &Listened) -> String {
    let grown: Vec<String> = listened
        .drops
        .iter()
        .map(|(name, count)| format!("{name} by {count}"))
        .collect();
    match grown.is_empty() {
        true => String::new(),
        false => format!(" Meanwhile the kernel's counters grew: {}.", listed(&grown)),
    }
}

fn answer_text(answer: Answer) -> String {
    match answer {
        Answer::Agreed => "SYN and ACK".to_owned(),
        Answer::Refused => "RST".to_owned(),
        Answer::Error(error) => format!("ICMP {}", error.text()),
    }
}

#[cfg(test)]
mod tests;
