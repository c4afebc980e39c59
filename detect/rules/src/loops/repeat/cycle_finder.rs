//! Finds the cycle in the steps of one agent: how often the same steps came round, whatever stands between them.
//!
//! Every step is counted: the third time that the same action gave the same result has the number three. The round that a
//! step closes reaches back to where it came before; how often the cycle came round is the least count of the steps in that
//! round, each divided by how often it stands in it. Steps that are new are noise as long as they are not the majority, and
//! an eighth of the others may be noise as well. A known action with another result is progress and begins everything anew. So
//! is a new step that changes the tree or reads a file; only, what was done before it is still known, since an agent that does
//! and undoes the same change goes in a cycle whose first round is all new.
//!
//! Steps and actions are known by three bytes of their keyed hash, which is enough among so few: once in half a million new
//! steps two meet by chance. Two steps then count as one more in a cycle, which takes three rounds; two actions as progress.

use detect_core::event::Sighting;
use detect_core::pack::{Pack, RestoreError, ShortHash, short_hash, whole_seq};
use detect_core::packed;
use detect_core::second::Second;
use ledger::Seq;
use ledger::Timestamp;
use operations::Money;

use crate::loops::step::Step;

/// The longest cycle in steps, noise included: 16 steps and as many others.
const SPAN_MAX: usize = 32;
/// After so many new steps in a row the agent does something else.
const FRESH_MAX: u8 = 12;

/// The latest steps of one agent.
#[derive(Debug, Default)]
pub struct CycleFinder {
    /// Number of steps so far.
    steps: u32,
    moment: Moment,
    /// New steps in a row.
    fresh: u8,
    /// Length of the cycle when it was last measured.
    span: u8,
    began: Option<First>,
    /// Taken with the first step, as one piece: lists that grow leave holes in memory that nothing fits.
    memory: Option<Box<Memory>>,
}

/// What is remembered of steps.
#[derive(Debug, Default)]
struct Memory {
    /// Steps that can come again: at most [`SPAN_MAX`] different ones lie between two rounds.
    known: [Known; SPAN_MAX],
    known_len: u8,
    /// The latest steps, each at its number modulo [`SPAN_MAX`].
    recent: [Passed; SPAN_MAX],
    /// Their places in `known`, apart from them: a byte beside them would take the room of two.
    places: [u8; SPAN_MAX],
    recent_len: u8,
}

#[derive(Debug, Clone, Copy, Default)]
struct Known {
    hash: ShortHash,
    action: ShortHash,
    /// Low halves of the numbers of its first and its latest step,
    first: u16,
    last: u16,
    /// between which it came so often.
    count: u16,
}

/// A step that was taken lately.
#[derive(Debug, Clone, Copy, Default)]
struct Recent {
    passed: Passed,
    /// Its place in `known`: as long as it is among the latest steps, it keeps that.
    known: u8,
}

#[derive(Debug, Clone, Copy, Default)]
struct Passed {
    /// Low half of its sequence number.
    seq: Half,
    /// What passed since the step before: seconds of event time, which may run backwards, and of recorded time; and what was
    /// spent, in cents. What does not fit is cut off: the beginning of a cycle is then told too late, or too cheap.
    time: i16,
    recorded: u16,
    cents: u16,
}

/// When the latest step was taken.
#[derive(Debug, Clone, Copy, Default)]
struct Moment {
    /// When it happened and was recorded.
    time: Second,
    recorded: Second,
    /// What had been spent, in cents.
    cents: u32,
}

/// Half of a number, in two parts, so that no room is left empty beside it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Half {
    low: u16,
    high: u16,
}
packed!(Half { low, high });

impl Half {
    fn of(seq: Seq) -> Self {
        let whole = seq.get();
        Self { low: whole as u16, high: (whole >> 16) as u16 }
    }

    fn get(self) -> u32 {
        u32::from(self.high) << 16 | u32::from(self.low)
    }
}

/// The first step of the cycle as it is kept: its number, and when it was taken.
#[derive(Debug, Clone, Copy)]
struct First {
    step: u32,
    moment: Moment,
}

/// The first step of the cycle.
#[derive(Debug, Clone, Copy)]
pub struct Began {
    /// Its number.
    pub step: u32,
    /// Its event time.
    pub time: Timestamp,
    /// When it was recorded.
    pub recorded: Timestamp,
    /// What had been spent by then.
    pub spent: Money,
}

packed!(Known { hash, action, first, last, count });
packed!(Recent { passed, known });
packed!(Passed { seq, time, recorded, cents });
packed!(Moment { time, recorded, cents });
packed!(First { step, moment });

/// What a step says about the cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The cycle came round so often; below two there is none.
    Laps(u32),
    /// A known action gave another result, or a new step brought the work further.
    Further,
    /// The agent has left the cycle.
    Elsewhere,
}

