//! Draws rows of cells in a frame. `tabled` draws block by block, so that a table of any length can
//! be written as it is made.
//!
//! A column is as wide as its widest cell. The first column holds names, which are never cut or
//! broken: a name that would leave too little room for the rest gets a row of its own. The last
//! column may hold bars, and takes the room that is left.
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use tabled::builder::Builder;
use tabled::grid::config::Borders;
use tabled::settings::object;
use tabled::settings::themes::Theme;
use tabled::settings::width::WidthList;
use tabled::settings::{Alignment, Color, Padding, Span};

use crate::screen::Screen;

/// The width of the lines at both sides, with a blank beside each.
const FRAME: usize = 4;
/// The least width of a bar that names make way for.
const SHORTEST_BAR: usize = 6;
/// The length up to which a name should stand beside what belongs to it: that of an IPv4 address
/// and port with a protocol.
const USUAL_NAME: usize = 26;
/// The greatest width of a bar: a longer one says no more.
const LONGEST_BAR: usize = 32;

/// The look of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tint {
    /// The terminal's own.
    Plain,
    /// For what has less weight than the rest.
    Faint,
    /// For what has more.
    Strong,
    /// For what is as it should be.
    Good,
    /// For bars.
    Bar,
    /// For what one should know of.
    Warning,
    /// For what one should do something about.
    Alarm,
}

impl Tint {
    /// Returns the tint of what says little: faint, unless this is a tint with a meaning.
    pub fn or_faint(self) -> Tint {
        match self {
            Tint::Plain => Tint::Faint,
            tint => tint,
        }
    }

    fn color(self) -> Option<Color> {
        match self {
            Tint::Plain => None,
            Tint::Faint => Some(Color::DIMMED),
            Tint::Strong => Some(Color::BOLD),
            Tint::Good => Some(Color::FG_GREEN),
            Tint::Bar => Some(Color::FG_CYAN),
            // On white, yellow cannot be read; on black, blue.
            Tint::Warning => Some(Color::FG_MAGENTA),
            Tint::Alarm => Some(Color::FG_RED),
        }
    }
}

/// The side of its column that a text keeps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// For texts.
    Left,
    /// For numbers.
    Right,
}

/// A cell of one or more columns.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    tint: Tint,
    side: Side,
    columns: usize,
}

impl Cell {
    /// Makes a cell at the left of its column.
    pub fn text(text: impl Into<String>, tint: Tint) -> Cell {
        Cell {
            text: text.into(),
            tint,
            side: Side::Left,
            columns: 1,
        }
    }

    /// Makes a cell at the right of its column.
    pub fn number(text: impl Into<String>, tint: Tint) -> Cell {
        Cell {
            side: Side::Right,
            ..Cell::text(text, tint)
        }
    }

    /// Makes a cell with nothing in it.
    pub fn empty() -> Cell {
        Cell::text("", Tint::Plain)
    }

    /// Lays the cell over so many columns.
    pub fn over(self, columns: usize) -> Cell {
        Cell { columns, ..self }
    }

    /// Returns the width of the text, in characters.
    pub fn width(&self) -> usize {
        self.text.chars().count()
    }
}

/// The cells of a row, from left to right.
pub type Row = Vec<Cell>;

/// Returns the width that columns have together, with the gaps between them.
fn text_width(widths: &[usize], gap: usize) -> usize {
    widths.iter().sum::<usize>() + gap * widths.len().saturating_sub(1)
}

/// The room that cells need, as far as they have been measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measures {
    /// The widths of the widest cells; those of the first column are in `names`.
    widths: Vec<usize>,
    /// The widths of the texts in the first column.
    names: BTreeSet<usize>,
    /// The width of the widest text over several columns, by the first of them and the first
    /// behind them.
    spans: BTreeMap<(usize, usize), usize>,
}

impl Measures {
    fn new(columns: usize) -> Measures {
        Measures {
            widths: vec![0; columns],
            names: BTreeSet::new(),
            spans: BTreeMap::new(),
        }
    }
}

