//! The numbers of one stream: which came, which are waited for.

use detect_core::event::{EventRow, Sighting};
use detect_core::fixed_list::FixedList;
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
    /// What is waited for: nothing in nearly all streams.
    waiting: Option<Box<Waiting>>,
}

/// The holes of a stream. There is at least one.
#[derive(Debug, Default)]
struct Waiting {
    /// Ascending.
    holes: FixedList<Hole, STREAM_HOLES_MAX>,
    /// Whose stream it is.
    names: Kept<Names>,
}

/// Numbers from `from` to `to` that are waited for until `due`.
#[derive(Debug, Clone, Copy, Default)]
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

packed!(Stream { next, waiting });
packed!(Waiting { holes, names });
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
                let new = || Box::new(Waiting { names: names(), ..Waiting::default() });
                self.waiting.get_or_insert_with(new).open(Hole { from: self.next, to: number - 1, due });
            }
            self.next = number.saturating_add(1);
        } else if number == 0 {
            // A source that was started anew counts from zero. What was waited for stays waited for.
            self.next = 1;
        } else if let Some(waiting) = &mut self.waiting {
            waiting.fill(number);
        }
        self.forget_what_came();
        self.due()
    }

    /// When the first hole is due.
    pub fn due(&self) -> Option<i64> {
        let holes = self.waiting.iter().flat_map(|waiting| waiting.holes.as_slice());
        holes.map(|hole| i64::from(hole.due)).min()
    }

    /// Takes the holes out that are due.
    pub fn overdue(&mut self, second: i64) -> Option<(Vec<(u64, u64)>, Names)> {
        let waiting = self.waiting.as_mut()?;
        let (mut due, mut at) = (Vec::new(), 0);
        while let Some(hole) = waiting.holes.as_slice().get(at).copied() {
            if i64::from(hole.due) <= second {
                due.push((hole.from, hole.to));
                waiting.holes.remove(at);
            } else {
                at += 1;
            }
        }
        let names = waiting.names.get();
        self.forget_what_came();
        if due.is_empty() { None } else { Some((due, names?)) }
    }

    fn forget_what_came(&mut self) {
        if self.waiting.as_ref().is_some_and(|waiting| waiting.holes.as_slice().is_empty()) {
            self.waiting = None;
        }
    }
}

impl Waiting {
    fn open(&mut self, hole: Hole) {
        // What came between the two is forgotten; the count of what is missing is then too high by that.
        if self.holes.push(hole).is_none()
            && let Some(last) = self.holes.as_mut_slice().last_mut()
        {
            last.to = last.to.max(hole.to);
        }
    }

    /// Takes a number out of its hole, which may leave two. Of one hole too many the last two are waited for as one.
    fn fill(&mut self, number: u64) {
        let holes = self.holes.as_slice();
        let Some(at) = holes.iter().position(|hole| (hole.from..=hole.to).contains(&number)) else { return };
        let behind: Vec<Hole> = holes.iter().skip(at).copied().collect();
        let Some((hole, later)) = behind.split_first() else { return };
        while self.holes.remove(at).is_some() {}
        if hole.from < number {
            self.open(Hole { to: number - 1, ..*hole });
        }
        if number < hole.to {
            self.open(Hole { from: number + 1, ..*hole });
        }
        for hole in later {
            self.open(*hole);
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
            prop_assert!(stream.overdue(9).is_none() && stream.waiting.is_none());

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
                prop_assert!(stream.waiting.as_ref().is_none_or(|waiting| !waiting.holes.as_slice().is_empty()));
            }
        }
    }
}
