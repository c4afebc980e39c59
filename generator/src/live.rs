//! What happens while somebody watches: ordinary work of many agents without an end, and the stories at their times.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::fleet::{Agent, Fleet};
use crate::numbers::Numbers;
use crate::records::Pace;
use crate::rhythm::SECOND;
use crate::stories::{self, Story};
use crate::wire::{Door, Speed, Wire};
use crate::work;

/// Records in order of time, without an end.
pub struct Live<'a> {
    agents: Vec<&'a Agent>,
    seed: u64,
    start: i64,
    speed: Speed,
    /// When each agent begins its next session, in microseconds of life, and the number of that session.
    next: BinaryHeap<Reverse<(i64, usize, u64)>>,
    /// Records that are told already, by time and by number, which tells apart those of one moment.
    told: BTreeMap<(i64, u64), Wire>,
    count: u64,
    /// From when on the second control plane is silent.
    silent: i64,
}

impl<'a> Live<'a> {
    pub(crate) fn new(fleet: &'a Fleet, seed: u64, start: i64, speed: Speed) -> Self {
        let cast = stories::cast(fleet);
        let agents: Vec<&Agent> =
            fleet.agents().iter().filter(|agent| !cast.contains(&agent.number)).take(fleet.scale().live).collect();
        let next = (0..agents.len()).map(|place| {
            // All are at work within the first seconds.
            let begins = Numbers::of(seed, "first", place as u64).between(0, 14 * SECOND);
            Reverse((begins, place, 0))
        });
        let silent = start + speed.scale(Story::Silent.start_seconds() * SECOND);
        let mut live =
            Self { next: next.collect(), agents, seed, start, speed, told: BTreeMap::new(), count: 0, silent };
        let pace = Pace { origin: start, speed };
        for wire in Story::ALL.iter().flat_map(|story| stories::tell(*story, fleet, seed, pace)) {
            live.add(wire);
        }
        live
    }

    fn add(&mut self, mut wire: Wire) {
        // The last second before the silence is what the story of it is known by.
        if wire.door == Door::CoderdEu && wire.label.is_none() {
            if wire.at >= self.silent {
                return;
            }
            if wire.at >= self.silent - self.speed.scale(8 * SECOND) {
                wire.label = Some(stories::LAST_WORD);
            }
        }
        self.told.insert((wire.at, self.count), wire);
        self.count += 1;
    }

    /// Tells the session that begins next.
    fn begin(&mut self) {
        let Some(Reverse((begins, place, session))) = self.next.pop() else { return };
        let Some(agent) = self.agents.get(place).copied() else { return };
        let number = (agent.number as u64) << 32 | session;
        let mut pauses = Numbers::of(self.seed, "pause", number);
        let pace = Pace { origin: self.start + self.speed.scale(begins), speed: self.speed };
        let told = work::session(agent, Numbers::of(self.seed, "live", number), pace);
        let ended = told.last().map_or(pace.origin, |wire| wire.at);
        for wire in told {
            self.add(wire);
        }
        // How long it took in life is not told: the pause is long enough to stand for what rounding took.
        let took =
            work::SESSION_MAX.min((ended - pace.origin).saturating_mul(SECOND) / self.speed.scale(SECOND).max(1));
        self.next.push(Reverse((begins + took + pauses.between(8 * SECOND, 60 * SECOND), place, session + 1)));
    }
}

impl Iterator for Live<'_> {
    type Item = Wire;

    fn next(&mut self) -> Option<Wire> {
        // Nothing that is told later comes before what begins next.
        while let Some(Reverse((begins, ..))) = self.next.peek() {
            let begins = self.start + self.speed.scale(*begins);
            if self.told.first_key_value().is_some_and(|((at, _), _)| *at < begins) {
                break;
            }
            self.begin();
        }
        self.told.pop_first().map(|(_, wire)| wire)
    }
}