/// A drawing. Its rows are measured, its widths settled, then its rows drawn.
pub struct Sheet {
    screen: Screen,
    measures: Measures,
    /// The widths of the columns, once they are settled.
    widths: Vec<usize>,
    /// The blanks between columns.
    gap: usize,
    /// The block that waits until it is known whether another follows.
    waiting: Vec<Row>,
    has_begun: bool,
}

impl Sheet {
    /// Makes a drawing for a screen, of so many columns.
    pub fn new(screen: Screen, columns: usize) -> Sheet {
        Sheet {
            screen,
            measures: Measures::new(columns),
            widths: vec![0; columns],
            gap: 2,
            waiting: Vec::new(),
            has_begun: false,
        }
    }

    /// Gives cells the room that they needed in an earlier drawing of as many columns.
    pub fn widen_to(&mut self, before: &Measures) {
        if before.widths.len() == self.widths.len() {
            self.measures = before.clone();
        }
    }

    /// Returns the room that the cells need.
    pub fn measures(&self) -> &Measures {
        &self.measures
    }

    /// Measures the cells of a row.
    pub fn measure(&mut self, row: &[Cell]) {
        let Measures {
            widths,
            names,
            spans,
        } = &mut self.measures;
        let mut column = 0;
        for cell in row {
            let end = column + cell.columns;
            let width = cell.width();
            if cell.columns > 1 {
                let widest = spans.entry((column, end)).or_default();
                *widest = width.max(*widest);
            } else if column == 0 {
                names.insert(width);
            } else {
                widths[column] = widths[column].max(width);
            }
            column = end;
        }
    }

    /// Settles the widths, once all rows have been measured. With bars, the last column is theirs.
    pub fn fit(&mut self, has_bars: bool) {
        let last = self.widths.len() - 1;
        let Measures {
            widths,
            names,
            spans,
        } = self.measures.clone();
        self.widths = widths;
        let mut spans: Vec<_> = spans.into_iter().collect();
        let after_names = |((start, _), _): &((usize, usize), usize)| *start > 0;
        self.widen(spans.iter().copied().filter(after_names));
        let others: usize = self.widths[1..last].iter().sum();
        let shortest = self.widths[last];
        let bar = if has_bars { SHORTEST_BAR } else { 0 };
        let longest_name = names.last().copied().unwrap_or(0);
        let usual_name = names.range(..=USUAL_NAME).next_back();
        let usual_name = usual_name.copied().unwrap_or(0);
        // Given up one after the other for usual names: the wide gaps, the bars, both.
        let mut rooms = [(2, bar), (1, bar), (2, 0), (1, 0)].into_iter();
        let room = loop {
            let (gap, bar) = rooms.next().unwrap_or((1, 0));
            self.gap = gap;
            let room = self.room(others + bar.max(shortest));
            if room >= usual_name || rooms.len() == 0 {
                break room;
            }
        };
        let fits = |width: &&usize| **width <= room;
        self.widths[0] = names.iter().rev().find(fits).copied().unwrap_or(0);
        if has_bars {
            let room = self.room(others + self.widths[0]).min(LONGEST_BAR);
            self.widths[last] = self.widths[last].max(room);
        }
        // Nothing is cut, even on a screen that is narrower than an address.
        spans.push(((0, last + 1), longest_name));
        self.widen(spans.into_iter());
    }

    /// Widens the last of some columns until they have room for a text over all of them.
    fn widen(&mut self, spans: impl Iterator<Item = ((usize, usize), usize)>) {
        for ((start, end), width) in spans {
            self.widths[end - 1] += width.saturating_sub(self.width_over(start..end));
        }
    }

    /// Returns true if the drawing is no wider than the screen, with every name beside its row.
    pub fn has_room(&self) -> bool {
        let columns = self.widths.len();
        self.measures
            .names
            .last()
            .is_none_or(|width| *width <= self.widths[0])
            && FRAME + self.width_over(0..columns) <= self.screen.width
    }

    /// Returns the width that is left of a line beside so much text, the frame and the gaps.
    fn room(&self, text: usize) -> usize {
        let taken = FRAME + self.gap * (self.widths.len() - 1) + text;
        self.screen.width.saturating_sub(taken)
    }

    /// Returns the width of some columns together.
    pub fn width_over(&self, columns: Range<usize>) -> usize {
        text_width(&self.widths[columns], self.gap)
    }

