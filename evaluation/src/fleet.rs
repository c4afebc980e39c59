//! A fleet: agents that work for days, and some of them in whose last day an attack hides. What it gives is records in the order
//! in which they arrive, with the truth about each.

use std::collections::BTreeMap;

use crate::corpus::Corpus;
use crate::day::{self, Amount, Origin};
use crate::fault::Fault;
use crate::notation::Work;
use crate::numbers::Numbers;
use crate::people::{self, Agent};
use crate::records::{Record, Teller};

/// 2026-10-05T00:00:00Z, a Monday.
pub const START: i64 = 1_791_158_400;
const DAY_SECONDS: i64 = 86_400;
/// The hour at which the first begin, and within how many seconds all have begun.
const MORNING_SECONDS: (i64, u64) = (7 * 3_600, 3 * 3_600);

/// How large a fleet is.
#[derive(Debug, Clone, Copy)]
pub struct FleetSize {
    /// Agents that only work.
    pub agents: usize,
    /// Days.
    pub days: u32,
    /// Days of ordinary work before the day of an attack.
    pub days_before: u32,
    /// How much ordinary work a day has.
    pub amount: Amount,
    /// What everything follows from.
    pub seed: u64,
}

impl Default for FleetSize {
    /// Three hundred ordinary agent-days of five kinds of work.
    fn default() -> Self {
        Self { agents: 60, days: 5, days_before: 1, amount: Amount { acts: 90, around: 20, around_more: 40 }, seed: 1 }
    }
}

/// What happened, and who tells it.
#[derive(Debug, Default)]
pub struct Fleet {
    /// The agents, by number.
    pub agents: Vec<Agent>,
    /// The agents in whose work an attack hides, with the number of the story.
    pub attacked: BTreeMap<usize, Attack>,
    /// All records in the order of their arrival.
    pub records: Vec<Record>,
    /// Ordinary agent-days of agents that are not attacked.
    pub ordinary_days: u64,
}

/// An attack as it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attack {
    /// The number of the story in the corpus.
    pub story: usize,
    /// The number of the act at which the harm is done, among its agent's.
    pub harm: u32,
}

impl Fleet {
    /// A fleet in which each of these stories happens to an agent of its own.
    pub fn new(corpus: &Corpus, stories: &[usize], size: FleetSize) -> Result<Self, Fault> {
        let mut fleet = Self::default();
        for number in 0..size.agents {
            let work = Work::ALL[number % Work::ALL.len()];
            fleet.add(corpus, people::agent(number, work, size.seed), 0..size.days, None, size)?;
        }
        fleet.ordinary_days = size.agents as u64 * u64::from(size.days);
        for story in stories {
            // Agents keep their numbers, and so all that follows from them, whichever stories are told.
            let agent = people::agent(1_000 + story, corpus.stories[*story].work, size.seed);
            let last = size.days.max(size.days_before + 1);
            fleet.add(corpus, agent, last - 1 - size.days_before..last, Some(*story), size)?;
        }
        fleet.records.sort_by_key(|record| record.micros);
        Ok(fleet)
    }

    fn add(
        &mut self,
        corpus: &Corpus,
        agent: Agent,
        days: std::ops::Range<u32>,
        story: Option<usize>,
        size: FleetSize,
    ) -> Result<(), Fault> {
        let mut numbers = Numbers(size.seed.wrapping_mul(0x1000_0001) ^ ((agent.number as u64 + 7) << 24));
        let mut teller = Teller::new(&agent, size.seed);
        let last = days.end.saturating_sub(1);
        for number in days {
            let (first, spread) = MORNING_SECONDS;
            let start = START + i64::from(number) * DAY_SECONDS + first + numbers.below(spread) as i64;
            let attack = story.filter(|_| number == last);
            let told = attack.map(|story| &corpus.stories[story]);
            let events = day::day(&agent, &corpus.chores, told, start, size.amount, &mut numbers)?;
            if let (Some(story), Some(told)) = (attack, told) {
                let is_harm = |origin: Origin| matches!(origin, Origin::Story(step) if step == told.harm);
                let at = events.iter().rposition(|event| is_harm(event.origin)).unwrap_or_default();
                self.attacked.insert(agent.number, Attack { story, harm: teller.acts() + at as u32 });
            }
            self.records.extend(teller.tell(number, &events));
        }
        drop(teller);
        self.agents.push(agent);
        Ok(())
    }
}
