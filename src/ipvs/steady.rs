//! Dumps of a table that others change meanwhile, made one reading in which no entry is lost or
//! twice.
//!
//! A datagram of a dump is of one moment: the kernel fills it under the lock that changes need. The
//! next one is resumed by counting entries (`ip_vs_genl_dump_services`, `ip_vs_genl_dump_dests`),
//! so a deletion in front of the count loses an entry that nobody touched, an addition there
//! repeats one, and neither is reported. What is lost stood between the last entry of a datagram
//! and the first of the next.
//!
//! So a dump of several datagrams is read a second time, cut at other entries. Where the second one
//! has both neighbours of each cut of the first in the middle of a datagram, it has whatever stood
//! between them at that moment: together the two have every entry that was there all the time. Two
//! dumps cut at the same entries would prove nothing: they can lose the same entry.
//!
//! Entries that come and go meanwhile are in the reading if either dump has them.

#![forbid(unsafe_code)]

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use crate::error::KernelError;

/// The most readings of a changing table. Each try fails only if entries at the cuts come and go.
const MOST_TRIES: usize = 100;

/// The distance of two neighbours from the ends of a datagram at which they are in its middle: so
/// many entries may have moved next to them since.
const MARGIN: usize = 4;

/// The way in which a dump is cut into datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// As the kernel does in a socket that has been read from.
    AsUsual,
    /// At other entries, in one of several ways.
    Shifted(usize),
}

/// The ends of the datagrams of a dump.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Datagrams {
    /// For each one that held entries, the number of entries up to its end.
    ends: Vec<usize>,
    /// The last one had room for another entry: none was left at its moment.
    is_ended: bool,
}

impl Datagrams {
    /// Adds a datagram after which there are `end` entries in all; one without entries is ignored.
    /// `has_room` says that another entry would have fitted.
    pub fn push(&mut self, end: usize, has_room: bool) {
        if end > self.ends.last().copied().unwrap_or(0) {
            self.ends.push(end);
            self.is_ended = has_room;
        }
    }

    /// Returns true if all entries come from one datagram, and it has all that there were.
    fn are_one_moment(&self) -> bool {
        match self.ends[..] {
            [] => true,
            [_] => self.is_ended,
            _ => false,
        }
    }

    /// Returns where the datagram that holds the entry at `place` begins and ends, and true if it
    /// is the last one.
    fn around(&self, place: usize) -> (usize, usize, bool) {
        let index = self.ends.partition_point(|end| *end <= place);
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        let end = self.ends.get(index).copied().unwrap_or(place);
        (start, end, index + 1 >= self.ends.len())
    }
}

/// Replaces `items` by all entries that `dump` reads: each that is there all the time exactly once.
/// `dump` replaces its entries by those of a dump cut in this way.
///
/// # Errors
/// [`KernelError::Unsteady`] where that cannot be proved, and those of `dump`.
pub fn read<T, I: Eq + Hash>(
    items: &mut Vec<T>,
    identity: impl Fn(&T) -> I,
    mut dump: impl FnMut(Cut, &mut Vec<T>) -> Result<Datagrams, KernelError>,
) -> Result<(), KernelError> {
    for shift in 0..MOST_TRIES {
        let datagrams = dump(Cut::AsUsual, items)?;
        if datagrams.are_one_moment() {
            return Ok(());
        }
        let mut second = Vec::new();
        let second_datagrams = dump(Cut::Shifted(shift), &mut second)?;
        let places: HashMap<I, usize> = (second.iter().map(&identity)).zip(0..).collect();
        let place_of = |item: &T| places.get(&identity(item)).copied();
        if is_proved(items, &datagrams, place_of, &second_datagrams) {
            // Mostly nothing has changed. Then both are right, if no entry is there twice.
            let is_each_once = places.len() == second.len();
            if is_each_once && items.iter().map(&identity).eq(second.iter().map(&identity)) {
                return Ok(());
            }
            let mut seen = HashSet::with_capacity(items.len());
            items.append(&mut second);
            items.retain(|item| seen.insert(identity(item)));
            return Ok(());
        }
    }
    Err(KernelError::Unsteady)
}

/// Returns true if each cut of a dump, and its end where that is not certain, is within a datagram
/// of a second one, in which `place_of` finds entries.
fn is_proved<T>(
    items: &[T],
    datagrams: &Datagrams,
    place_of: impl Fn(&T) -> Option<usize>,
    second: &Datagrams,
) -> bool {
    let mut start = 0;
    for (index, &end) in datagrams.ends.iter().enumerate() {
        // An entry that only one of the dumps has is nobody's neighbour.
        let last = items[start..end].iter().rev().find_map(&place_of);
        let next_end = datagrams.ends.get(index + 1);
        let next = next_end.map(|&next_end| items[end..next_end].iter().find_map(&place_of));
        let is_within = match (last, next) {
            (_, None) if datagrams.is_ended => true,
            (Some(last), None) => reaches_the_end(last, second),
            // An addition repeated the entry: nothing was lost.
            (Some(last), Some(Some(next))) if last == next => true,
            (Some(last), Some(Some(next))) => is_in_the_middle(last, next, second),
            (None, _) | (_, Some(None)) => false,
        };
        if !is_within {
            return false;
        }
        start = end;
    }
    true
}

/// Returns true if two entries are in one datagram, in this order, and not at its edges.
fn is_in_the_middle(first: usize, second: usize, datagrams: &Datagrams) -> bool {
    let (start, end, is_last) = datagrams.around(first);
    let is_before = start == 0 || first >= start + MARGIN;
    let is_behind = is_last && datagrams.is_ended || second + MARGIN < end;
    first < second && second < end && is_before && is_behind
}

