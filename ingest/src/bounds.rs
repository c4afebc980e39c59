//! Which numbers and times can be true: one table for all sources. A value outside of its column's bounds voids itself: the
//! column stays empty, the mark `void:<column>` says so, and the record keeps what was written. Nothing else is lost by it.

use std::ops::RangeInclusive;
use std::sync::LazyLock;

use ledger::column::{Semantics, handle};
use ledger::events::{TABLE, column};

use crate::event::Draft;
use crate::limits::{TIME_AHEAD_MAX, TIME_MIN, bounds_of};

/// Stands in a draft for something that is there and is no whole number: outside of every column's bounds.
pub const NO_NUMBER: i64 = i64::MIN;

/// The columns of numbers that sources state, with their bounds.
static BOUNDS: LazyLock<Vec<(handle::Integer, RangeInclusive<i64>)>> = LazyLock::new(|| {
    let bounded = TABLE.columns.iter().filter_map(|column| match column.semantics {
        Semantics::Number(quantity) => Some((column.as_integer()?, bounds_of(quantity))),
        _ => None,
    });
    bounded.collect()
});

/// Takes out of a draft what cannot be true. `received` is when its bytes arrived, in microseconds since 1970 UTC: an event
/// whose time cannot be is taken to have happened when it was seen.
pub fn enforce(draft: &mut Draft, received: i64) {
    for (handle, bounds) in BOUNDS.iter() {
        if draft.columns.integer(*handle).is_some_and(|value| !bounds.contains(&value)) {
            void(draft, handle.id());
        }
    }
    let latest = received.saturating_add(TIME_AHEAD_MAX.as_micros() as i64);
    let is_possible = |time: i64| (TIME_MIN..=latest).contains(&time);
    for handle in [column::OBSERVED, column::TIME] {
        if draft.columns.time(handle).is_some_and(|time| !is_possible(time)) {
            void(draft, handle.id());
            let seen = draft.columns.time(column::OBSERVED).filter(|_| handle != column::OBSERVED);
            draft.columns.set_time(handle, seen.unwrap_or(received));
        }
    }
}

fn void(draft: &mut Draft, id: u8) {
    draft.columns.remove(id);
    if let Some(column) = TABLE.by_id(id) {
        draft.void(column.name);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use ledger::column::Kind;
    use proptest::prelude::*;

    use super::*;
    use crate::dialect::testing::RECEIVED;

    fn draft(column: handle::Integer, value: i64) -> Draft {
        let mut draft = Draft::default();
        draft.columns.set_integer(column, value);
        enforce(&mut draft, RECEIVED);
        draft
    }

    #[test]
    fn every_number_that_a_source_states_has_bounds() {
        let bounded: HashSet<u8> = BOUNDS.iter().map(|(column, _)| column.id()).collect();
        for column in TABLE.columns.iter().filter(|column| column.kind == Kind::Integer) {
            let is_own = column.semantics == Semantics::Own;
            assert_ne!(bounded.contains(&column.id), is_own, "{}", column.name);
        }
        assert!(BOUNDS.iter().all(|(_, bounds)| !bounds.contains(&NO_NUMBER)));
    }

    #[test]
    fn what_cannot_be_true_voids_itself() {
        for (column, value, is_void) in [
            (column::TOKENS_IN, 0, false),
            (column::TOKENS_IN, 2_000_000, false),
            (column::TOKENS_IN, -1, true),
            (column::TOKENS_OUT, 9_000_000_000_000, true),
            (column::TOKENS_CACHE_READ, i64::MAX, true),
            (column::TOKENS_CACHE_WRITE, NO_NUMBER, true),
            (column::COST_SOURCE_MICROS, 45_000_000_000_000, true),
            (column::COST_SOURCE_MICROS, -5, true),
            (column::DURATION_US, 3_600_000_000, false),
            (column::DURATION_US, -1, true),
            (column::BYTES_OUT, 1 << 60, true),
            (column::BYTES_IN, 5_120, false),
            (column::PORT, 65_535, false),
            (column::PORT, 65_536, true),
            (column::STATUS, 403, false),
            (column::STATUS, -403, true),
            (column::EXIT_CODE, -1, false),
            (column::EXIT_CODE, 0xC000_0005, false),
            (column::EXIT_CODE, 1 << 40, true),
            (column::STREAM_SEQ, 0, false),
            (column::STREAM_SEQ, -1, true),
        ] {
            let draft = draft(column, value);
            assert_eq!(draft.columns.integer(column).is_none(), is_void, "{value} in column {}", column.id());
            let name = TABLE.by_id(column.id()).unwrap().name;
            assert_eq!(draft.marks.contains(&format!("void:{name}")), is_void, "{value} in {name}");
        }
    }

    #[test]
    fn a_time_that_cannot_be_is_when_it_was_seen() {
        let day = 86_400_000_000;
        let check = |(time, observed): (i64, i64), expected: (i64, i64), marks: &[&str]| {
            let mut draft = Draft::default();
            draft.columns.set_time(column::TIME, time);
            draft.columns.set_time(column::OBSERVED, observed);
            enforce(&mut draft, RECEIVED);
            let found = [column::TIME, column::OBSERVED].map(|column| draft.columns.time(column).unwrap());
            assert_eq!((found[0], found[1]), expected, "{time} {observed}");
            assert_eq!(draft.marks, marks, "{time} {observed}");
        };
        let old = RECEIVED - 400 * day;
        check((old, RECEIVED - 5), (old, RECEIVED - 5), &[]);
        check((RECEIVED + 3_600_000_000, RECEIVED), (RECEIVED + 3_600_000_000, RECEIVED), &[]);
        check((RECEIVED + 2 * day, RECEIVED - 5), (RECEIVED - 5, RECEIVED - 5), &["void:time"]);
        check((77, RECEIVED - 5), (RECEIVED - 5, RECEIVED - 5), &["void:time"]);
        check((i64::MIN, i64::MAX), (RECEIVED, RECEIVED), &["void:observed", "void:time"]);
        check((old, 0), (old, RECEIVED), &["void:observed"]);
    }

    proptest! {
        #[test]
        fn nothing_outside_of_the_bounds_is_left(value in any::<i64>(), time in any::<i64>()) {
            for (column, bounds) in BOUNDS.iter() {
                let left = draft(*column, value).columns.integer(*column);
                prop_assert!(left.is_none_or(|left| bounds.contains(&left)));
            }
            let mut draft = Draft::default();
            draft.columns.set_time(column::TIME, time);
            enforce(&mut draft, RECEIVED);
            let left = draft.columns.time(column::TIME).unwrap();
            prop_assert!((TIME_MIN..=RECEIVED + 86_400_000_000).contains(&left));
        }
    }
}
