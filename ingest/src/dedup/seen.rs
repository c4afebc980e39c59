//! What is remembered of one record: a fingerprint of its bytes and whether, and where, it is in the ledger.

use ledger::Seq;

/// Bits of a fingerprint that are kept. Two records that differ pass for the same one time in 2^46.
const BODY_BITS: u32 = 46;
const BODY_MASK: u64 = (1 << BODY_BITS) - 1;
const STATE_FREE: u64 = 0;
const STATE_IN_FLIGHT: u64 = 1;
const STATE_DURABLE: u64 = 2;
/// Stands for a row that is not known.
const ROW_UNKNOWN: u32 = u32::MAX;

/// The part of a fingerprint that is kept.
pub(super) const fn trim(body: u64) -> u64 {
    body & BODY_MASK
}

/// One remembered record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SeenRecord {
    /// Fingerprint of the record's bytes, trimmed.
    pub body: u64,
    pub state: State,
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// In the group with this ticket.
    InFlight(u32),
    /// In the ledger, at this row if it is known.
    Durable(Option<Seq>),
}

impl SeenRecord {
    /// Where it is in the ledger.
    pub fn row(self) -> Option<Seq> {
        match self.state {
            State::Durable(row) => row,
            State::InFlight(_) => None,
        }
    }

    /// Packs it into 48 and 32 bits; rows are counted from `base`.
    pub fn pack(self, base: Seq) -> Packed {
        let (state, at) = match self.state {
            State::InFlight(ticket) => (STATE_IN_FLIGHT, ticket),
            State::Durable(row) => (STATE_DURABLE, row.map_or(ROW_UNKNOWN, |row| relative(row, base))),
        };
        Packed { body: (self.body << 2) | state, at }
    }
}

/// A row as a distance from a base that lies near it, to both sides.
fn relative(row: Seq, base: Seq) -> u32 {
    let distance = i128::from(row.get()) - i128::from(base.get()) + (1 << 31);
    u32::try_from(distance).unwrap_or(ROW_UNKNOWN)
}

/// A seen record in 80 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packed {
    /// 46 bits of fingerprint and 2 bits of state.
    pub body: u64,
    pub at: u32,
}

impl Packed {
    /// No record.
    pub const FREE: Self = Self { body: STATE_FREE, at: 0 };

    /// The record, if there is one.
    pub fn unpack(self, base: Seq) -> Option<SeenRecord> {
        let state = match self.body & 3 {
            STATE_IN_FLIGHT => State::InFlight(self.at),
            STATE_DURABLE if self.at == ROW_UNKNOWN => State::Durable(None),
            STATE_DURABLE => State::Durable((base.get() + u64::from(self.at)).checked_sub(1 << 31).map(Seq::new)),
            _ => return None,
        };
        Some(SeenRecord { body: self.body >> 2, state })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn records_round_trip(body: u64, ticket: u32, base in 0u64..1 << 62, distance in -(1i64 << 31)..(1 << 31) - 1) {
            let (row, base) = (base.checked_add_signed(distance).map(Seq::new), Seq::new(base));
            for state in [State::InFlight(ticket), State::Durable(None), State::Durable(row)] {
                let seen = SeenRecord { body: trim(body), state };
                let packed = seen.pack(base);
                prop_assert!(packed.body < 1 << 48);
                prop_assert_eq!(packed.unpack(base), Some(seen));
            }
        }

        #[test]
        fn a_row_far_away_is_unknown_and_not_wrong(body: u64, row: u64, base in 0u64..1 << 62) {
            let (row, base) = (Seq::new(row), Seq::new(base));
            let seen = SeenRecord { body: trim(body), state: State::Durable(Some(row)) };
            let found = seen.pack(base).unpack(base).and_then(SeenRecord::row);
            prop_assert!(found.is_none_or(|found| found == row));
        }
    }
}