/// Returns true if the datagram of this entry, which is not at its edge, ends where the table did.
fn reaches_the_end(last: usize, datagrams: &Datagrams) -> bool {
    let (start, _, is_last) = datagrams.around(last);
    is_last && datagrams.is_ended && (start == 0 || last >= start + MARGIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a dump of these datagrams, of which only the last has room.
    fn cut(datagrams: &[&[u32]]) -> (Vec<u32>, Datagrams) {
        let mut all = Datagrams::default();
        let items = datagrams.concat();
        let mut end = 0;
        for (index, datagram) in datagrams.iter().enumerate() {
            end += datagram.len();
            all.push(end, index + 1 == datagrams.len());
        }
        (items, all)
    }

    /// Reads what these dumps, in turn the usual and the second, make one; and how often.
    fn read_of(dumps: &[(Vec<u32>, Datagrams)]) -> (Result<Vec<u32>, KernelError>, usize) {
        let mut items = vec![99];
        let mut asked = 0;
        let outcome = read(
            &mut items,
            |item| *item,
            |cut, items| {
                let expected = match asked % 2 {
                    0 => Cut::AsUsual,
                    _ => Cut::Shifted(asked / 2),
                };
                assert_eq!(cut, expected);
                let (dump, datagrams) = dumps[asked % dumps.len()].clone();
                asked += 1;
                *items = dump;
                Ok(datagrams)
            },
        );
        (outcome.map(|()| items), asked)
    }

    fn range(from: u32, to: u32) -> Vec<u32> {
        (from..to).collect()
    }

    #[test]
    fn one_datagram_with_room_is_a_table() {
        assert_eq!(read_of(&[cut(&[&[3, 1, 2]])]), (Ok(vec![3, 1, 2]), 1));
        assert_eq!(read_of(&[cut(&[])]), (Ok(vec![]), 1));
    }

    #[test]
    fn several_datagrams_are_read_twice() {
        let first = cut(&[&range(0, 20), &range(20, 30)]);
        let second = cut(&[&range(0, 12), &range(12, 30)]);
        assert_eq!(read_of(&[first, second]), (Ok(range(0, 30)), 2));
    }

    #[test]
    fn a_full_datagram_may_not_be_the_end() {
        let mut full = cut(&[&range(0, 20)]);
        full.1.is_ended = false;
        // A deletion in front lost entry 20, the last.
        let second = cut(&[&range(0, 9), &range(9, 21)]);
        assert_eq!(read_of(&[full.clone(), second]), (Ok(range(0, 21)), 2));
        // Which the second dump may not know either.
        let (outcome, asked) = read_of(&[full.clone(), full]);
        assert_eq!((outcome, asked), (Err(KernelError::Unsteady), 200));
    }

    #[test]
    fn what_one_dump_lost_the_other_has_and_what_it_repeated_comes_once() {
        let first = cut(&[&range(0, 20), &range(21, 40), &range(39, 45)]);
        let second = cut(&[&range(0, 10), &range(10, 30), &range(31, 45)]);
        let (read, asked) = read_of(&[first, second]);
        let mut read = read.unwrap();
        read.sort_unstable();
        assert_eq!((read, asked), (range(0, 45), 2));
    }

    #[test]
    fn dumps_that_agree_prove_nothing_where_they_are_cut_alike() {
        let wrong = cut(&[&range(0, 20), &range(21, 40)]);
        let right = cut(&[&range(0, 10), &range(10, 40)]);
        let dumps = [wrong.clone(), wrong.clone(), wrong, right];
        let (read, asked) = read_of(&dumps);
        let mut read = read.unwrap();
        read.sort_unstable();
        assert_eq!((read, asked), (range(0, 40), 4));
    }

    #[test]
    fn neighbours_at_the_edge_of_a_datagram_prove_nothing() {
        let first = || cut(&[&range(0, 20), &range(20, 40)]);
        for (starts, ends, is_proved) in [
            // The last before the cut is 19.
            (15, 40, true),
            (16, 40, false),
            (19, 40, false),
            (20, 40, false),
            // The first behind it is 20.
            (10, 25, true),
            (10, 24, false),
            (10, 21, false),
            (10, 20, false),
        ] {
            let middle = range(starts, ends);
            let second = cut(&[&range(0, starts), &middle, &range(ends, 40)]);
            let asked = read_of(&[first(), second]).1;
            assert_eq!(asked == 2, is_proved, "{starts} to {ends}");
        }
        // The beginning and the end of the table are no edges.
        let small = || cut(&[&range(0, 2), &range(2, 4)]);
        assert_eq!(read_of(&[small(), cut(&[&range(0, 4)])]).1, 2);
    }

    #[test]
    fn an_entry_that_left_is_no_neighbour_of_a_cut() {
        let mut first = range(0, 20);
        first.push(77);
        let first = cut(&[&first, &[78, 20, 21]]);
        let second = cut(&[&range(0, 9), &range(9, 22)]);
        let (read, asked) = read_of(&[first, second]);
        let read: HashSet<_> = read.unwrap().into_iter().collect();
        let expected: HashSet<_> = range(0, 22).into_iter().chain([77, 78]).collect();
        assert_eq!((read, asked), (expected, 2));
    }

    #[test]
    fn neighbours_that_changed_places_prove_nothing() {
        let first = cut(&[&[1, 2, 3], &[4, 5, 6]]);
        let second = cut(&[&[1, 2, 4, 3, 5, 6]]);
        assert_eq!(read_of(&[first, second]).0, Err(KernelError::Unsteady));
    }

    #[test]
    fn a_fault_of_a_dump_is_the_reading_s() {
        let fault = KernelError::Malformed("x");
        let outcome = read(&mut Vec::<u32>::new(), |item| *item, |_, _| Err(fault));
        assert_eq!(outcome, Err(fault));
    }
}
