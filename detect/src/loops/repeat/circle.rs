//! Finds the circle in the steps of one agent: how often the same steps came round, whatever stands between them.
//!
//! Every step is counted: the third time that the same action gave the same result has the number three. The round that a
//! step closes reaches back to where it came before; how often the circle came round is the least count of the steps in that
//! round, each divided by how often it stands in it. Steps that are new are noise as long as they are not the majority, and
//! an eighth of the others may be noise as well. A known action with another result is progress and begins everything anew.
//!
//! Steps are known by half of their keyed hash, which is enough: two that meet by chance count as one step more in a circle,
//! and a circle takes three rounds.

use std::collections::VecDeque;

use crate::event::Sighting;
use crate::loops::step::Step;
use crate::pack::packed;

/// The longest circle in steps, noise included: 16 steps and as many others.
const SPAN_MAX: usize = 32;
/// After so many new steps in a row the agent does something else.
const FRESH_MAX: u8 = 12;

/// The latest steps of one agent.
#[derive(Debug, Default)]
pub struct Circle {
    /// Number of steps so far.
    steps: u32,
    /// Sequence number of the latest one.
    seq: u64,
    moment: Moment,
    /// New steps in a row.
    fresh: u8,
    /// Length of the circle when it was last measured.
    span: u8,
    /// Steps that can come again: at most [`SPAN_MAX`] different ones lie between two rounds.
    known: Vec<Known>,
    /// The latest steps, oldest first.
    recent: VecDeque<Recent>,
    began: Option<Began>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    mark: Half,
    action: Half,
    /// Low halves of the numbers of its first and its latest step,
    first: u16,
    last: u16,
    /// between which it came so often.
    count: u16,
}

#[derive(Debug, Clone, Copy)]
struct Recent {
    /// Low half of its sequence number.
    seq: Half,
    /// What passed since the step before: seconds of event time, which may run backwards, and of recorded time; and what was
    /// spent, in cents. What does not fit is cut off: the beginning of a circle is then told too late, or too cheap.
    time: i16,
    recorded: u16,
    cents: u16,
    count: u16,
    /// Its place in `known`: as long as it is among the latest steps, it keeps that.
    known: u8,
    /// Steps since it came before.
    gap: u8,
}

/// When the latest step was taken.
#[derive(Debug, Clone, Copy, Default)]
struct Moment {
    /// The seconds, since 1970, in which it happened and was recorded.
    time: u32,
    recorded: u32,
    /// What had been spent, in cents.
    cents: u32,
}

/// Half of a hash or a number, in two parts, so that no room is left empty beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Half {
    low: u16,
    high: u16,
}
packed!(Half { low, high });

impl Half {
    fn of(whole: u64) -> Self {
        Self { low: whole as u16, high: (whole >> 16) as u16 }
    }

    fn get(self) -> u32 {
        u32::from(self.high) << 16 | u32::from(self.low)
    }
}

/// The first step of the circle.
#[derive(Debug, Clone, Copy)]
pub struct Began {
    /// Its number.
    pub step: u32,
    /// Its event time.
    pub time: i64,
    /// When it was recorded.
    pub recorded: i64,
    /// What had been spent by then, in micro-USD.
    pub spent: u64,
}

packed!(Circle { steps, seq, moment, fresh, span, known, recent, began });
packed!(Known { mark, action, first, last, count });
packed!(Recent { seq, time, recorded, cents, count, known, gap });
packed!(Moment { time, recorded, cents });
packed!(Began { step, time, recorded, spent });

/// What a step says about the circle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The circle came round so often; below two there is none.
    Laps(u32),
    /// A known action gave another result.
    Progress,
    /// The agent has left the circle.
    Elsewhere,
}

impl Circle {
    /// Takes the next step; `spent` is what was spent before it, in micro-USD.
    pub fn take(&mut self, step: Step, sighting: Sighting, spent: u64) -> Turn {
        let (mark, action) = (Half::of(step.hash), Half::of(step.action));
        let exact = self.known.iter().position(|known| known.mark == mark);
        let progress = exact.is_none() && step.has_result && self.known.iter().any(|known| known.action == action);
        if progress {
            self.forget();
        }
        self.steps = self.steps.wrapping_add(1);
        let (known, count, gap) = self.count(step, exact.filter(|_| !progress));
        self.fresh = if count == 1 { self.fresh.saturating_add(1) } else { 0 };
        if self.recent.capacity() == 0 {
            // Lists that grow step by step leave holes in memory that nothing fits; all agents' lists grow to the same size.
            self.recent.reserve_exact(SPAN_MAX);
            self.known.reserve_exact(SPAN_MAX);
        } else if self.recent.len() == SPAN_MAX {
            self.recent.pop_front();
        }
        let second = |micros: i64| u32::try_from(micros.div_euclid(1_000_000).max(0)).unwrap_or(u32::MAX);
        let now = Moment {
            time: second(sighting.time),
            recorded: second(sighting.recorded),
            cents: u32::try_from(spent / 10_000).unwrap_or(u32::MAX),
        };
        let before = std::mem::replace(&mut self.moment, now);
        let passed = |now: u32, before: u32| u16::try_from(now.saturating_sub(before)).unwrap_or(u16::MAX);
        let shift = i64::from(now.time) - i64::from(before.time);
        self.seq = sighting.position.seq;
        self.recent.push_back(Recent {
            seq: Half::of(sighting.position.seq),
            time: shift.clamp(i64::from(i16::MIN), i64::from(i16::MAX)) as i16,
            recorded: passed(now.recorded, before.recorded),
            cents: passed(now.cents, before.cents),
            count,
            known,
            gap,
        });
        if progress {
            Turn::Progress
        } else if self.fresh == FRESH_MAX {
            // What is known stays known: these steps may be the first round of another circle.
            self.began = None;
            Turn::Elsewhere
        } else if count >= 2 {
            Turn::Laps(self.measure(gap))
        } else {
            Turn::Laps(0)
        }
    }

