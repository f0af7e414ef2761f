//! The part of a listing that a screen holds: where a person is in it, what was chosen with keys,
//! and which lines stand where.
//!
//! Only this module knows the number of lines on the screen. A [`Found`] draws the items that it is
//! asked for; [`crate::render::page`] writes the lines that it is given.
//!
//! The place is that of an item, not of a line: items come and go between two looks, and most of
//! those in view stay where they are. Whoever has not scrolled stays at the top.
#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::time::Duration;

use super::found::{Drawn, Found, Item, ItemKey, Line, Pen};
use super::keys::Key;
use crate::order::{ConnectionOrder, ServiceOrder};
use crate::rates::Rates;
use crate::render::page::{between, dimmed};
use crate::render::phrases::{counted, in_lines};
use crate::request::{ListRequest, OutputFormat, Subject};
use crate::screen::Screen;

/// From this height on, the line below the heading stays empty.
const ROOMY: usize = 8;
/// The least lines of a listing for which its titles and its legend make way.
const LEAST: usize = 3;
/// The width of the names of keys.
const INDENT: usize = 14;
/// The intervals that keys go through, in milliseconds.
const INTERVALS: [u64; 13] = [
    100, 200, 500, 1000, 2000, 3000, 5000, 10_000, 20_000, 30_000, 60_000, 300_000, 3_600_000,
];

/// The work that a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Show the page as it is now.
    Show,
    /// Take a look.
    Look,
    /// End: the person has seen enough.
    Enough,
}

/// A place in a listing: of the first item in view, and how many of the things that belong to it
/// have left the view at its top.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    item: usize,
    skip: usize,
}

const TOP: Place = Place { item: 0, skip: 0 };

/// The size of the screen, and what is drawn on it.
#[derive(Clone, Copy)]
pub struct Paper<'p> {
    pub screen: Screen,
    pub height: usize,
    pub rates: &'p Rates,
}

/// The choices of a person, and the place in the listing.
pub struct View {
    request: ListRequest,
    interval: Duration,
    /// The name of the network namespace.
    namespace: String,
    /// True if there are keys to press.
    has_keys: bool,
    pen: Pen,
    found: Found,
    /// The reason why the last look has found nothing. Shown in place of the last findings. Those
    /// are kept, and so is the place in them.
    fault: Option<String>,
    /// The date and time of the look.
    time: String,
    /// The items that the filter keeps, in the order that was chosen.
    places: Vec<usize>,
    top: Place,
    /// The items in view when it was last drawn, from the first on.
    in_view: Vec<ItemKey>,
    /// The lines that there were for items then.
    room: usize,
    /// The place behind what was shown whole then.
    behind: Place,
    filter: String,
    /// The first item in view before there was a filter.
    before_filter: Option<ItemKey>,
    is_typing: bool,
    is_held: bool,
    shows_keys: bool,
}

impl View {
    /// Makes the view of a listing that is taken every `interval`, before the first look.
    pub fn new(
        request: &ListRequest,
        interval: Duration,
        namespace: String,
        has_keys: bool,
    ) -> View {
        View {
            request: *request,
            interval,
            namespace,
            has_keys,
            pen: Pen::new(&request.format),
            found: Found::Text(Vec::new()),
            fault: None,
            time: String::new(),
            places: Vec::new(),
            top: TOP,
            in_view: Vec::new(),
            room: 1,
            behind: TOP,
            filter: String::new(),
            before_filter: None,
            is_typing: false,
            is_held: false,
            shows_keys: false,
        }
    }

    /// Returns the listing to take, in the order that was chosen.
    pub fn request(&self) -> &ListRequest {
        &self.request
    }

    /// Returns the time from one look to the next; `None` while it is held still.
    pub fn interval(&self) -> Option<Duration> {
        (!self.is_held).then_some(self.interval)
    }

    /// Returns true unless something is shown and held still.
    pub fn wants_looks(&self) -> bool {
        !self.is_held || self.time.is_empty()
    }

    /// Takes over what a look has found at this time, or why it has found nothing.
    pub fn take(&mut self, found: Result<Found, Vec<u8>>, time: String, rates: &Rates) {
        self.time = time;
        match found {
            Ok(found) => {
                self.found = found;
                self.fault = None;
                self.arrange(rates);
                if self.top != TOP {
                    self.find_place_again();
                }
            }
            Err(fault) => self.fault = Some(String::from_utf8_lossy(&fault).into_owned()),
        }
    }

