//! Measures how fast the counters of services and servers grow, from one look at the table to the
//! next.
//!
//! The kernel estimates rates itself, but smooths them over many seconds. The rates here are what
//! was counted since the last look, divided by the time since then. This module knows neither the
//! kernel nor the screen.
//!
//! The counters in a listing move in steps: each processor counts for itself, and the kernel adds
//! that up every two seconds (`net/netfilter/ipvs/ip_vs_est.c`). A counter that has not moved for a
//! moment therefore says nothing, and rates are measured from one step to the next.
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::model::{DestinationIdentity, ServiceIdentity, Standstill, Statistics};

/// The time from one step to the next.
const STEP: Duration = Duration::from_secs(2);
/// The time for which a counter may stand still although it grows: a step that is late, because the
/// looks are as far apart as the steps, comes before that.
const STANDSTILL: Duration = Duration::from_secs(3);
/// The part of a new step in the smoothed bytes a second.
const SMOOTHING: f64 = 1.0 / 3.0;
/// The part by which those may change before a row changes its place.
const TOLERANCE: f64 = 1.0 / 8.0;
/// The number of looks that are remembered: more than any screen has room for.
const HISTORY: usize = 64;

/// Counts a second, in the order of [`Statistics::counters`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pace {
    pub connections: f64,
    pub incoming_packets: f64,
    pub outgoing_packets: f64,
    pub incoming_bytes: f64,
    pub outgoing_bytes: f64,
}

impl Pace {
    fn between(before: &[u64; 5], now: &[u64; 5], elapsed: Duration) -> Pace {
        let seconds = elapsed.as_secs_f64();
        let pace = |place: usize| (now[place] - before[place]) as f64 / seconds;
        Pace {
            connections: pace(0),
            incoming_packets: pace(1),
            outgoing_packets: pace(2),
            incoming_bytes: pace(3),
            outgoing_bytes: pace(4),
        }
    }

    /// Returns the packets a second both ways.
    pub fn packets(&self) -> f64 {
        self.incoming_packets + self.outgoing_packets
    }

    /// Returns the bytes a second both ways.
    pub fn bytes(&self) -> f64 {
        self.incoming_bytes + self.outgoing_bytes
    }
}

/// The measurements of one service or server.
#[derive(Clone, Debug)]
pub struct Meter {
    counters: [u64; 5],
    /// The first look that found these counters.
    since: Instant,
    /// True if that look saw a step, false if it was just the first.
    is_step: bool,
    pace: Option<Pace>,
    /// The bytes a second without the jumps from one step to the next.
    smoothed: f64,
    /// The bytes a second by which it has its place among others.
    standing: f64,
    /// The bytes a second at each look, the last one last.
    history: VecDeque<f64>,
    last_look: Instant,
    /// True from a standstill on until the first step after it, which brings what was counted
    /// meanwhile.
    is_behind: bool,
}

impl Meter {
    fn new(now: Instant, counters: [u64; 5]) -> Meter {
        Meter {
            counters,
            since: now,
            is_step: false,
            pace: None,
            smoothed: 0.0,
            standing: 0.0,
            history: VecDeque::new(),
            last_look: now,
            is_behind: false,
        }
    }

    fn look(&mut self, now: Instant, counters: [u64; 5]) {
        let elapsed = now.saturating_duration_since(self.since);
        let apart = now.saturating_duration_since(self.last_look);
        let went_back = counters
            .iter()
            .zip(&self.counters)
            .any(|(now, before)| now < before);
        if went_back {
            // Zeroed, or gone and there again. It keeps its place until more is known.
            self.counters = counters;
            self.since = now;
            self.is_step = false;
            self.pace = None;
        } else if counters != self.counters {
            // The first step is seen some time after the first look, but what it brings was counted
            // in a whole step.
            let is_whole = self.is_step || elapsed >= STEP.mul_f64(0.9);
            if !std::mem::take(&mut self.is_behind) && is_whole {
                let pace = Pace::between(&self.counters, &counters, elapsed);
                let weight = self.pace.map_or(1.0, |_| SMOOTHING);
                self.smoothed += (pace.bytes() - self.smoothed) * weight;
                self.pace = Some(pace);
            }
            self.counters = counters;
            self.since = now;
            self.is_step = true;
        } else if elapsed >= STANDSTILL {
            self.pace = Some(Pace::default());
            self.smoothed = 0.0;
            // What the next step brings will have been counted since the last, or since this look.
            self.since = now.checked_sub(STEP.saturating_sub(apart)).unwrap_or(now);
            self.is_step = true;
        }
        self.last_look = now;
        if (self.smoothed - self.standing).abs() > self.standing * TOLERANCE {
            self.standing = self.smoothed;
        }
        if let Some(pace) = self.pace {
            if self.history.len() == HISTORY {
                self.history.pop_front();
            }
            self.history.push_back(pace.bytes());
        }
    }

