//! Sequence numbers: where an entry stands in its ledger. Sizes, counts and offsets are plain numbers.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The number of an entry in one shard of a ledger: from 0, without gaps. As a cursor it is the entry that is read next, so it
/// is also how many stand before it.
///
/// Sequence numbers are not added: an entry has a next one, and between two lie so many entries. In records and JSON it is a
/// plain number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
#[repr(transparent)]
pub struct Seq(u64);

impl Seq {
    /// That of the first entry.
    pub const FIRST: Self = Self(0);
    /// After everything.
    pub const MAX: Self = Self(u64::MAX);

    /// The entry with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[inline]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The entry that follows.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The entry so many further on.
    #[must_use]
    pub const fn skip(self, entries: u64) -> Self {
        Self(self.0.saturating_add(entries))
    }

    /// The entry so many before, or the first.
    #[must_use]
    pub const fn back(self, entries: u64) -> Self {
        Self(self.0.saturating_sub(entries))
    }

    /// How many entries lie from another one up to this one, which is not counted; none if it comes first.
    #[inline]
    pub const fn distance_from(self, other: Self) -> u64 {
        self.0.saturating_sub(other.0)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for Seq {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_lies_before_the_first_or_after_the_last() {
        assert_eq!((Seq::MAX.next(), Seq::MAX.skip(7), Seq::FIRST.back(7)), (Seq::MAX, Seq::MAX, Seq::FIRST));
        assert_eq!((Seq::FIRST.distance_from(Seq::MAX), Seq::MAX.distance_from(Seq::FIRST)), (0, u64::MAX));
        assert_eq!((Seq::new(7).distance_from(Seq::new(4)), Seq::new(4).skip(3)), (3, Seq::new(7)));
    }

    proptest! {
        #[test]
        fn it_round_trips(number: u64) {
            let seq = Seq::new(number);
            let text = serde_json::to_string(&seq).unwrap();
            prop_assert_eq!(&text, &number.to_string());
            prop_assert_eq!(serde_json::from_str::<Seq>(&text).unwrap(), seq);
            prop_assert_eq!(seq.to_string().parse(), Ok(seq));
            prop_assert_eq!(seq.next().back(1), if number == u64::MAX { seq.back(1) } else { seq });
        }
    }
}
