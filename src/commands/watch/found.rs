//! Holds the findings of a look, so that any part of them can be drawn, in any order, without
//! asking the kernel again. Only the part that is asked for is made.
//!
//! A listing is a row of items: virtual services, connections, counts, or lines. An item begins
//! with a head, which names it; what follows may be left out from its top, as its head stays.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::Session;
use crate::commands::list::connections::{ConnectionDetail, SelectedConnections};
use crate::commands::list::services::{self, Services};
use crate::commands::list::{self, Meanwhile, counts, write_visible_row};
use crate::error::Error;
use crate::ipvs::Ipvs;
use crate::ipvs::connections::parse_connection;
use crate::model::{Connection, ConnectionIdentity, DestinationIdentity, ServiceIdentity};
use crate::order::ServiceEntry;
use crate::rates::Rates;
use crate::render::counts::{Count, Counted};
use crate::render::endpoints::EndpointWriter;
use crate::render::table::connections::ConnectionTable;
use crate::render::table::counts::CountTable;
use crate::render::table::services::ServiceTable;
use crate::render::table::{Height, Memory};
use crate::render::{self, listing, phrases};
use crate::request::{Columns, ListFormat, ListRequest, OutputFormat, Subject};
use crate::screen::Screen;
use crate::selection::CountKey;

/// The findings of a look.
pub enum Found {
    Services(Services),
    Connections(Connections),
    Counts(CountKey, Vec<Count>, Missing),
    /// Lines of what is short, or not drawn from parts.
    Text(Vec<Line>),
}

/// A line without its end.
pub type Line = Vec<u8>;

/// The lines that say what a listing is without, if anything.
type Missing = Vec<Line>;

/// The connections of a listing.
pub struct Connections {
    /// The kernel's lines.
    text: Vec<u8>,
    /// The place of each.
    places: Vec<Range<usize>>,
    missing: Missing,
}

impl Connections {
    /// Returns one of them.
    fn get(&self, place: usize) -> Option<Connection<'_>> {
        parse_connection(&self.text[self.places[place].clone()])
    }
}

/// The identity of an item, by which it is found again at the next look.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ItemKey {
    Service(ServiceIdentity),
    Connection(ConnectionIdentity),
    Counted(Counted),
    /// The place of a line.
    Line(usize),
}

/// The lines of an item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// The lines that name it.
    pub head: Vec<Line>,
    /// The lines of each thing that belongs to it.
    pub rest: Vec<Vec<Line>>,
}

impl Item {
    /// Returns its lines with so many of what belongs to it left out.
    pub fn lines(&self, skip: usize) -> impl Iterator<Item = &Line> {
        self.head
            .iter()
            .chain(self.rest.iter().skip(skip).flatten())
    }

    fn new(lines: &mut impl Iterator<Item = Line>, height: &Height) -> Item {
        Item {
            head: lines.take(height.head).collect(),
            rest: height
                .rest
                .iter()
                .map(|height| lines.take(*height).collect())
                .collect(),
        }
    }
}

/// A part of a listing as it was drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drawn {
    /// The titles, and what stands above them.
    pub above: Vec<Line>,
    pub items: Vec<Item>,
    /// The bottom of the frame, and the legend.
    pub below: Vec<Line>,
}

impl Drawn {
    fn without(mut self, missing: &Missing) -> Drawn {
        self.below.extend_from_slice(missing);
        self
    }
}

/// The tools of a drawing, kept for the next.
pub struct Pen {
    memory: Memory,
    endpoints: EndpointWriter,
}

impl Pen {
    /// Makes what a listing with this format is drawn with.
    pub fn new(format: &ListFormat) -> Pen {
        Pen {
            memory: Memory::new(format.numeric),
            endpoints: EndpointWriter::for_watching(format.numeric),
        }
    }
}

