//! Time as states keep it: a second in four bytes. Whatever a source says lies between 1970 and 2106 here.

use ledger::Timestamp;

use crate::event::EventRow;
use crate::pack::{Pack, RestoreError};
use crate::packed;

/// A second since 1970 UTC. What lies before is its first, what lies after 2106 its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Second(u32);

impl Second {
    /// The last one, in 2106.
    pub const LAST: Self = Self(u32::MAX);

    /// The second in which a moment lies, as far as it fits.
    pub fn of(moment: Timestamp) -> Self {
        Self::new(moment.unix_seconds())
    }

    /// A second since 1970 UTC.
    pub fn new(second: i64) -> Self {
        Self(u32::try_from(second.max(0)).unwrap_or(u32::MAX))
    }

    /// The second since 1970 UTC.
    pub fn get(self) -> i64 {
        self.0.into()
    }

    /// Its beginning.
    pub fn begin(self) -> Timestamp {
        Timestamp::from_unix_seconds(self.get())
    }
}

/// When something happened, by its source and by the ledger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moment {
    /// Event time.
    pub time: Second,
    /// When it was recorded.
    pub recorded: Second,
}
packed!(Moment { time, recorded });

impl Moment {
    /// The moment of an event.
    pub fn of(event: &EventRow<'_>) -> Self {
        Self { time: Second::of(event.time()), recorded: Second::of(event.recorded()) }
    }

    /// The beginnings of both seconds.
    pub fn begin(self) -> (Timestamp, Timestamp) {
        (self.time.begin(), self.recorded.begin())
    }
}

impl Pack for Second {
    fn pack(&self, out: &mut Vec<u8>) {
        self.0.pack(out);
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        u32::unpack(input).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_cut_off() {
        let check = |micros: i64, second: i64| {
            let kept = Second::of(Timestamp::from_unix_micros(micros));
            assert_eq!((kept.get(), kept.begin()), (second, Timestamp::from_unix_seconds(second)), "{micros}");
        };
        check(0, 0);
        check(1_999_999, 1);
        check(-1, 0);
        check(i64::MIN, 0);
        check(i64::MAX, u32::MAX.into());
    }
}