    /// Parts a row in two if its name does not fit in its column; what is empty is left out.
    pub fn parted(&self, mut row: Row) -> Vec<Row> {
        match row.first_mut() {
            Some(name) if name.columns == 1 && name.width() > self.widths[0] => {
                let name = std::mem::replace(name, Cell::empty());
                let mut rows = vec![vec![name.over(self.widths.len())]];
                if row.iter().any(|cell| cell.width() > 0) {
                    rows.push(row);
                }
                rows
            }
            _ => vec![row],
        }
    }

    /// Tints a text, if the screen has colours.
    pub fn tinted(&self, text: &str, tint: Tint) -> String {
        match tint.color().filter(|_| self.screen.has_colours) {
            Some(color) => color.colorize(text),
            None => text.to_owned(),
        }
    }

    /// Draws a block of rows: below a line, or at the top of the frame.
    pub fn draw(&mut self, out: &mut Vec<u8>, rows: Vec<Row>) {
        let rows = std::mem::replace(&mut self.waiting, rows);
        self.draw_block(out, &rows, false);
    }

    /// Draws the bottom of the frame.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        let rows = std::mem::take(&mut self.waiting);
        self.draw_block(out, &rows, true);
    }

    fn draw_block(&mut self, out: &mut Vec<u8>, rows: &[Row], is_last: bool) {
        if rows.is_empty() {
            return;
        }
        let mut builder = Builder::with_capacity(rows.len(), self.widths.len());
        for row in rows {
            builder.push_record(row.iter().flat_map(|cell| {
                let covered = std::iter::repeat_n(String::new(), cell.columns - 1);
                std::iter::once(cell.text.clone()).chain(covered)
            }));
        }
        let last = self.widths.len() - 1;
        let mut table = builder.build();
        table.with(self.theme(is_last));
        table.with(Padding::new(self.gap, 0, 0, 0));
        table.modify(object::Columns::first(), Padding::new(1, 0, 0, 0));
        table.modify(object::Columns::one(last), Padding::new(self.gap, 1, 0, 0));
        let mut widths = self.widths.clone();
        for (index, row) in rows.iter().enumerate() {
            let mut column = 0;
            for cell in row {
                let position = object::Cell::new(index, column);
                if cell.columns > 1 {
                    table.modify(position, Span::column(cell.columns as isize));
                }
                if cell.side == Side::Right {
                    table.modify(position, Alignment::right());
                }
                if let Some(color) = cell.tint.color().filter(|_| self.screen.has_colours) {
                    table.modify(position, color);
                }
                let end = column + cell.columns;
                // tabled relies on texts not being wider than their columns. A row that was never
                // measured makes its block wider.
                let room = text_width(&widths[column..end], self.gap);
                widths[end - 1] += cell.width().saturating_sub(room);
                column = end;
            }
        }
        let mut widths: Vec<usize> = widths.iter().map(|width| width + self.gap).collect();
        widths[0] -= self.gap - 1;
        widths[last] += 1;
        table.with(WidthList::new(widths));
        out.extend_from_slice(table.to_string().as_bytes());
        out.push(b'\n');
        self.has_begun = true;
    }

    /// Returns the lines around a block: at its sides and above it, and below the last.
    fn theme(&self, is_last: bool) -> Theme {
        let [horizontal, vertical, corners @ ..] = match self.screen.has_unicode {
            true => ['─', '│', '╭', '╮', '├', '┤', '╰', '╯'],
            false => ['-', '|', '+', '+', '+', '+', '+', '+'],
        };
        let above = if self.has_begun { 2 } else { 0 };
        let mut theme = Theme::new();
        theme.set_borders(Borders {
            left: Some(vertical),
            right: Some(vertical),
            top: Some(horizontal),
            top_left: Some(corners[above]),
            top_right: Some(corners[above + 1]),
            bottom: is_last.then_some(horizontal),
            bottom_left: is_last.then_some(corners[4]),
            bottom_right: is_last.then_some(corners[5]),
            ..Borders::empty()
        });
        if let Some(color) = Tint::Faint.color().filter(|_| self.screen.has_colours) {
            theme.set_colors((*theme.get_borders()).map(|_| color.clone()));
        }
        theme
    }
}