impl Found {
    /// Takes a look; `None` if nobody looks any more. Keys that are pressed meanwhile are answered:
    /// many services and connections take their time.
    ///
    /// # Errors
    ///
    /// Those of the listing.
    pub fn read(
        session: &mut Session<'_, '_>,
        ipvs: &mut Ipvs,
        rates: &mut Rates,
    ) -> Result<Option<Found>, Error> {
        let request = *session.view.request();
        let is_json = request.output_format == OutputFormat::Json;
        let meanwhile: Meanwhile<'_> = &mut || session.answer_meanwhile(rates);
        let found = match &request.subject {
            Subject::Table(service) if !is_json => {
                match services::read(ipvs, &request, service.as_ref(), meanwhile)? {
                    Some(services) => {
                        services.measure(rates);
                        Found::Services(services)
                    }
                    None => return Ok(None),
                }
            }
            Subject::ConnectionEntries(selection, _) if !is_json => {
                let detail = ConnectionDetail::of(request.format.columns);
                let connections = SelectedConnections::open(ipvs, selection, detail)?;
                let (mut text, mut places) = (Vec::new(), Vec::new());
                let passed_over = connections.beside(Some(meanwhile)).for_each(|_, line| {
                    let start = text.len();
                    text.extend_from_slice(line);
                    places.push(start..text.len());
                    Ok(())
                })?;
                Found::Connections(Connections {
                    text,
                    places,
                    missing: session.missing(passed_over),
                })
            }
            Subject::ConnectionCounts(selection, key) if !is_json => {
                let (counts, passed_over) = counts::count(ipvs, selection, *key, Some(meanwhile))?;
                Found::Counts(*key, counts, session.missing(passed_over))
            }
            _ => {
                let console = &mut *session.console;
                console.hold();
                list::list(console, ipvs, &request, None)?;
                Found::text(&std::mem::take(console.text()))
            }
        };
        Ok((!session.is_at_end()).then_some(found))
    }

    /// Returns the lines of a text.
    fn text(text: &[u8]) -> Found {
        Found::Text(lines(text))
    }

    /// Returns the number of items.
    pub fn len(&self) -> usize {
        match self {
            Found::Services(services) => services.entries.len(),
            Found::Connections(connections) => connections.places.len(),
            Found::Counts(_, counts, _) => counts.len(),
            Found::Text(lines) => lines.len(),
        }
    }

