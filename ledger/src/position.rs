//! The position of a row: which ledger, which shard, which sequence number.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::seq::Seq;

/// One of the two ledgers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerName {
    /// What agents did.
    Events,
    /// What Tachograph and its people did.
    Operations,
}

impl LedgerName {
    /// Both, in the order in which they are opened.
    pub const ALL: [Self; 2] = [Self::Events, Self::Operations];

    /// The word in paths, positions and origins.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Operations => "operations",
        }
    }

    /// The other one.
    #[must_use]
    pub const fn peer(self) -> Self {
        match self {
            Self::Events => Self::Operations,
            Self::Operations => Self::Events,
        }
    }
}

impl fmt::Display for LedgerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a row stands. It prints, and is accepted everywhere, as `events/0/1204331`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The ledger.
    pub ledger: LedgerName,
    /// The shard: one log with one writer.
    pub shard: u32,
    /// The sequence number.
    pub seq: Seq,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.ledger, self.shard, self.seq)
    }
}

/// The text is not a position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a position; a position looks like events/0/1204331")]
pub struct PositionError(String);

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (ledger, rest) = text.split_once('/')?;
            let (shard, seq) = rest.split_once('/')?;
            let ledger = LedgerName::ALL.into_iter().find(|name| name.as_str() == ledger)?;
            let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
            if !digits(shard) || !digits(seq) {
                return None;
            }
            Some(Self { ledger, shard: shard.parse().ok()?, seq: seq.parse().ok()? })
        };
        parse().ok_or_else(|| PositionError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn positions_round_trip(shard: u32, seq: u64, events: bool) {
            let ledger = if events { LedgerName::Events } else { LedgerName::Operations };
            let position = Position { ledger, shard, seq: Seq::new(seq) };
            prop_assert_eq!(position.to_string().parse(), Ok(position));
        }

        #[test]
        fn any_text_is_a_position_or_an_error(text in "\\PC{0,30}") {
            let _ = text.parse::<Position>();
        }
    }

    #[test]
    fn near_misses_are_refused() {
        for text in ["", "events/0", "events/0/", "events/0/-1", "events/+0/1", "event/0/1", "events/0/1/2"] {
            assert!(text.parse::<Position>().is_err(), "{text}");
        }
    }
}
