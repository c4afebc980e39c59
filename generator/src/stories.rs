//! What goes wrong while somebody watches: six stories with their times, their agents, and what should be found in them. Each is told in
//! a file of its own.

mod exfiltration;
mod repeating;
mod slow;
mod spend;
mod waiting;

use serde::Serialize;

use crate::fleet::{Agent, Fleet};
use crate::numbers::Numbers;
use crate::records::{Pace, Teller};
use crate::rhythm::SECOND;
use crate::wire::{Door, Label, Wire};

/// A story.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Story {
    /// A README hides an instruction; the agent reads `.env` and tries to send it away, which the firewall refuses.
    Exfiltration,
    /// The same failing test again and again, and no file changes.
    Repeating,
    /// Agents of one team call the dearest model with far more than they ever did.
    Spend,
    /// Data leaves in the addresses of many small requests that the policy allows.
    SlowExfiltration,
    /// An agent asks for a permission, and nobody answers.
    Waiting,
    /// The second control plane is not heard of any more.
    Silent,
}

/// What a story is about, by which its alerts are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// These agents, by number.
    Agents(&'static [usize]),
    /// What comes by this door.
    Door(Door),
}

/// The last that is heard of the second control plane.
pub(crate) const LAST_WORD: Label = Label { story: Story::Silent, step: "the last lines of coderd-eu" };

impl Story {
    /// All of them, in the order in which they begin.
    pub const ALL: [Self; 6] =
        [Self::Exfiltration, Self::Repeating, Self::Spend, Self::SlowExfiltration, Self::Silent, Self::Waiting];

    /// Its name in the labels.
    pub fn id(self) -> &'static str {
        match self {
            Self::Exfiltration => "exfiltration",
            Self::Repeating => "repeating",
            Self::Spend => "spend",
            Self::SlowExfiltration => "slow_exfiltration",
            Self::Waiting => "waiting",
            Self::Silent => "silent",
        }
    }

    /// What happens, in one line.
    pub fn title(self) -> &'static str {
        match self {
            Self::Exfiltration => "a README hides an instruction: .env is to go to attacker-logger.com",
            Self::Repeating => "the same failing test 46 times, and no file changes",
            Self::Spend => "agents of team web spend many times their usual",
            Self::SlowExfiltration => "data leaves in the addresses of allowed requests, bit by bit",
            Self::Waiting => "an agent asks to run a migration, and nobody answers",
            Self::Silent => "the collector of the second region falls silent",
        }
    }

    /// The second of life after the beginning in which it begins.
    pub fn start_seconds(self) -> i64 {
        match self {
            Self::Exfiltration => 8,
            Self::Repeating => 20,
            Self::Spend => 30,
            Self::SlowExfiltration => 40,
            Self::Silent => 50,
            Self::Waiting => 60,
        }
    }

    /// The rules of which one at least should tell of it.
    pub fn expected(self) -> &'static [&'static str] {
        match self {
            Self::Exfiltration => &["egress.denied_post", "injection.followed"],
            Self::Repeating => &["loop.repeat", "loop.no_progress"],
            Self::Spend => &["spend.rate", "spend.budget"],
            Self::SlowExfiltration => &["egress.slow_post", "egress.new_domain"],
            Self::Waiting => &["agent.stuck"],
            Self::Silent => &["collector.silent"],
        }
    }

    /// What it is about.
    pub fn subject(self) -> Subject {
        match self {
            Self::Exfiltration => Subject::Agents(&[17]),
            Self::Repeating => Subject::Agents(&[33]),
            Self::Spend => Subject::Agents(&[5, 11, 26, 35]),
            Self::SlowExfiltration => Subject::Agents(&[8]),
            Self::Waiting => Subject::Agents(&[21]),
            Self::Silent => Subject::Door(Door::CoderdEu),
        }
    }
}

/// The agents that have a part in a story, by number.
pub(crate) fn cast(fleet: &Fleet) -> Vec<usize> {
    let of = |story: &Story| match story.subject() {
        Subject::Agents(numbers) => numbers,
        Subject::Door(_) => &[],
    };
    let cast = Story::ALL.iter().flat_map(of).copied();
    cast.filter(|number| fleet.agent(*number).is_some()).collect()
}

/// The records of a story; the pace is that of the whole scene. The silence has none of its own.
pub(crate) fn tell(story: Story, fleet: &Fleet, seed: u64, pace: Pace) -> Vec<Wire> {
    let Subject::Agents(numbers) = story.subject() else { return Vec::new() };
    let origin = pace.origin + pace.speed.scale(story.start_seconds() * SECOND);
    let agents = numbers.iter().filter_map(|number| fleet.agent(*number));
    let told = agents.flat_map(|agent: &Agent| {
        let numbers = Numbers::of(seed, story.id(), agent.number as u64);
        let mut teller = Teller::new(agent, numbers, Pace { origin, ..pace });
        match story {
            Story::Exfiltration => exfiltration::tell(&mut teller),
            Story::Repeating => repeating::tell(&mut teller),
            Story::Spend => spend::tell(&mut teller),
            Story::SlowExfiltration => slow::tell(&mut teller),
            Story::Waiting => waiting::tell(&mut teller),
            Story::Silent => {}
        }
        teller.end()
    });
    told.collect()
}
