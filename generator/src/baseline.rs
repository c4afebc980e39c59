//! The days before now: a weekday's rhythm of sessions, day by day.

use crate::fleet::{Agent, Fleet};
use crate::numbers::Numbers;
use crate::records::{Pace, Teller};
use crate::rhythm::{DAY, HOUR, Rhythm, SECOND};
use crate::wire::{Speed, Wire};
use crate::work::{self, SESSION_MAX};

/// When work begins on most days, and how long it goes on.
const MORNING: i64 = 8 * HOUR;
const WORKDAY: i64 = 10 * HOUR;
/// The last session ends so long before now.
const QUIET: i64 = 60 * SECOND;
/// Of a hundred agents so many do something on a day at the weekend.
const WEEKEND_PERCENT: u64 = 7;

/// The days, the oldest first.
pub struct Baseline<'a> {
    fleet: &'a Fleet,
    seed: u64,
    rhythm: Rhythm,
    end: i64,
    /// The next day, counted from today, which is 0.
    day: i64,
}

impl<'a> Baseline<'a> {
    pub(crate) fn new(fleet: &'a Fleet, seed: u64, end: i64) -> Self {
        Self { fleet, seed, rhythm: Rhythm::at(end), end, day: -i64::from(fleet.scale().days) }
    }

    /// The calendar that they follow.
    pub fn rhythm(&self) -> Rhythm {
        self.rhythm
    }

    fn work(&self, agent: &Agent, day: i64, wires: &mut Vec<Wire>) {
        // Days are told apart by when they are, so that a longer past begins earlier and is otherwise the same.
        let number = (agent.number as u64) << 32 | (day + (1 << 20)) as u64;
        let mut numbers = Numbers::of(self.seed, "day", number);
        let is_workday = Rhythm::is_workday(day);
        if !is_workday && !numbers.percent(WEEKEND_PERCENT) {
            return;
        }
        let sessions = i64::from(self.fleet.scale().sessions);
        let sessions = if is_workday { numbers.between(sessions - 1, sessions + 2).max(1) } else { 1 };
        let morning = self.rhythm.day(day) + MORNING + numbers.between(0, HOUR);
        let mut teller = Teller::new(agent, numbers.clone(), Pace { origin: morning, speed: Speed::LIFE });
        teller.build(0);
        teller.stop(WORKDAY + SESSION_MAX);
        wires.extend(teller.end().into_iter().filter(|wire| wire.at < self.end - QUIET));
        // Each has a part of the day for itself, so that no two of an agent overlap.
        let part = WORKDAY / sessions;
        for session in 0..sessions {
            let origin = morning + 120 * SECOND + session * part + numbers.between(0, part - SESSION_MAX);
            let numbers = Numbers::of(self.seed, "session", number.rotate_left(7) ^ session as u64);
            let told = work::session(agent, numbers, Pace { origin, speed: Speed::LIFE });
            // A session that would go on now is left out as a whole.
            if told.last().is_some_and(|last| last.at < self.end - QUIET) {
                wires.extend(told);
            }
        }
    }
}

impl Iterator for Baseline<'_> {
    type Item = Vec<Wire>;

    fn next(&mut self) -> Option<Vec<Wire>> {
        if self.day > 0 {
            return None;
        }
        let mut wires = Vec::new();
        for agent in self.fleet.agents() {
            self.work(agent, self.day, &mut wires);
        }
        self.day += 1;
        wires.sort_by_key(|wire| wire.at);
        Some(wires)
    }
}

const _: () = assert!(MORNING + HOUR + WORKDAY + SESSION_MAX < DAY, "a day's work ends before the next day");