    /// Puts the items in order, and leaves out those that the filter does not keep.
    fn arrange(&mut self, rates: &Rates) {
        self.places = self
            .found
            .places(&self.request, rates, &self.filter, &mut self.pen);
        self.top = self.top.min(self.end());
    }

    /// Finds the place at which most of the items in view stay where they are.
    fn find_place_again(&mut self) {
        let seen = self.in_view.iter().zip(0..);
        let seen: HashMap<&ItemKey, usize> = seen.collect();
        let mut now = vec![None; self.in_view.len()];
        for (item, place) in self.places.iter().enumerate() {
            if let Some(line) = seen.get(&self.found.key(*place)) {
                now[*line] = Some(item);
            }
        }
        // For each that is still there, the item that would be first if it stayed where it was.
        let firsts: Vec<(usize, i64)> = now
            .iter()
            .enumerate()
            .filter_map(|(line, item)| Some((line, offset((*item)?, line))))
            .collect();
        let mut sorted: Vec<i64> = firsts.iter().map(|(_, first)| *first).collect();
        sorted.sort_unstable();
        let Some(usual) = sorted.get(sorted.len() / 2) else {
            return;
        };
        // One that has gone far, for it carries more or less now, takes nobody with it.
        let near = i64::try_from(self.in_view.len()).unwrap_or(i64::MAX);
        let staying = firsts
            .iter()
            .find(|(_, first)| (first - usual).abs() <= near);
        if let Some((line, first)) = staying {
            self.top.item = usize::try_from(*first).unwrap_or(0);
            if *line > 0 {
                self.top.skip = 0;
            }
        }
    }

    /// Answers a key.
    pub fn press(&mut self, key: Key, paper: Paper<'_>) -> Answer {
        if self.is_typing {
            self.type_key(key, paper.rates);
            return Answer::Show;
        }
        if self.shows_keys && !matches!(key, Key::Character('q' | 'Q')) {
            self.shows_keys = false;
            return Answer::Show;
        }
        match key {
            Key::Character('q' | 'Q') => return Answer::Enough,
            Key::Down | Key::Character('j') => self.top = self.below(self.top),
            Key::Up | Key::Character('k') => self.top = self.above(self.top),
            Key::PageDown => {
                let below = self.below(self.top);
                self.top = self.behind.max(below);
            }
            Key::PageUp => {
                self.top = self.filled_up_to(self.top, paper);
            }
            Key::Home | Key::Character('g') => self.top = TOP,
            Key::End | Key::Character('G') => self.top = self.end(),
            Key::Character('o') => {
                self.choose_next_order();
                self.top = TOP;
                self.arrange(paper.rates);
                // What has not been measured so far is from now on.
                return match self.interval() {
                    Some(_) if self.request.order == ServiceOrder::Rate => Answer::Look,
                    _ => Answer::Show,
                };
            }
            Key::Character('/') => {
                self.is_typing = true;
                if self.filter.is_empty() {
                    self.before_filter = self.in_view.first().cloned();
                }
            }
            Key::Escape => self.end_filter(paper.rates),
            Key::Character(' ') => {
                self.is_held = !self.is_held;
                if !self.is_held {
                    return Answer::Look;
                }
            }
            Key::Character('+') => self.interval = next_interval(self.interval, true),
            Key::Character('-') => self.interval = next_interval(self.interval, false),
            Key::Character('?' | 'h') => self.shows_keys = true,
            Key::Redraw | Key::Enter | Key::Backspace | Key::EraseLine | Key::Character(_) => {}
        }
        Answer::Show
    }

    /// Answers a key of the text that items are to have.
    fn type_key(&mut self, key: Key, rates: &Rates) {
        match key {
            Key::Enter => self.is_typing = false,
            Key::Escape => {
                self.is_typing = false;
                self.end_filter(rates);
            }
            Key::Character(character) => {
                self.filter.push(character);
                self.filter_anew(rates);
            }
            Key::Backspace => {
                self.filter.pop();
                self.filter_anew(rates);
            }
            Key::EraseLine => {
                self.filter.clear();
                self.filter_anew(rates);
            }
            _ => {}
        }
    }

    fn filter_anew(&mut self, rates: &Rates) {
        if self.filter.is_empty() {
            self.show_all_from(self.before_filter.clone(), rates);
        } else {
            self.top = TOP;
            self.arrange(rates);
        }
    }

    /// Shows all items again, at those that the filter has kept; if there are none, where they were
    /// before.
    fn end_filter(&mut self, rates: &Rates) {
        if !self.filter.is_empty() {
            self.filter.clear();
            let first = self.in_view.first().or(self.before_filter.as_ref());
            self.show_all_from(first.cloned(), rates);
        }
    }

