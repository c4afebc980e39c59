//! The numbers of one stream: which came, which are waited for.

use detect_core::event::{EventRow, Sighting};
use detect_core::pack::{Kept, Pack, RestoreError, pack_text, unpack_text};
use detect_core::packed;
use detect_core::scope::{Named, Scope};
use detect_core::text::cut;
use ledger::events::column;

use crate::limits::STREAM_HOLES_MAX;

/// A stream's counter.
#[derive(Debug, Default)]
pub struct Stream {
    /// The number after the highest that came; 0 before the first.
    next: u64,
    /// Holes below it that are waited for, ascending.
    holes: Vec<Hole>,
    /// Whose stream it is; kept while there are holes.
    names: Option<Kept<Names>>,
}

/// Numbers from `from` to `to` that are waited for until `due`.
#[derive(Debug, Clone, Copy)]
struct Hole {
    from: u64,
    to: u64,
    /// The second, since 1970.
    due: u32,
}

/// What an alert says about a stream.
#[derive(Debug)]
pub struct Names {
    /// The event that showed the first hole.
    pub sighting: Sighting,
    /// Who the alert is about, and whose stream it is.
    pub named: Named,
    /// The feed.
    pub source: String,
    /// The stream.
    pub stream: String,
}

packed!(Stream { next, holes, names });
packed!(Hole { from, to, due });

impl Pack for Names {
    fn pack(&self, out: &mut Vec<u8>) {
        self.sighting.pack(out);
        self.named.pack(out);
        pack_text(Some(&self.source), out);
        pack_text(Some(&self.stream), out);
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        let (sighting, named) = (Pack::unpack(input)?, Pack::unpack(input)?);
        let mut text = || unpack_text(input)?.ok_or(RestoreError::Malformed);
        Ok(Self { sighting, named, source: text()?, stream: text()? })
    }
}

/// Enough room for most names.
const NAMES_BYTES: usize = 512;

impl Names {
    /// Packs the names that an event carries.
    pub fn kept_of(event: &EventRow<'_>, stream: &str) -> Kept<Self> {
        let mut packed = Vec::with_capacity(NAMES_BYTES);
        event.sighting().pack(&mut packed);
        Named::pack_of(event, Scope::network(event), &mut packed);
        pack_text(Some(&cut(event.text(column::SOURCE).unwrap_or("a source"))), &mut packed);
        pack_text(Some(&cut(stream)), &mut packed);
        let mut kept = Kept::default();
        kept.set(&packed);
        kept
    }
}

impl Stream {
    /// Takes a number; holes that it shows are waited for until `due`. Gives back when the first hole is due.
    pub fn take(&mut self, number: u64, due: i64, names: impl FnOnce() -> Kept<Names>) -> Option<i64> {
        let due = due as u32;
        if number >= self.next {
            if self.next > 0 && number > self.next {
                self.open(Hole { from: self.next, to: number - 1, due });
                self.names.get_or_insert_with(names);
            }
            self.next = number.saturating_add(1);
        } else if number == 0 {
            // A source that was started anew counts from zero. What was waited for stays waited for.
            self.next = 1;
        } else {
            self.fill(number);
        }
        if self.holes.is_empty() {
            self.names = None;
        }
        self.due()
    }

    /// When the first hole is due.
    pub fn due(&self) -> Option<i64> {
        self.holes.iter().map(|hole| i64::from(hole.due)).min()
    }

    /// Takes the holes out that are due.
    pub fn overdue(&mut self, second: i64) -> Option<(Vec<(u64, u64)>, Names)> {
        let due: Vec<(u64, u64)> =
            self.holes.iter().filter(|hole| i64::from(hole.due) <= second).map(|hole| (hole.from, hole.to)).collect();
        self.holes.retain(|hole| i64::from(hole.due) > second);
        let names = self.names.as_ref()?.get()?;
        if self.holes.is_empty() {
            self.names = None;
        }
        (!due.is_empty()).then_some((due, names))
    }

    fn open(&mut self, hole: Hole) {
        let full = self.holes.len() >= STREAM_HOLES_MAX;
        match self.holes.last_mut() {
            // What came between the two is forgotten; the count of what is missing is then too high by that.
            Some(last) if full => last.to = last.to.max(hole.to),
            _ => self.holes.push(hole),
        }
    }

    /// Takes a number out of its hole, which may leave two.
    fn fill(&mut self, number: u64) {
        let Some(at) = self.holes.iter().position(|hole| (hole.from..=hole.to).contains(&number)) else { return };
        let hole = self.holes.remove(at);
        if number < hole.to {
            self.holes.insert(at, Hole { from: number + 1, ..hole });
        }
        if hole.from < number {
            self.holes.insert(at, Hole { to: number - 1, ..hole });
        }
        // One hole too many: the last two are waited for as one.
        if self.holes.len() > STREAM_HOLES_MAX
            && let Some(last) = self.holes.pop()
        {
            self.open(last);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names() -> Kept<Names> {
        let rows = crate::fixtures::rows(&[serde_json::json!({"second": 0})]);
        let row = rows.get(0).unwrap();
        let event = EventRow::new(&row, false, crate::fixtures::key());
        Names::kept_of(&event, "s")
    }

    proptest! {
        #[test]
        fn numbers_in_any_order_leave_no_hole_and_one_that_is_left_out_does(
            order in Just((1u64..9).collect::<Vec<_>>()).prop_shuffle(), out in 1usize..7,
        ) {
            let mut stream = Stream::default();
            stream.take(0, 5, names);
            for number in &order {
                stream.take(*number, 5, names);
            }
            prop_assert_eq!(stream.due(), None);
            prop_assert!(stream.overdue(9).is_none() && stream.names.is_none());

            let mut stream = Stream::default();
            stream.take(0, 5, names);
            let highest = order.iter().position(|number| *number == 8).unwrap();
            let missing = if out == highest { order[(out + 1) % 8] } else { order[out] };
            for number in order.iter().filter(|number| **number != missing) {
                stream.take(*number, 5, names);
            }
            prop_assert_eq!(stream.due(), Some(5));
            prop_assert!(stream.overdue(4).is_none());
            prop_assert_eq!(stream.overdue(5).unwrap().0, [(missing, missing)]);
        }

        #[test]
        fn holes_are_bounded(numbers in proptest::collection::vec(0u64..200, 0..200)) {
            let mut stream = Stream::default();
            for number in numbers {
                stream.take(number, 5, names);
                prop_assert!(stream.holes.len() <= STREAM_HOLES_MAX);
            }
        }
    }
}
