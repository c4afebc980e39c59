//! An agent's day: sessions of ordinary work, and the attack that hides in one of them.

use crate::fault::Fault;
use crate::notation::{self, Act, Chore, Story, Timed};
use crate::numbers::Numbers;
use crate::people::Agent;
use crate::values::Values;

/// Acts after which a session ends, at least.
const SESSION_ACTS: u64 = 28;
/// The most seconds between two chores.
const PAUSE_SECONDS: u64 = 150;
/// The most seconds between two sessions.
const BREAK_SECONDS: u64 = 2_400;

/// What is done and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Seconds since 1970 UTC.
    pub second: i64,
    /// The session of the day, from 0.
    pub session: u32,
    /// What belongs to what.
    pub origin: Origin,
    /// What is done.
    pub doing: Doing,
}

/// What an event belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Ordinary work: the number of the chore.
    Chore(usize),
    /// An attack: its step, from 1.
    Story(usize),
    /// The session itself.
    Session,
}

/// An act, or what frames it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doing {
    /// A session starts.
    Start,
    /// A session ends.
    End,
    /// Something is done.
    Act(Act),
}

/// How much ordinary work a day has.
#[derive(Debug, Clone, Copy)]
pub struct Amount {
    /// Acts of a day, at least.
    pub acts: u64,
    /// Acts before and after an attack, at least,
    pub around: u64,
    /// and how many more there may be.
    pub around_more: u64,
}

/// A day that is being made.
struct Day<'a> {
    agent: &'a Agent,
    chores: &'a [Chore],
    numbers: &'a mut Numbers,
    second: i64,
    session: u32,
    acts_in_session: u64,
    events: Vec<Event>,
}

/// The day of an agent from this second on, and an attack in it if there is one.
pub fn day(
    agent: &Agent,
    chores: &[Chore],
    story: Option<&Story>,
    start: i64,
    amount: Amount,
    numbers: &mut Numbers,
) -> Result<Vec<Event>, Fault> {
    let mut day = Day { agent, chores, numbers, second: start, session: 0, acts_in_session: 0, events: Vec::new() };
    day.start();
    let Some(story) = story else {
        day.work(amount.acts)?;
        day.end();
        return Ok(day.events);
    };
    let before = amount.around + day.numbers.below(amount.around_more);
    day.work(before)?;
    day.attack(story)?;
    let after = amount.around + day.numbers.below(amount.around_more);
    day.work(after.max(amount.acts.saturating_sub(before)))?;
    day.end();
    Ok(day.events)
}

impl Day<'_> {
    fn start(&mut self) {
        self.push(Origin::Session, Doing::Start);
        self.acts_in_session = 0;
        self.second += 2;
    }

    fn end(&mut self) {
        self.second += 3;
        self.push(Origin::Session, Doing::End);
        self.session += 1;
    }

    fn push(&mut self, origin: Origin, doing: Doing) {
        self.events.push(Event { second: self.second, session: self.session, origin, doing });
    }

    /// So many acts of ordinary work at least.
    fn work(&mut self, acts: u64) -> Result<(), Fault> {
        let mut done = 0;
        while done < acts {
            let Some(number) = self.draw_chore() else { return Ok(()) };
            let chore = &self.chores[number];
            let told = self.tell(&chore.name, &chore.choose, &chore.encode, &chore.steps)?;
            let count = told.len() as u64;
            for timed in told {
                // People and models take other times each time.
                let spread = timed.after * (70 + self.numbers.below(80) as i64) / 100;
                self.second += spread.max(1);
                self.push(Origin::Chore(number), Doing::Act(timed.act));
            }
            (done, self.acts_in_session) = (done + count, self.acts_in_session + count);
            self.second += 5 + self.numbers.below(PAUSE_SECONDS) as i64;
            if self.acts_in_session >= SESSION_ACTS + self.numbers.below(SESSION_ACTS) {
                self.end();
                self.second += 60 + self.numbers.below(BREAK_SECONDS) as i64;
                self.start();
            }
        }
        Ok(())
    }

    fn attack(&mut self, story: &Story) -> Result<(), Fault> {
        for timed in self.tell(&story.name, &story.choose, &story.encode, &story.steps)? {
            self.second += timed.after;
            self.push(Origin::Story(timed.step), Doing::Act(timed.act));
        }
        self.second += 20;
        Ok(())
    }

    fn tell(
        &mut self,
        name: &str,
        choose: &std::collections::BTreeMap<String, Vec<String>>,
        encode: &std::collections::BTreeMap<String, (String, String)>,
        steps: &[notation::Step],
    ) -> Result<Vec<Timed>, Fault> {
        let values = Values::of(self.agent, choose, encode, self.numbers)
            .map_err(|message| Fault::Script { script: name.to_owned(), message })?;
        Ok(notation::acts(steps, &values, self.numbers))
    }

    /// A chore of the agent's kind of work, by weight. Now and then everybody does what others mostly do.
    fn draw_chore(&mut self) -> Option<usize> {
        let any = self.numbers.below(12) == 0;
        let is_own = |chore: &Chore| any || chore.work.contains(&self.agent.work);
        let total: u64 = self.chores.iter().filter(|chore| is_own(chore)).map(|chore| chore.weight).sum();
        let mut left = self.numbers.below(total);
        for (number, chore) in self.chores.iter().enumerate() {
            if any || chore.work.contains(&self.agent.work) {
                if left < chore.weight {
                    return Some(number);
                }
                left -= chore.weight;
            }
        }
        None
    }
}
