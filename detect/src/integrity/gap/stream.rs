//! The numbers of one stream: which came, which are waited for.

use ledger::alert::Who;
use ledger::events::column;

use crate::event::{EventRow, Sighting};
use crate::limits::STREAM_HOLES_MAX;
use crate::pack::{Kept, packed};
use crate::scope::{self, OwnedScope, Scope};
use crate::text::bounded;

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
    /// Whose stream it is.
    pub scope: OwnedScope,
    /// Who the alert is about.
    pub who: Who,
    /// The feed.
    pub source: String,
    /// The stream.
    pub stream: String,
}

packed!(Stream { next, holes, names });
packed!(Hole { from, to, due });
packed!(Names { sighting, scope, who, source, stream });

impl Names {
    /// The names that an event carries.
    pub fn of(event: &EventRow<'_>, stream: &str) -> Self {
        Self {
            sighting: event.sighting(),
            scope: Scope::network(event).owned(),
            who: scope::who(event),
            source: bounded(event.text(column::SOURCE).unwrap_or("a source")),
            stream: bounded(stream),
        }
    }
}

impl Stream {
    /// Takes a number; holes that it shows are waited for until `due`. Gives back when the first hole is due.
    pub fn take(&mut self, number: u64, due: i64, names: impl FnOnce() -> Names) -> Option<i64> {
        let due = due as u32;
        if number >= self.next {
            if self.next > 0 && number > self.next {
                self.open(Hole { from: self.next, to: number - 1, due });
                self.names.get_or_insert_with(|| Kept::new(&names()));
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

    fn names() -> Names {
        let position = ledger::Position { ledger: ledger::LedgerName::Events, shard: 0, seq: 0 };
        let rows = crate::fixtures::rows(&[serde_json::json!({"second": 0})]);
        let row = rows.get(0).unwrap();
        let event = EventRow::new(&row, false, crate::fixtures::key());
        let sighting = Sighting { position, time: 0, recorded: 0, backfill: false };
        Names { sighting, ..Names::of(&event, "s") }
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