impl Pack for CycleFinder {
    fn pack(&self, out: &mut Vec<u8>) {
        let Self { steps, moment, fresh, span, began, memory } = self;
        (*steps, *moment).pack(out);
        (*fresh, *span).pack(out);
        began.pack(out);
        let known = memory.iter().flat_map(|memory| memory.known()).copied();
        known.collect::<Vec<_>>().pack(out);
        let mut recent: Vec<Recent> = self.latest(SPAN_MAX).collect();
        recent.reverse();
        recent.pack(out);
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        let ((steps, moment), (fresh, span)) = (Pack::unpack(input)?, Pack::unpack(input)?);
        let began = Pack::unpack(input)?;
        let (known, recent) = (Vec::<Known>::unpack(input)?, Vec::<Recent>::unpack(input)?);
        if known.len() > SPAN_MAX || recent.len() > SPAN_MAX {
            return Err(RestoreError::Malformed);
        }
        let mut cycle = Self { steps, moment, fresh, span, began, memory: None };
        if !recent.is_empty() {
            let memory = cycle.memory.get_or_insert_default();
            memory.known[..known.len()].copy_from_slice(&known);
            (memory.known_len, memory.recent_len) = (known.len() as u8, recent.len() as u8);
            for (back, recent) in recent.into_iter().rev().enumerate() {
                memory.keep(place(steps, back), recent);
            }
        }
        Ok(cycle)
    }
}

/// Where the step lies that was taken `back` steps before the one with this number.
fn place(step: u32, back: usize) -> usize {
    step.wrapping_sub(back as u32) as usize % SPAN_MAX
}

impl Memory {
    fn keep(&mut self, at: usize, step: Recent) {
        (self.recent[at], self.places[at]) = (step.passed, step.known);
    }

    fn at(&self, at: usize) -> Option<Recent> {
        Some(Recent { passed: *self.recent.get(at)?, known: *self.places.get(at)? })
    }

    fn known(&self) -> &[Known] {
        &self.known[..usize::from(self.known_len)]
    }

    /// Counts a step by its number: its place, how often it came with at most a cycle's length in between, and how long ago it
    /// came before.
    fn count(&mut self, step: Step, number: u32, exact: Option<usize>) -> (u8, u16, u8) {
        let now = number as u16;
        if let Some(at) = exact {
            let known = &mut self.known[at];
            let gap = now.wrapping_sub(known.last);
            let near = usize::from(gap) <= SPAN_MAX;
            (known.count, known.first) = if near { (known.count.saturating_add(1), known.first) } else { (1, now) };
            known.last = now;
            return (at as u8, known.count, if near { gap as u8 } else { 0 });
        }
        let mut at = usize::from(self.known_len);
        if at < SPAN_MAX {
            self.known_len += 1;
        } else {
            // As many others came since the oldest one, so it is no more among the latest steps.
            at = (0..SPAN_MAX).max_by_key(|at| now.wrapping_sub(self.known[*at].last)).unwrap_or(0);
        }
        self.known[at] =
            Known { hash: short_hash(step.hash), action: short_hash(step.action), first: now, last: now, count: 1 };
        (at as u8, 1, 0)
    }

    fn forget(&mut self) {
        (self.known_len, self.recent_len) = (0, 0);
    }

    /// Counts anew, without forgetting what was done.
    fn count_anew(&mut self) {
        for known in &mut self.known[..usize::from(self.known_len)] {
            (known.count, known.first) = (1, known.last);
        }
    }
}

impl CycleFinder {
    /// Takes the next step; `spent` is what was spent before it.
    pub fn take(&mut self, step: Step, sighting: Sighting, spent: Money) -> Turn {
        let (hash, action) = (short_hash(step.hash), short_hash(step.action));
        let memory = self.memory.get_or_insert_default();
        let exact = memory.known().iter().position(|known| known.hash == hash);
        let other_result =
            exact.is_none() && step.has_result && memory.known().iter().any(|known| known.action == action);
        let progress = other_result || (exact.is_none() && step.moves);
        if other_result {
            memory.forget();
            (self.fresh, self.span) = (0, 0);
        }
        if progress {
            memory.count_anew();
            self.began = None;
        }
        self.steps = self.steps.wrapping_add(1);
        let (known, count, gap) = memory.count(step, self.steps, exact);
        self.fresh = if count == 1 { self.fresh.saturating_add(1) } else { 0 };
        let now = Moment {
            time: Second::of(sighting.time),
            recorded: Second::of(sighting.recorded),
            cents: u32::try_from(spent.as_micros() / 10_000).unwrap_or(u32::MAX),
        };
        let before = std::mem::replace(&mut self.moment, now);
        let shift = now.time.get() - before.time.get();
        let passed = (now.recorded.get() - before.recorded.get()).max(0);
        let cents = now.cents.saturating_sub(before.cents);
        let passed = Passed {
            seq: Half::of(sighting.position.seq),
            time: shift.clamp(i64::from(i16::MIN), i64::from(i16::MAX)) as i16,
            recorded: u16::try_from(passed).unwrap_or(u16::MAX),
            cents: u16::try_from(cents).unwrap_or(u16::MAX),
        };
        memory.keep(place(self.steps, 0), Recent { passed, known });
        memory.recent_len = (memory.recent_len + 1).min(SPAN_MAX as u8);
        if progress {
            Turn::Further
        } else if self.fresh == FRESH_MAX {
            // What is known stays known: these steps may be the first round of another cycle.
            self.began = None;
            Turn::Elsewhere
        } else if count >= 2 {
            Turn::Laps(self.measure(gap))
        } else {
            Turn::Laps(0)
        }
    }