    /// Returns what its items are called.
    pub fn unit(&self) -> &'static str {
        match self {
            Found::Services(_) => "service",
            Found::Connections(_) => "connection",
            Found::Counts(CountKey::Total, ..) => "count",
            Found::Counts(key, ..) => key.word(),
            Found::Text(_) => "line",
        }
    }

    /// Returns the identity of an item.
    pub fn key(&self, place: usize) -> ItemKey {
        match self {
            Found::Services(services) => {
                ItemKey::Service(services.entries[place].0.service.identity)
            }
            Found::Connections(connections) => match connections.get(place) {
                Some(it) => ItemKey::Connection(it.identity()),
                None => ItemKey::Line(place),
            },
            Found::Counts(_, counts, _) => ItemKey::Counted(counts[place].counted),
            Found::Text(_) => ItemKey::Line(place),
        }
    }

    /// Returns how many things belong to an item, at the least one.
    pub fn length(&self, place: usize) -> usize {
        match self {
            Found::Services(services) => services.entries[place].1.len().max(1),
            _ => 1,
        }
    }

    /// Returns the least lines that an item takes.
    pub fn least_lines(&self, place: usize) -> usize {
        match self {
            Found::Services(services) => 1 + services.entries[place].1.len(),
            _ => 1,
        }
    }

    /// Returns the places of the items that have a text in one of their rows, in the order that is
    /// asked for. An empty text is in all.
    pub fn places(
        &self,
        request: &ListRequest,
        rates: &Rates,
        wanted: &str,
        pen: &mut Pen,
    ) -> Vec<usize> {
        // Without its other lines, a frame would be none.
        let is_whole =
            matches!(self, Found::Text(_)) && request.output_format == OutputFormat::Table;
        let mut places: Vec<usize> = match wanted {
            _ if is_whole || wanted.is_empty() => (0..self.len()).collect(),
            _ => {
                let mut rows = Rows::new(request, wanted, pen);
                (0..self.len())
                    .filter(|place| rows.have(self, *place))
                    .collect()
            }
        };
        match (self, &request.subject) {
            (Found::Services(services), _) => {
                request
                    .order
                    .sort_places(&mut places, &services.entries, Some(rates));
            }
            (Found::Connections(connections), Subject::ConnectionEntries(_, order)) => {
                places.sort_by_cached_key(|place| {
                    let connection = connections.get(*place);
                    connection.and_then(|connection| order.key(&connection))
                });
            }
            _ => {}
        }
        places
    }

    /// Draws some of the items.
    pub fn draw(
        &self,
        places: &[usize],
        request: &ListRequest,
        rates: &Rates,
        screen: Screen,
        pen: &mut Pen,
    ) -> Drawn {
        let is_drawn = request.output_format == OutputFormat::Table;
        match self {
            Found::Services(found) => {
                let of_place = |place: &usize| {
                    let (service, mut servers) = found.entries[*place].clone();
                    request
                        .order
                        .sort_servers(&service, &mut servers, Some(rates));
                    (service, servers)
                };
                let shown: Vec<ServiceEntry> = places.iter().map(of_place).collect();
                match is_drawn {
                    true => draw_services(found, &shown, request, rates, screen, pen),
                    false => write_services(found, &shown, request, pen),
                }
            }
            Found::Connections(found) => {
                let shown = places.iter().filter_map(|place| found.get(*place));
                let shown: Vec<Connection<'_>> = shown.collect();
                let drawn = match is_drawn {
                    true => draw_connections(found.places.len(), &shown, request, screen, pen),
                    false => write_connections(&shown, request, pen),
                };
                drawn.without(&found.missing)
            }
            Found::Counts(key, counts, missing) => {
                let shown: Vec<Count> = places.iter().map(|place| counts[*place]).collect();
                let drawn = match is_drawn {
                    true => draw_counts(*key, counts, &shown, screen, pen),
                    false => write_counts(&shown, pen),
                };
                drawn.without(missing)
            }
            Found::Text(lines) => {
                let line = |place: &usize| Item {
                    head: vec![lines[*place].clone()],
                    rest: Vec::new(),
                };
                Drawn {
                    items: places.iter().map(line).collect(),
                    ..Drawn::default()
                }
            }
        }
    }
}

/// Returns the lines of a text.
pub fn lines(text: &[u8]) -> Vec<Line> {
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    lines
        .map(|line| line.strip_suffix(b"\n").unwrap_or(line).to_vec())
        .collect()
}

/// The rows of items as text, to look for something in them: as the plain listing has them, with
/// numbers and, where names are shown, with those; a table shows names whole. Each name may take
/// the name services their time: none is looked up for a row that has the text in its numbers, nor
/// for a text that is of numbers.
struct Rows<'p> {
    /// The text that a row is to have, in lower case.
    wanted: String,
    format: ListFormat,
    has_whole_names: bool,
    numbers: EndpointWriter,
    names: Option<&'p mut EndpointWriter>,
    text: Vec<u8>,
}

