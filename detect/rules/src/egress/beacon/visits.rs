//! How often an agent asked for a place lately, for all agents and places together in a fixed size: what decides whether a place
//! may take the room of one that is followed. It may say more than there was, never less, until it forgets.
//!
//! A place counts again after a minute, and from a few visits on after ten: who reads a site for an hour has not come sixty times.

use detect_core::key::Key;
use detect_core::pack::{Pack, RestoreError};

use crate::limits::{VISIT_CELLS, VISITS_MAX};

/// Seconds of one unit of the clock of a cell.
const UNIT_SECONDS: i64 = 64;
/// Units after which the clock begins anew: a day and a half.
const UNITS: u16 = 2_048;
/// After so many units without a visit, two thirds of a day and more, half of the visits are forgotten.
const FORGET_UNITS: u16 = 1_024;
/// So many visits count after one unit, further ones after ten.
const QUICK_VISITS: u16 = 2;
const SLOW_UNITS: u16 = 9;

/// Visits by pair of agent and place.
#[derive(Debug)]
pub struct Visits {
    /// In each the unit of the latest visit that counted, and the number of visits; zero if there was none.
    cells: Vec<u16>,
}

impl Default for Visits {
    fn default() -> Self {
        // What is not used yet takes addresses and no memory.
        Self { cells: vec![0; VISIT_CELLS] }
    }
}

impl Visits {
    /// Notes a visit, and says how many there were before.
    pub fn note(&mut self, agent: u64, place: u64, second: i64) -> u32 {
        let hash = Key::join(agent, place);
        let unit = second.div_euclid(UNIT_SECONDS).rem_euclid(UNITS.into()) as u16;
        let places = [hash as usize % VISIT_CELLS, (hash >> 32) as usize % VISIT_CELLS];
        let before = places.map(|at| self.cells.get(at).map_or(0, |cell| visits(*cell, unit)));
        // Of two places the lower one is nearer to the truth, so only that is raised.
        let least = before.into_iter().min().unwrap_or_default();
        for (at, visits) in places.into_iter().zip(before) {
            if let Some(cell) = self.cells.get_mut(at).filter(|_| visits == least) {
                *cell = visited(*cell, unit);
            }
        }
        least.into()
    }
}

/// The visits of a cell that are remembered.
fn visits(cell: u16, unit: u16) -> u16 {
    let count = cell / UNITS;
    if age(cell, unit) >= FORGET_UNITS { count / 2 } else { count }
}

fn visited(cell: u16, unit: u16) -> u16 {
    let count = visits(cell, unit);
    let pause = if count < QUICK_VISITS { 1 } else { SLOW_UNITS };
    if count == 0 || age(cell, unit) >= pause { ((count + 1).min(VISITS_MAX) * UNITS) | unit } else { cell }
}

fn age(cell: u16, unit: u16) -> u16 {
    (unit + UNITS - cell % UNITS) % UNITS
}

impl Pack for Visits {
    fn pack(&self, out: &mut Vec<u8>) {
        let used = || self.cells.iter().enumerate().filter(|(_, cell)| **cell != 0);
        (used().count() as u32).pack(out);
        for (at, cell) in used() {
            (at as u32).pack(out);
            cell.pack(out);
        }
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        let mut visits = Self::default();
        for _ in 0..u32::unpack(input)? {
            let (at, cell) = (u32::unpack(input)?, u16::unpack(input)?);
            *visits.cells.get_mut(at as usize).ok_or(RestoreError::Malformed)? = cell;
        }
        Ok(visits)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixtures;

    fn place(number: u64) -> u64 {
        fixtures::key().hash(&["place", &number.to_string()])
    }

    #[test]
    fn who_returns_every_hour_is_known_amid_hundreds_that_do_not() {
        let mut visits = Visits::default();
        let (mut wrong, mut said) = (0, Vec::new());
        for hour in 0..8 {
            said.push(visits.note(1, place(0), hour * 3_600));
            for number in 0..1_000 {
                let other = place(1 + hour as u64 * 1_000 + number);
                wrong += u32::from(visits.note(1, other, hour * 3_600 + number as i64) > 0);
            }
        }
        assert_eq!(said, (0..8).collect::<Vec<u32>>());
        assert!(wrong <= 80, "{wrong} of 8000 that came once");
        let reader: Vec<u32> = (0..60).map(|minute| visits.note(2, place(0), minute * 60)).collect();
        assert!(reader.last().is_some_and(|visits| *visits <= 9), "{reader:?}");
    }

    proptest! {
        #[test]
        fn a_stored_memory_goes_on_the_same(steps in proptest::collection::vec((0u64..5, 0u64..9, 0i64..90_000), 0..60)) {
            let (mut whole, mut second) = (Visits::default(), 0);
            let mut note = |visits: &mut Visits, (agent, number, gap): (u64, u64, i64)| {
                second += gap;
                visits.note(agent, place(number), second)
            };
            for step in &steps {
                note(&mut whole, *step);
            }
            let mut bytes = Vec::new();
            whole.pack(&mut bytes);
            let loaded = Visits::unpack(&mut bytes.as_slice()).unwrap();
            prop_assert_eq!(whole.cells, loaded.cells);
        }
    }
}