    /// Whether the latest step is none of those that are known.
    pub fn is_new(&self) -> bool {
        self.fresh > 0
    }

    /// The first step of the cycle, once it has come round twice.
    pub fn began(&self) -> Option<Began> {
        self.began.map(|First { step, moment }| Began {
            step,
            time: moment.time.begin(),
            recorded: moment.recorded.begin(),
            spent: Money::from_micros(u64::from(moment.cents) * 10_000),
        })
    }

    /// Steps of one round, noise included.
    pub fn span(&self) -> u8 {
        self.span
    }

    /// Steps between a step and the latest one.
    pub fn steps_since(&self, step: u32) -> u32 {
        self.steps.wrapping_sub(step)
    }

    /// Positions of the steps before the latest one, which stands at `seq`.
    pub fn evidence(&self, seq: Seq) -> Vec<Seq> {
        let since = self.began.map_or(SPAN_MAX, |began| self.steps_since(began.step) as usize);
        let before = self.latest(since.saturating_add(1)).skip(1);
        let mut evidence: Vec<Seq> = before.map(|recent| whole_seq(seq, recent.passed.seq.get())).collect();
        evidence.reverse();
        evidence
    }

    /// The latest steps, newest first, at most so many.
    fn latest(&self, steps_max: usize) -> impl Iterator<Item = Recent> {
        let memory = self.memory.as_deref();
        let len = memory.map_or(0, |memory| usize::from(memory.recent_len)).min(steps_max);
        (0..len).filter_map(move |back| memory?.at(place(self.steps, back)))
    }

    /// How often the cycle came round, seen from its latest step, which came `gap` steps ago before.
    fn measure(&mut self, gap: u8) -> u32 {
        let Some(memory) = &self.memory else { return 0 };
        // For each of the round's steps that came before: its place, and how often it had come by then.
        let mut round = Vec::with_capacity(SPAN_MAX);
        let (mut later, mut repeats) = ([0_u16; SPAN_MAX], [0_u32; SPAN_MAX]);
        for recent in self.latest(gap.into()) {
            let at = usize::from(recent.known) % SPAN_MAX;
            let count = memory.known[at].count.saturating_sub(later[at]);
            later[at] += 1;
            if count >= 2 {
                repeats[at] += 1;
                round.push((at, u32::from(count)));
            }
        }
        let mut laps: Vec<u32> = round.into_iter().map(|(at, count)| count / repeats[at]).collect();
        laps.sort_unstable();
        // An eighth of the steps may be noise that came again by chance.
        let least = laps.get(laps.len() / 8).copied().unwrap_or(0);
        // Whatever came so often since the latest step came first must be half of all steps since then, or it is no cycle.
        let own = usize::from(memory.places[place(self.steps, 0)]) % SPAN_MAX;
        let latest = memory.known[own];
        let extent = u32::from((self.steps as u16).wrapping_sub(latest.first)) + 1;
        let covered = u32::from(latest.count) * laps.len() as u32 / repeats[own].max(1);
        let laps = if covered * 2 < extent { 0 } else { least };
        if laps < 2 {
            self.began = None;
        } else if self.began.is_none() {
            self.began = Some(self.first(2 * usize::from(gap)));
        }
        self.span = gap;
        laps
    }

    /// The first of the latest `window` steps.
    fn first(&self, window: usize) -> First {
        let mut moment = self.moment;
        let before = self.latest(window).skip(1).count();
        // From the latest step back to the first: what passed before a step is kept with it.
        for step in self.latest(before) {
            moment.time = Second::new(moment.time.get() - i64::from(step.passed.time));
            moment.recorded = Second::new(moment.recorded.get() - i64::from(step.passed.recorded));
            moment.cents = moment.cents.saturating_sub(step.passed.cents.into());
        }
        First { step: self.steps.wrapping_sub(before as u32), moment }
    }
}