    /// Shows all items, from this one on if it is there.
    fn show_all_from(&mut self, first: Option<ItemKey>, rates: &Rates) {
        self.arrange(rates);
        let is_first = |place: &usize| first.as_ref() == Some(&self.found.key(*place));
        let item = self.places.iter().position(is_first);
        self.top = Place {
            item: item.unwrap_or(0),
            skip: 0,
        };
    }

    fn choose_next_order(&mut self) {
        match (&self.found, &mut self.request.subject) {
            (Found::Services(_), _) => self.request.order = self.request.order.next(),
            (Found::Connections(_), Subject::ConnectionEntries(_, order)) => {
                *order = order.next();
            }
            _ => {}
        }
    }

    /// Returns the place a step down.
    fn below(&self, place: Place) -> Place {
        match self.places.get(place.item) {
            Some(item) if place.skip + 1 < self.found.length(*item) => Place {
                skip: place.skip + 1,
                ..place
            },
            Some(_) => Place {
                item: place.item + 1,
                skip: 0,
            },
            None => place,
        }
    }

    /// Returns the place a step up.
    fn above(&self, place: Place) -> Place {
        if place.skip > 0 {
            return Place {
                skip: place.skip - 1,
                ..place
            };
        }
        match place.item.checked_sub(1) {
            Some(item) => Place {
                item,
                skip: self.found.length(self.places[item]) - 1,
            },
            None => TOP,
        }
    }

    /// Returns the place behind the last item.
    fn end(&self) -> Place {
        Place {
            item: self.places.len(),
            skip: 0,
        }
    }

    /// Returns the place from which on all up to another fills the room; a step above that at
    /// least.
    fn filled_up_to(&mut self, end: Place, paper: Paper<'_>) -> Place {
        let behind = match end.skip {
            0 => end.item,
            _ => end.item + 1,
        };
        let mut first = behind;
        let mut least = 0;
        while first > 0 && least <= self.room {
            first -= 1;
            least += self.found.least_lines(self.places[first]);
        }
        let drawn = self.drawn(first, behind, paper);
        let mut rest = self.room;
        let mut place = end;
        for (item, lines) in (first..behind).zip(&drawn.items).rev() {
            let head = lines.head.len();
            let things = match item == end.item {
                true => &lines.rest[..end.skip.min(lines.rest.len())],
                false => &lines.rest[..],
            };
            let Some(mut room) = rest.checked_sub(head) else {
                break;
            };
            let mut skip = things.len();
            for thing in things.iter().rev() {
                match room.checked_sub(thing.len()) {
                    Some(left) => room = left,
                    None => break,
                }
                skip -= 1;
            }
            if skip == things.len() && skip > 0 {
                break;
            }
            place = Place { item, skip };
            if skip > 0 {
                break;
            }
            rest = room;
        }
        place.min(self.above(end))
    }

    fn drawn(&mut self, first: usize, behind: usize, paper: Paper<'_>) -> Drawn {
        let Paper { screen, rates, .. } = paper;
        let places = &self.places[first..behind];
        self.found
            .draw(places, &self.request, rates, screen, &mut self.pen)
    }

    /// Draws what may find room from a place on.
    fn drawn_from(&mut self, place: Place, paper: Paper<'_>) -> Drawn {
        let mut behind = place.item;
        let mut least = 0;
        while behind < self.places.len() && least < paper.height + place.skip {
            least += self.found.least_lines(self.places[behind]);
            behind += 1;
        }
        self.drawn(place.item, behind, paper)
    }

    /// Returns the lines of the screen, as many as it has.
    pub fn page(&mut self, paper: Paper<'_>) -> Vec<Line> {
        let Paper { screen, height, .. } = paper;
        let mut page = vec![self.heading(screen)];
        if height >= ROOMY {
            page.push(Line::new());
        }
        let left = height.saturating_sub(page.len());
        match self.shows_keys {
            true => page.extend(self.keys(screen).into_iter().map(String::into_bytes)),
            false => page.extend(self.listing(left, paper)),
        }
        page.truncate(height);
        page.resize(height, Line::new());
        page
    }

    /// Returns the lines of a listing, or of what is shown in its place, and the last line.
    fn listing(&mut self, height: usize, paper: Paper<'_>) -> Vec<Line> {
        let last_line = usize::from(height > 1);
        let height = height - last_line;
        let mut lines = match &self.fault {
            Some(fault) => fault_lines(fault, paper.screen),
            None => self.found_lines(height, paper),
        };
        if last_line > 0 {
            lines.resize(height, Line::new());
            lines.push(self.last_line(paper.screen));
        }
        lines
    }