    /// Looks at counters that stand still.
    fn stand_still(&mut self, now: Instant, counters: [u64; 5]) {
        *self = Meter {
            is_behind: true,
            ..Meter::new(now, counters)
        };
    }

    /// Returns what was counted a second; `None` if that is not known yet.
    pub fn pace(&self) -> Option<&Pace> {
        self.pace.as_ref()
    }

    /// Returns the bytes a second by which it has its place among others. It follows the pace
    /// calmly: two that carry nearly the same change places only once one has clearly changed.
    pub fn standing(&self) -> u64 {
        self.standing.round() as u64
    }

    /// Returns the bytes a second at each look, the last one last.
    pub fn history(&self) -> impl DoubleEndedIterator<Item = f64> + ExactSizeIterator {
        self.history.iter().copied()
    }
}

/// A look at the table.
#[derive(Clone, Copy, Debug)]
struct Look {
    /// Its beginning.
    now: Instant,
    /// True if the look counts, false if it is too near to the one before to tell anything.
    counts: bool,
    /// True if the kernel does not add up its counters.
    stands_still: bool,
}

/// The meters of a table.
#[derive(Debug)]
pub struct Rates {
    /// The time from one look to the next, as it is planned.
    interval: Duration,
    look: Look,
    services: BTreeMap<ServiceIdentity, Meter>,
    servers: BTreeMap<(ServiceIdentity, DestinationIdentity), Meter>,
}

impl Rates {
    /// Makes meters for looks that are `interval` apart.
    pub fn new(interval: Duration) -> Rates {
        Rates {
            interval,
            look: Look {
                now: Instant::now(),
                counts: true,
                stands_still: false,
            },
            services: BTreeMap::new(),
            servers: BTreeMap::new(),
        }
    }

    /// Takes note of another time from one look to the next.
    pub fn plan(&mut self, interval: Duration) {
        self.interval = interval;
    }

    /// Begins a look at the table.
    pub fn begin(&mut self, now: Instant, standstill: Option<Standstill>) {
        let look = &mut self.look;
        let apart = now.saturating_duration_since(look.now);
        look.stands_still = standstill.is_some();
        look.counts = self.services.is_empty() || apart >= (self.interval / 2).min(STEP / 2);
        if look.counts {
            look.now = now;
        }
    }

    /// Measures a service.
    pub fn note_service(&mut self, service: ServiceIdentity, statistics: &Statistics) {
        note(&mut self.services, service, statistics, self.look);
    }

    /// Measures a real server likewise.
    pub fn note_server(
        &mut self,
        service: ServiceIdentity,
        server: DestinationIdentity,
        statistics: &Statistics,
    ) {
        note(&mut self.servers, (service, server), statistics, self.look);
    }

    /// Ends a look, and forgets what it has not met.
    pub fn end(&mut self) {
        if self.look.counts {
            let now = self.look.now;
            self.services.retain(|_, meter| meter.last_look == now);
            self.servers.retain(|_, meter| meter.last_look == now);
        }
    }

    /// Returns the meter of a service.
    pub fn of_service(&self, service: &ServiceIdentity) -> Option<&Meter> {
        self.services.get(service)
    }

    /// Returns the meter of a real server.
    pub fn of_server(
        &self,
        service: &ServiceIdentity,
        server: &DestinationIdentity,
    ) -> Option<&Meter> {
        self.servers.get(&(*service, *server))
    }
}