impl<'p> Rows<'p> {
    fn new(request: &ListRequest, wanted: &str, pen: &'p mut Pen) -> Rows<'p> {
        let names = match request.output_format {
            OutputFormat::Table => pen.memory.endpoints(),
            _ => &mut pen.endpoints,
        };
        Rows {
            wanted: wanted.to_lowercase(),
            format: request.format,
            has_whole_names: request.output_format == OutputFormat::Table,
            numbers: EndpointWriter::numeric(),
            names: Some(names).filter(|_| !request.format.numeric && !is_of_numbers(wanted)),
            text: Vec::new(),
        }
    }

    /// Returns true if one of the rows of an item has the text.
    fn have(&mut self, found: &Found, place: usize) -> bool {
        let writers = [Some(&mut self.numbers), self.names.as_deref_mut()];
        writers.into_iter().flatten().any(|endpoints| {
            self.text.clear();
            match found {
                Found::Services(found) => {
                    let (service, servers) = &found.entries[place];
                    let text = &mut self.text;
                    listing::write_entry(text, &self.format, endpoints, service, servers);
                    if self.has_whole_names {
                        let identity = &service.service.identity;
                        phrases::write_service_name(text, endpoints, identity, 0);
                        for server in servers {
                            let DestinationIdentity { address, port } = server.destination.identity;
                            text.push(b'\n');
                            endpoints.write(text, address, port, identity.protocol());
                        }
                    }
                }
                Found::Connections(found) => {
                    if let Some(connection) = found.get(place) {
                        write_connection(&mut self.text, endpoints, &connection, &self.format);
                    }
                }
                Found::Counts(_, counts, _) => {
                    render::counts::write_row(&mut self.text, endpoints, &counts[place]);
                }
                Found::Text(lines) => self.text.extend_from_slice(&lines[place]),
            }
            let text = String::from_utf8_lossy(&self.text).to_lowercase();
            text.contains(&self.wanted)
        })
    }
}

/// Returns true if a text is a part of addresses and ports rather than of names.
fn is_of_numbers(text: &str) -> bool {
    let is_ipv6 = text.contains(':');
    text.chars().all(|character| match character {
        '0'..='9' | '.' | ':' | '[' | ']' => true,
        _ => is_ipv6 && character.is_ascii_hexdigit(),
    })
}

fn draw_services(
    found: &Services,
    shown: &[ServiceEntry],
    request: &ListRequest,
    rates: &Rates,
    screen: Screen,
    pen: &mut Pen,
) -> Drawn {
    let memory = std::mem::replace(&mut pen.memory, Memory::new(request.format.numeric));
    let mut table = ServiceTable::after(
        memory,
        screen,
        request.format,
        Some(rates),
        found.standstill,
        &found.entries,
    );
    for (service, servers) in shown {
        table.measure(service, servers);
    }
    let mut out = Vec::new();
    table.begin(&mut out, found.info.as_ref());
    let mut heights = Vec::new();
    let mut above = None;
    for (service, servers) in shown {
        heights.push(table.write(&mut out, service, servers));
        // The titles appear with what is drawn first.
        above.get_or_insert(line_count(&out));
    }
    table.end(&mut out);
    let bottom = usize::from(!found.entries.is_empty());
    let above = above.unwrap_or(line_count(&out) - bottom);
    table.explain(&mut out);
    pen.memory = table.into_memory();
    parted(&out, above, &heights)
}

fn write_services(
    found: &Services,
    shown: &[ServiceEntry],
    request: &ListRequest,
    pen: &mut Pen,
) -> Drawn {
    let format = &request.format;
    let mut out = Vec::new();
    if let Some(info) = &found.info {
        listing::write_version(&mut out, info);
    }
    listing::write_titles(&mut out, format.columns);
    let above = line_count(&out);
    let mut heights = Vec::new();
    for (service, servers) in shown {
        listing::write_entry(&mut out, format, &mut pen.endpoints, service, servers);
        heights.push(Height {
            head: 1,
            rest: vec![1; servers.len()],
        });
    }
    let are_counters = format.columns.are_counters();
    if let Some(standstill) = found.standstill.filter(|_| are_counters) {
        out.extend_from_slice(phrases::counters_stand_still(standstill).as_bytes());
        out.push(b'\n');
    }
    parted(&out, above, &heights)
}

fn draw_connections(
    total: usize,
    shown: &[Connection<'_>],
    request: &ListRequest,
    screen: Screen,
    pen: &mut Pen,
) -> Drawn {
    let with_engine_data = request.format.columns == Columns::PersistentConnections;
    let memory = std::mem::replace(&mut pen.memory, Memory::new(request.format.numeric));
    let mut table = ConnectionTable::after(memory, screen, with_engine_data);
    table.count(total);
    for connection in shown {
        table.measure(connection);
    }
    let mut out = Vec::new();
    table.begin(&mut out);
    let (above, heights) = match shown {
        [] => (None, Vec::new()),
        _ => {
            let heights = table.write(&mut out, shown);
            // The line above the first of them belongs to the titles.
            (Some(line_count(&out) + 1), heights)
        }
    };
    table.end(&mut out);
    pen.memory = table.into_memory();
    let above = above.unwrap_or(line_count(&out) - usize::from(total > 0));
    parted(&out, above, &of_rows(&heights))
}

fn write_connections(shown: &[Connection<'_>], request: &ListRequest, pen: &mut Pen) -> Drawn {
    let with_engine_data = request.format.columns == Columns::PersistentConnections;
    let mut out = Vec::new();
    render::connections::write_titles(&mut out, with_engine_data);
    let above = line_count(&out);
    for connection in shown {
        write_connection(&mut out, &mut pen.endpoints, connection, &request.format);
    }
    parted(&out, above, &of_rows(&vec![1; shown.len()]))
}

fn write_connection(
    out: &mut Vec<u8>,
    endpoints: &mut EndpointWriter,
    connection: &Connection<'_>,
    format: &ListFormat,
) {
    match format.columns {
        Columns::PersistentConnections => write_visible_row(out, endpoints, connection),
        _ => render::connections::write_row(out, endpoints, connection, false),
    }
}

fn draw_counts(
    key: CountKey,
    counts: &[Count],
    shown: &[Count],
    screen: Screen,
    pen: &mut Pen,
) -> Drawn {
    let memory = std::mem::replace(&mut pen.memory, Memory::new(true));
    let mut table = CountTable::after(memory, screen, key, counts);
    for count in shown {
        table.measure(count);
    }
    let mut out = Vec::new();
    table.begin(&mut out);
    let before = line_count(&out);
    let heights = match shown {
        [] => Vec::new(),
        _ => table.write(&mut out, shown),
    };
    let above = match heights[..] {
        [] => None,
        _ => Some(line_count(&out) + 1),
    };
    table.end(&mut out);
    pen.memory = table.into_memory();
    let bottom = usize::from(line_count(&out) > before);
    let above = above.unwrap_or(line_count(&out) - bottom);
    parted(&out, above, &of_rows(&heights))
}

fn write_counts(shown: &[Count], pen: &mut Pen) -> Drawn {
    let mut out = Vec::new();
    for count in shown {
        render::counts::write_row(&mut out, &mut pen.endpoints, count);
    }
    parted(&out, 0, &of_rows(&vec![1; shown.len()]))
}

/// Returns the heights of items that are so many lines each, all of which name it.
fn of_rows(heights: &[usize]) -> Vec<Height> {
    let heights = heights.iter().map(|height| Height {
        head: *height,
        rest: Vec::new(),
    });
    heights.collect()
}

fn line_count(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte == b'\n').count()
}

/// Parts what was drawn: so many lines above the items, the items, and what is left.
fn parted(text: &[u8], above: usize, heights: &[Height]) -> Drawn {
    let mut lines = lines(text).into_iter();
    Drawn {
        above: lines.by_ref().take(above).collect(),
        items: heights
            .iter()
            .map(|height| Item::new(&mut lines, height))
            .collect(),
        below: lines.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_names_are_looked_up_for_what_is_of_numbers() {
        for text in ["1", "10.0.3", ":80", "[2001:db8::", "2001:DB8", "]:443"] {
            assert!(is_of_numbers(text), "{text}");
        }
        for text in [
            "web1",
            "db",
            "face",
            "web1:80",
            ":http",
            "TCP 10.0.3",
            "-> 1",
        ] {
            assert!(!is_of_numbers(text), "{text}");
        }
    }
}