    /// Returns the lines of what was found, no more than these.
    fn found_lines(&mut self, height: usize, paper: Paper<'_>) -> Vec<Line> {
        self.top = self.top.min(self.above(self.end()));
        if let Some(place) = self.places.get(self.top.item) {
            // A service may have fewer servers by now.
            self.top.skip = self.top.skip.min(self.found.length(*place) - 1);
        }
        let mut drawn = self.drawn_from(self.top, paper);
        // A screen that is low has room for items first.
        let fits = |lines: usize| height >= lines + LEAST;
        let (mut above, mut below) = (drawn.above.len(), drawn.below.len());
        if !fits(above + below) {
            below = 0;
        }
        if !fits(above) {
            above = 0;
        }
        self.room = height - above - below;
        if self.top > TOP && line_count(&drawn.items, self.top.skip) < self.room {
            let last = self.filled_up_to(self.end(), paper);
            if last < self.top {
                self.top = last;
                drawn = self.drawn_from(self.top, paper);
            }
        }
        let mut lines: Vec<Line> = drawn.above.drain(..).take(above).collect();
        lines.extend(self.body(&drawn.items));
        lines.extend(drawn.below.drain(..).take(below));
        lines
    }

    /// Returns the lines of the items that there is room for, and notes which these are.
    fn body(&mut self, items: &[Item]) -> Vec<Line> {
        let mut lines = Vec::new();
        self.in_view.clear();
        self.behind = self.top;
        let mut skip = self.top.skip;
        for (item, place) in items.iter().zip(self.top.item..) {
            // Of a head, a part says nothing.
            if lines.len() + item.head.len() > self.room && !lines.is_empty() {
                break;
            }
            self.in_view.push(self.found.key(self.places[place]));
            lines.extend(item.lines(skip).cloned());
            let hidden = lines.len().saturating_sub(self.room);
            lines.truncate(self.room);
            self.behind = match hidden {
                0 => Place {
                    item: place + 1,
                    skip: 0,
                },
                _ => Place {
                    item: place,
                    skip: whole_things(item, hidden),
                },
            };
            skip = 0;
        }
        lines
    }

    /// Returns the line above all: how often, where, when.
    fn heading(&self, screen: Screen) -> Line {
        let namespace = &self.namespace;
        let seconds = self.interval.as_secs_f64();
        let left = match self.is_held {
            true => format!("held still, space goes on, {namespace}, q ends"),
            false => format!("every {seconds} s, {namespace}, q ends"),
        };
        let time_of_day = self.time.rsplit(' ').next().unwrap_or_default();
        let line = between(screen, &left, &[&self.time, time_of_day]);
        match self.is_held {
            true => line.into_bytes(),
            false => dimmed(screen, &line),
        }
    }

    /// Returns the line below all: what is shown of how much, or what is being typed.
    fn last_line(&self, screen: Screen) -> Line {
        if self.is_typing {
            let left = format!("/{}_", self.filter);
            let rights = ["Enter keeps these rows, Esc all", "Esc: all", ""];
            return between(screen, &left, &rights).into_bytes();
        }
        let help: &[&str] = match self.has_keys {
            true => &["? shows the keys", "? keys", ""],
            false => &[""],
        };
        let line = between(screen, &self.standing(screen), help);
        match self.filter.is_empty() {
            true => dimmed(screen, &line),
            false => line.into_bytes(),
        }
    }

    /// Returns which items are shown, in what order, and of how many.
    fn standing(&self, screen: Screen) -> String {
        if self.time.is_empty() {
            let shows_names = self.request.output_format != OutputFormat::Json;
            // Who waits may wait for a name service.
            return match shows_names && !self.request.format.numeric {
                true => "looking; -n looks up no names".to_owned(),
                false => "looking".to_owned(),
            };
        }
        let is_text = matches!(self.found, Found::Text(_));
        if self.fault.is_some() || is_text && self.is_whole() && self.filter.is_empty() {
            return String::new();
        }
        let (kept, all) = (self.places.len(), self.found.len());
        let unit = self.found.unit();
        let shown = self.in_view.len();
        let first = self.top.item + 1;
        let dash = if screen.has_unicode { "–" } else { "-" };
        let mut text = match (kept, shown) {
            (0, _) => format!("none of {}", counted(all, unit)),
            _ if shown == kept && self.is_whole() => counted(kept, unit),
            _ => format!(
                "{first}{dash}{} of {}",
                self.top.item + shown,
                counted(kept, unit)
            ),
        };
        if all == 0 {
            text = format!("no {unit}s");
        }
        let order = match (&self.found, &self.request.subject) {
            (Found::Services(_), _) if self.request.order != ServiceOrder::Address => {
                Some(self.request.order.meaning())
            }
            (Found::Connections(_), Subject::ConnectionEntries(_, order)) => order.meaning(),
            _ => None,
        };
        if let Some(order) = order {
            text += &format!(", {order}");
        }
        if !self.filter.is_empty() {
            text += &format!(" with \"{}\"", self.filter);
            if kept > 0 && kept < all {
                text += &format!(", of {all}");
            }
        }
        text
    }