fn note<K: Ord>(meters: &mut BTreeMap<K, Meter>, key: K, statistics: &Statistics, look: Look) {
    let counters = statistics.counters();
    let meter = meters
        .entry(key)
        .and_modify(|meter| {
            if look.counts && !look.stands_still {
                meter.look(look.now, counters);
            }
        })
        .or_insert_with(|| Meter::new(look.now, counters));
    if look.stands_still {
        meter.stand_still(look.now, counters);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    /// Returns what a kernel reports at a moment (in seconds) of traffic of ten connections a
    /// second that began at one moment and ended at another: what was counted up to its last step.
    fn told(at: f64, begin: f64, end: f64, phase: f64) -> [u64; 5] {
        let step = ((at - phase) / 2.0).floor() * 2.0 + phase;
        let connections = ((step.min(end) - begin).max(0.0) * 10.0).round() as u64;
        [1, 2, 3, 400, 5000].map(|times| 1000 + connections * times)
    }

    /// Returns the paces of looks this far apart, each with its moment.
    fn paces(apart: f64, begin: f64, end: f64, phase: f64) -> Vec<(f64, Option<f64>)> {
        let start = Instant::now();
        let mut meter = Meter::new(start, told(0.0, begin, end, phase));
        let mut paces = Vec::new();
        let mut at = 0.0;
        while at < 60.0 {
            at += apart;
            let now = start + Duration::from_secs_f64(at);
            meter.look(now, told(at, begin, end, phase));
            paces.push((at, meter.pace().map(|pace| pace.connections)));
        }
        paces
    }

    #[test]
    fn each_counter_has_its_own_pace() {
        let (start, counters) = (Instant::now(), [100, 200, 300, 400, 500]);
        let mut meter = Meter::new(start, counters);
        meter.look(start + Duration::from_secs(2), [102, 206, 310, 414, 522]);
        let pace = *meter.pace().unwrap();
        assert_eq!(
            pace,
            Pace {
                connections: 1.0,
                incoming_packets: 3.0,
                outgoing_packets: 5.0,
                incoming_bytes: 7.0,
                outgoing_bytes: 11.0,
            }
        );
        assert_eq!((pace.packets(), pace.bytes()), (8.0, 18.0));
    }

    #[test]
    fn a_part_of_a_step_has_no_pace() {
        // The first step is seen so many milliseconds after the first look.
        for (seen, has_pace) in [(1799, false), (1800, true), (2000, true)] {
            let start = Instant::now();
            let mut meter = Meter::new(start, [1, 2, 3, 4, 5]);
            let at = |milliseconds| start + Duration::from_millis(milliseconds);
            meter.look(at(seen), [2, 4, 6, 8, 10]);
            assert_eq!(meter.pace().is_some(), has_pace, "{seen}");
            // The next step is whole in any case.
            meter.look(at(seen + 500), [12, 14, 16, 18, 20]);
            assert_eq!(meter.pace().unwrap().connections, 20.0, "{seen}");
        }
    }

    #[test]
    fn what_stands_still_for_three_seconds_has_a_pace_of_nothing() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let counters = [10, 20, 30, 40, 50];
        let mut meter = Meter::new(start, counters);
        meter.look(at(2999), counters);
        assert_eq!(meter.pace(), None);
        meter.look(at(3000), counters);
        assert_eq!(meter.pace(), Some(&Pace::default()));
        // The looks are less than a step apart: what comes next was counted in a whole step.
        meter.look(at(3400), [18, 20, 30, 40, 50]);
        let connections = meter.pace().unwrap().connections;
        assert!((connections - 8.0 / 2.399).abs() < 1e-9, "{connections}");
    }

    #[test]
    fn a_place_is_kept_until_the_bytes_have_clearly_changed() {
        let start = Instant::now();
        let mut meter = Meter::new(start, [0; 5]);
        let mut sum = 0;
        let mut look = 0;
        let mut standing = |bytes: u64| {
            look += 1;
            sum += 2 * bytes;
            meter.look(start + Duration::from_secs(2 * look), [0, 0, 0, 0, sum]);
            meter.standing()
        };
        assert_eq!(standing(1000), 1000);
        // A single step says little.
        for bytes in [1110, 900, 1300, 760, 1090, 950, 1240] {
            assert_eq!(standing(bytes), 1000, "{bytes}");
        }
        // What lasts is followed, and at once what is another matter altogether.
        let followed: Vec<u64> = (0..9).map(|_| standing(1500)).collect();
        assert!(followed[0] < 1250 && followed[8] > 1350, "{followed:?}");
        let much = standing(90_000);
        assert!(much > 30_000, "{much}");
        // What carries nothing for a moment has no place among the busy.
        standing(0);
        assert_eq!(standing(0), 0);
    }

    #[test]
    fn the_last_looks_are_remembered() {
        let start = Instant::now();
        let mut meter = Meter::new(start, [0; 5]);
        let mut bytes = 0;
        for look in 1..=100 {
            bytes += 2 * look;
            let counters = [0, 0, 0, bytes, 0];
            meter.look(start + Duration::from_secs(2 * look), counters);
        }
        let history: Vec<f64> = meter.history().collect();
        let expected: Vec<f64> = (37..=100).map(f64::from).collect();
        assert_eq!(history, expected);
    }

    #[test]
    fn servers_are_told_from_their_services_and_forgotten_with_them() {
        let (service, server) = (samples::service(), samples::destination());
        let service = service.service.identity;
        let server = server.destination.identity;
        let start = Instant::now();
        let mut rates = Rates::new(Duration::from_secs(2));
        let mut look = |seconds, of_service: Option<u64>, of_server: Option<u64>| {
            rates.begin(start + Duration::from_secs(seconds), None);
            if let Some(first) = of_service {
                rates.note_service(service, &samples::statistics(first));
            }
            if let Some(first) = of_server {
                rates.note_server(service, server, &samples::statistics(first));
            }
            rates.end();
            let connections = |meter: Option<&Meter>| Some(meter?.pace()?.connections);
            (
                connections(rates.of_service(&service)),
                connections(rates.of_server(&service, &server)),
            )
        };
        assert_eq!(look(10, Some(100), Some(200)), (None, None));
        assert_eq!(look(12, Some(106), Some(210)), (Some(3.0), Some(5.0)));
        assert_eq!(look(14, Some(120), None), (Some(7.0), None));
        assert_eq!(look(16, None, Some(9)), (None, None));
        assert_eq!(look(18, None, Some(31)), (None, Some(11.0)));
    }

    #[test]
    fn half_an_interval_or_a_second_after_a_look_is_the_next() {
        let service = samples::service().service.identity;
        let start = Instant::now();
        for (interval, next) in [(500, 250), (4000, 1000), (60_000, 1000)] {
            let mut rates = Rates::new(Duration::from_millis(interval));
            let mut look = |milliseconds, first| {
                rates.begin(start + Duration::from_millis(milliseconds), None);
                rates.note_service(service, &samples::statistics(first));
                rates.end();
                let looks = rates.of_service(&service).map(|meter| meter.last_look);
                looks == Some(start + Duration::from_millis(milliseconds))
            };
            assert!(look(0, 10));
            assert!(!look(next - 1, 20) && look(next, 30), "{interval}");
        }
    }

    #[test]
    fn steady_traffic_has_a_steady_pace_however_often_one_looks() {
        for apart in [0.1, 0.3, 0.5, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0] {
            for phase in [0.05, 0.7, 1.95] {
                let paces = paces(apart, -100.0, 1000.0, phase);
                let settled = paces.iter().filter(|(at, _)| *at >= 4.5_f64.max(apart));
                for (at, pace) in settled {
                    let pace = pace.unwrap_or_else(|| panic!("none at {at}, each {apart}"));
                    // A look sees a step later than it was, by no more than looks are apart; and
                    // where they are farther apart than steps, sometimes one step more.
                    let steps = apart / 2.0;
                    let (least, most) = match steps > 1.0 {
                        true => (steps.floor() / steps, steps.ceil() / steps),
                        false => (1.0 / (1.0 + steps), 1.0 + steps.min(0.5)),
                    };
                    let (least, most) = (least * 10.0 - 0.6, most * 10.0 + 0.6);
                    assert!(
                        (least..=most).contains(&pace),
                        "{pace} at {at}, each {apart}, phase {phase}"
                    );
                }
                for (at, pace) in paces {
                    assert!(
                        pace.is_none_or(|pace| pace < 21.0),
                        "{pace:?} at {at}, each {apart}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_ends_is_seen_to_end_and_what_begins_to_begin() {
        for apart in [0.3, 0.5, 1.0, 2.0, 5.0] {
            let paces = paces(apart, 20.0, 40.0, 0.7);
            let at = |moment: f64| {
                let pace = paces.iter().rev().find(|(at, _)| *at <= moment);
                pace.and_then(|(_, pace)| *pace).unwrap()
            };
            assert_eq!(at(19.0), 0.0, "each {apart}");
            assert!(
                (6.0..=15.0).contains(&at(35.0)),
                "{} each {apart}",
                at(35.0)
            );
            assert_eq!(at(57.0), 0.0, "each {apart}");
        }
    }

    #[test]
    fn zeroed_counters_begin_anew_and_what_is_gone_is_forgotten() {
        let service = ServiceIdentity::FirewallMark {
            mark: 1,
            family: crate::model::AddressFamily::Ipv4,
        };
        let mut rates = Rates::new(Duration::from_secs(2));
        let start = Instant::now();
        let look = |rates: &mut Rates, at: u64, connections: Option<u64>| {
            rates.begin(start + Duration::from_secs(at), None);
            if let Some(connections) = connections {
                let statistics = Statistics {
                    connections,
                    incoming_bytes: 3 * connections,
                    ..Statistics::default()
                };
                rates.note_service(service, &statistics);
            }
            rates.end();
            let meter = rates.of_service(&service);
            meter.map(|meter| (meter.pace().map(|pace| pace.connections), meter.standing()))
        };
        assert_eq!(look(&mut rates, 10, Some(100)), Some((None, 0)));
        assert_eq!(look(&mut rates, 12, Some(120)), Some((Some(10.0), 30)));
        // Until more is known, it stays where it is.
        assert_eq!(look(&mut rates, 14, Some(4)), Some((None, 30)));
        assert_eq!(look(&mut rates, 16, Some(6)), Some((Some(1.0), 3)));
        assert_eq!(look(&mut rates, 18, None), None);
        assert_eq!(look(&mut rates, 20, Some(9)), Some((None, 0)));
    }

    #[test]
    fn nothing_is_measured_over_a_standstill() {
        let service = samples::service().service.identity;
        let start = Instant::now();
        let mut rates = Rates::new(Duration::from_secs(2));
        let mut look = |seconds, first, standstill| {
            rates.begin(start + Duration::from_secs(seconds), standstill);
            rates.note_service(service, &samples::statistics(first));
            rates.end();
            let meter = rates.of_service(&service)?;
            let looks = meter.history().count();
            meter.pace().map(|pace| (pace.connections, looks))
        };
        let still = Some(Standstill::NotEstimated);
        assert_eq!(look(0, 100, None), None);
        assert_eq!(look(2, 120, None), Some((10.0, 1)));
        assert_eq!(look(4, 140, still), None);
        assert_eq!(look(6, 140, still), None);
        assert_eq!(look(8, 140, None), None);
        // What came since the last step before the standstill.
        assert_eq!(look(10, 220, None), None);
        assert_eq!(look(12, 234, None), Some((7.0, 1)));
        // Zeroed before that step, they still lack what came.
        assert_eq!(look(14, 240, still), None);
        assert_eq!(look(16, 3, None), None);
        assert_eq!(look(18, 33, None), None);
        assert_eq!(look(20, 55, None), Some((11.0, 1)));
        // Where nothing came, the first step after it is as late.
        assert_eq!(look(22, 60, still), None);
        assert_eq!(look(24, 60, None), None);
        assert_eq!(look(26, 60, None), Some((0.0, 1)));
        assert_eq!(look(28, 70, None), Some((0.0, 2)));
        assert_eq!(look(30, 96, None), Some((13.0, 3)));
    }

    #[test]
    fn a_look_soon_after_another_tells_nothing() {
        let service = samples::service().service.identity;
        let mut rates = Rates::new(Duration::from_secs(2));
        let start = Instant::now();
        for (at, connections, pace) in [
            (0, 0, None),
            (2000, 20, Some(10.0)),
            (2100, 40, Some(10.0)),
            (4000, 40, Some(10.0)),
        ] {
            rates.begin(start + Duration::from_millis(at), None);
            let statistics = Statistics {
                connections,
                ..Statistics::default()
            };
            rates.note_service(service, &statistics);
            rates.end();
            let meter = rates.of_service(&service).unwrap();
            assert_eq!(meter.pace().map(|pace| pace.connections), pace, "{at}");
        }
        let meter = rates.of_service(&service).unwrap();
        assert_eq!(meter.history().len(), 2);
    }
}
