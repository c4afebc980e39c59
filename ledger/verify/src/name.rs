//! The two ledgers of a data directory.

use std::fmt;

/// One of the two ledgers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LedgerName {
    /// What agents did.
    Events,
    /// What Tachograph and its people did.
    Operations,
}

impl LedgerName {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Events, Self::Operations];

    /// The word in paths, origins and keys of inputs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Operations => "operations",
        }
    }

    /// The byte in the header of a WAL file.
    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::Events => 0,
            Self::Operations => 1,
        }
    }

    /// The other one.
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Events => Self::Operations,
            Self::Operations => Self::Events,
        }
    }

    /// The ledger that has this word.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ledger| ledger.as_str() == word)
    }
}

impl fmt::Display for LedgerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