    /// Returns true if nothing is out of view.
    fn is_whole(&self) -> bool {
        self.top == TOP && self.behind == self.end()
    }

    /// Returns what each key does.
    fn keys(&self, screen: Screen) -> Vec<String> {
        let arrows = if screen.has_unicode {
            "↑ ↓"
        } else {
            "arrows"
        };
        let words = |words: &[&str]| words.join(", ");
        let orders = match (&self.found, self.request.output_format) {
            (Found::Services(_), _) => {
                let now = match self.request.order {
                    ServiceOrder::Address if !self.request.sorted => "kernel's",
                    order => order.word(),
                };
                let all = ServiceOrder::WORDS.map(|(word, _)| word);
                format!("the next order: {}; now {now}", words(&all))
            }
            (Found::Connections(_), _) => {
                let now = match self.request.subject {
                    Subject::ConnectionEntries(_, order) => order.word(),
                    _ => None,
                };
                let all = ConnectionOrder::WORDS.map(|(word, _)| word);
                let now = now.unwrap_or("kernel's");
                format!("the next order: {}, kernel's; now {now}", words(&all))
            }
            (_, OutputFormat::Json) => "the next order: JSON has one".to_owned(),
            _ => "the next order: here there is one".to_owned(),
        };
        let rows = [
            (format!("{arrows}  j k"), "a line"),
            ("PgUp PgDn".to_owned(), "a screen"),
            ("Home End".to_owned(), "the first, the last"),
            ("o".to_owned(), &*orders),
            (
                "/".to_owned(),
                "keep the rows with a text; Enter ends it, Esc shows all again",
            ),
            ("space".to_owned(), "hold still, go on"),
            ("+ -".to_owned(), "a longer interval, a shorter one"),
            ("?".to_owned(), "this; any key ends it"),
            ("q".to_owned(), "end, as Ctrl-C does"),
        ];
        let room = screen.width.saturating_sub(INDENT);
        let rows = rows.iter().flat_map(|(key, does)| {
            let lines = in_lines(does, room).into_iter().enumerate();
            lines.map(move |(place, line)| match place {
                0 => format!("  {key:<width$}{line}", width = INDENT - 2),
                _ => format!("{:INDENT$}{line}", ""),
            })
        });
        rows.collect()
    }
}

/// Returns a message in lines as wide as the screen.
fn fault_lines(fault: &str, screen: Screen) -> Vec<Line> {
    let lines = fault.lines().flat_map(|line| in_lines(line, screen.width));
    lines.map(String::into_bytes).collect()
}

/// Returns the item that is first where one of them is in a line.
fn offset(item: usize, line: usize) -> i64 {
    let number = |number| i64::try_from(number).unwrap_or(i64::MAX);
    number(item) - number(line)
}

/// Returns the lines of items, the first without some of what belongs to it.
fn line_count(items: &[Item], skip: usize) -> usize {
    let skips = std::iter::once(skip).chain(std::iter::repeat(0));
    let lines = items.iter().zip(skips);
    lines.map(|(item, skip)| item.lines(skip).count()).sum()
}

/// Returns how many of the things that belong to an item are seen whole if so many of its last
/// lines are not seen.
fn whole_things(item: &Item, hidden: usize) -> usize {
    let mut left = hidden;
    let mut whole = item.rest.len();
    while left > 0 && whole > 0 {
        whole -= 1;
        left = left.saturating_sub(item.rest[whole].len());
    }
    whole
}

/// Returns the interval that follows another, a longer or a shorter one.
fn next_interval(interval: Duration, is_longer: bool) -> Duration {
    let mut intervals = INTERVALS.map(Duration::from_millis).into_iter();
    let next = match is_longer {
        true => intervals.find(|other| *other > interval),
        false => intervals.rfind(|other| *other < interval),
    };
    next.unwrap_or(interval)
}

#[cfg(test)]
mod tests;