    /// The first step of the circle, once it has come round twice.
    pub fn began(&self) -> Option<Began> {
        self.began
    }

    /// Steps of one round, noise included.
    pub fn span(&self) -> u8 {
        self.span
    }

    /// Steps between a step and the latest one.
    pub fn steps_since(&self, step: u32) -> u32 {
        self.steps.wrapping_sub(step)
    }

    /// Positions of the steps before the latest one.
    pub fn evidence(&self) -> Vec<u64> {
        let before = self.recent.len().saturating_sub(1);
        let first = self.began.map_or(0, |began| before.saturating_sub(self.steps_since(began.step) as usize));
        self.recent
            .iter()
            .take(before)
            .skip(first)
            .map(|recent| self.seq - u64::from((self.seq as u32).wrapping_sub(recent.seq.get())))
            .collect()
    }

    fn forget(&mut self) {
        self.known.clear();
        self.recent.clear();
        (self.began, self.fresh, self.span) = (None, 0, 0);
    }

    /// Counts the step: its place, how often it came with at most a circle's length in between, and how long ago it came before.
    fn count(&mut self, step: Step, exact: Option<usize>) -> (u8, u16, u8) {
        let now = self.steps as u16;
        if let Some(at) = exact {
            let known = &mut self.known[at];
            let gap = now.wrapping_sub(known.last);
            let near = usize::from(gap) <= SPAN_MAX;
            (known.count, known.first) = if near { (known.count.saturating_add(1), known.first) } else { (1, now) };
            known.last = now;
            return (at as u8, known.count, if near { gap as u8 } else { 0 });
        }
        let new = Known { mark: Half::of(step.hash), action: Half::of(step.action), first: now, last: now, count: 1 };
        let mut at = self.known.len();
        if at < SPAN_MAX {
            self.known.push(new);
        } else {
            // As many others came since the oldest one, so it is no more among the latest steps.
            at = (0..SPAN_MAX).max_by_key(|at| now.wrapping_sub(self.known[*at].last)).unwrap_or(0);
            self.known[at] = new;
        }
        (at as u8, 1, 0)
    }

    /// How often the circle came round, seen from its latest step, which came `gap` steps ago before.
    fn measure(&mut self, gap: u8) -> u32 {
        let span = usize::from(gap);
        let repeats = |known: u8| self.repeated(span).filter(|recent| recent.known == known).count() as u32;
        let mut laps: Vec<u32> =
            self.repeated(span).map(|recent| u32::from(recent.count) / repeats(recent.known)).collect();
        laps.sort_unstable();
        // An eighth of the steps may be noise that came again by chance.
        let least = laps.get(laps.len() / 8).copied().unwrap_or(0);
        // Whatever came so often since the latest step came first must be half of all steps since then, or it is no circle.
        let (count, extent) = self.latest();
        let own = self.recent.back().map_or(1, |recent| repeats(recent.known)).max(1);
        let covered = count * laps.len() as u32 / own;
        let laps = if covered * 2 < extent { 0 } else { least };
        if laps < 2 {
            self.began = None;
        } else if self.began.is_none() {
            self.begin(2 * span);
        }
        self.span = gap;
        laps
    }

    /// How often the latest step came, and over how many steps.
    fn latest(&self) -> (u32, u32) {
        let now = self.steps as u16;
        let latest = self.known.iter().find(|known| known.last == now);
        latest.map_or((0, 0), |known| (u32::from(known.count), u32::from(now.wrapping_sub(known.first)) + 1))
    }

    /// The latest steps that came before, of the latest `window` ones.
    fn repeated(&self, window: usize) -> impl Iterator<Item = &Recent> {
        self.recent.iter().rev().take(window).filter(|recent| recent.count >= 2)
    }

    fn begin(&mut self, window: usize) {
        let back = window.min(self.recent.len()).max(1);
        // From the latest step back to the first: what passed before a step is kept with it.
        let since = self.recent.iter().rev().take(back - 1);
        let (mut time, mut recorded, mut cents) =
            (i64::from(self.moment.time), i64::from(self.moment.recorded), u64::from(self.moment.cents));
        for step in since {
            time -= i64::from(step.time);
            recorded -= i64::from(step.recorded);
            cents = cents.saturating_sub(u64::from(step.cents));
        }
        self.began = Some(Began {
            step: self.steps.wrapping_sub(back as u32 - 1),
            time: time * 1_000_000,
            recorded: recorded * 1_000_000,
            spent: cents * 10_000,
        });
    }
}
