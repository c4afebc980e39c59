//! Finds the cycle in the steps of one agent: how often the same steps came round, whatever stands between them.
//!
//! Every step is counted: the third time that the same action gave the same result has the number three. The round that a
//! step closes reaches back to where it came before; how often the cycle came round is the least count of the steps in that
//! round, each divided by how often it stands in it. Steps that are new are noise as long as they are not the majority, and
//! an eighth of the others may be noise as well. A known action with another result is progress and begins everything anew. So
//! is a new step that changes the tree or reads a file; only, what was done before it is still known, since an agent that does
//! and undoes the same change goes in a cycle whose first round is all new.
//!
//! Steps are known by sixteen bits of their keyed hash and actions by twenty, which is enough among so few: one of two thousand new
//! steps is taken for another, which then counts as one more in a cycle, and a cycle takes three rounds; one of thirty thousand
//! actions is, which counts as progress.

use detect_core::event::Sighting;
use detect_core::pack::{Pack, RestoreError, whole_seq};
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
/// Steps whose events are named as evidence: one round of the longest cycle.
const NAMED: usize = 16;

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
    /// How many steps are known, and how many of the latest are kept.
    known_len: u8,
    recent_len: u8,
    began: Option<First>,
    /// In place, since who has an agent has steps: what lies elsewhere takes more memory than its size.
    memory: Memory,
}

/// What is remembered of steps.
#[derive(Debug, Default)]
struct Memory {
    /// At most [`SPAN_MAX`] different ones lie between two rounds.
    known: [Known; SPAN_MAX],
    /// The latest steps, each at its number modulo [`SPAN_MAX`].
    recent: [Recent; SPAN_MAX],
    /// Low halves of the sequence numbers of the latest of them, each at its number modulo [`NAMED`].
    seqs: [u32; NAMED],
}

/// A step that can come again, in one number: bits of the hashes of the step and of what was done; how many steps it was, each with
/// at most a cycle's length to the next; and the low half of the number of the first of these.
#[derive(Debug, Clone, Copy, Default)]
struct Known(u64);

impl Known {
    const COUNT_MAX: u16 = (1 << 12) - 1;

    fn new(hash: u64, action: u64) -> Self {
        Self((hash & 0xffff) << 48 | (action & 0xf_ffff) << 28)
    }

    /// Whether it is this step.
    fn is(self, hash: u64) -> bool {
        self.0 >> 48 == hash & 0xffff
    }

    /// Whether the same was done.
    fn does(self, action: u64) -> bool {
        self.0 >> 28 & 0xf_ffff == action & 0xf_ffff
    }

    fn count(self) -> u16 {
        (self.0 >> 16) as u16 & Self::COUNT_MAX
    }

    fn first(self) -> u16 {
        self.0 as u16
    }

    fn set(&mut self, count: u16, first: u16) {
        self.0 = self.0 >> 28 << 28 | u64::from(count.min(Self::COUNT_MAX)) << 16 | u64::from(first);
    }
}

impl Pack for Known {
    fn pack(&self, out: &mut Vec<u8>) {
        self.0.pack(out);
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        u64::unpack(input).map(Self)
    }
}

/// A step that was taken lately.
#[derive(Debug, Clone, Copy, Default)]
struct Recent {
    /// What passed since the step before: seconds of event time, which may run backwards, and cents that were spent. What does not fit
    /// is cut off: the beginning of a cycle is then told too late, or too cheap.
    time: i16,
    cents: u16,
    /// Seconds of recorded time, in a short form.
    recorded: ShortSpan,
    /// Its place in `known`: as long as it is among the latest steps, it keeps that.
    known: u8,
}

/// Seconds in one byte: exact below 32, above rounded up by at most an eighth, so that nothing lies before what began then.
#[derive(Debug, Clone, Copy, Default)]
struct ShortSpan(u8);

impl ShortSpan {
    /// Shorter ones stand for themselves.
    const EXACT: u32 = 32;

    fn of(seconds: i64) -> Self {
        let seconds = u32::try_from(seconds.max(0)).unwrap_or(u32::MAX);
        if seconds < Self::EXACT {
            return Self(seconds as u8);
        }
        // Four bits of the number, the first of which is always set, and how far they are shifted.
        let shift = seconds.ilog2() - 3;
        let up = seconds.saturating_add((1 << shift) - 1);
        let shift = up.ilog2() - 3;
        Self((Self::EXACT + (shift - 2) * 8 + ((up >> shift) & 7)) as u8)
    }

    fn seconds(self) -> i64 {
        let byte = u32::from(self.0);
        match byte.checked_sub(Self::EXACT) {
            None => byte.into(),
            Some(above) => i64::from(8 + above % 8) << (above / 8 + 2),
        }
    }
}

impl Pack for ShortSpan {
    fn pack(&self, out: &mut Vec<u8>) {
        self.0.pack(out);
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        u8::unpack(input).map(Self)
    }
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

packed!(Recent { time, cents, recorded, known });
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
        let Self { steps, moment, fresh, span, began, .. } = self;
        (*steps, *moment).pack(out);
        (*fresh, *span).pack(out);
        began.pack(out);
        self.known().to_vec().pack(out);
        // Oldest first, as they came.
        let mut recent: Vec<Recent> = self.latest(SPAN_MAX).collect();
        recent.reverse();
        recent.pack(out);
        let mut seqs: Vec<u32> = self.seqs().collect();
        seqs.reverse();
        seqs.pack(out);
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        let ((steps, moment), (fresh, span)) = (Pack::unpack(input)?, Pack::unpack(input)?);
        let began = Pack::unpack(input)?;
        let (known, recent, seqs) =
            (Vec::<Known>::unpack(input)?, Vec::<Recent>::unpack(input)?, Vec::<u32>::unpack(input)?);
        if known.len() > SPAN_MAX
            || recent.len() > SPAN_MAX
            || seqs.len() != recent.len().min(NAMED)
            || recent.iter().any(|recent| usize::from(recent.known) >= known.len())
        {
            return Err(RestoreError::Malformed);
        }
        let (known_len, recent_len) = (known.len() as u8, recent.len() as u8);
        let mut memory = Memory::default();
        memory.known[..known.len()].copy_from_slice(&known);
        for (back, recent) in recent.into_iter().rev().enumerate() {
            memory.recent[place(steps, back, SPAN_MAX)] = recent;
        }
        for (back, seq) in seqs.into_iter().rev().enumerate() {
            memory.seqs[place(steps, back, NAMED)] = seq;
        }
        Ok(Self { steps, moment, fresh, span, known_len, recent_len, began, memory })
    }
}

/// Where the step lies, in a ring of this length, that was taken `back` steps before the one with this number.
fn place(step: u32, back: usize, len: usize) -> usize {
    step.wrapping_sub(back as u32) as usize % len
}

impl Memory {
    /// A place for a step that is not known: that of one which is none of the latest, and whose steps began long ago.
    fn make_room(&self, number: u32) -> usize {
        // What lies where this step will be kept is no more among the latest.
        let latest = (1..SPAN_MAX).map(|back| self.recent[place(number, back, SPAN_MAX)].known);
        let taken = latest.fold(0_u32, |taken, known| taken | 1 << (usize::from(known) % SPAN_MAX));
        let free = (0..SPAN_MAX).filter(|at| taken >> at & 1 == 0);
        free.max_by_key(|at| (number as u16).wrapping_sub(self.known[*at].first())).unwrap_or(0)
    }
}

impl CycleFinder {
    /// Takes the next step; `spent` is what was spent before it.
    pub fn take(&mut self, step: Step, sighting: Sighting, spent: Money) -> Turn {
        let exact = self.known().iter().position(|known| known.is(step.hash));
        let other_result =
            exact.is_none() && step.has_result && self.known().iter().any(|known| known.does(step.action));
        let progress = other_result || (exact.is_none() && step.moves);
        if other_result {
            (self.known_len, self.recent_len) = (0, 0);
            (self.fresh, self.span) = (0, 0);
        }
        if progress {
            self.count_anew();
            self.began = None;
        }
        let (known, gap) = match exact {
            Some(at) => (at, self.gap(at)),
            None => (self.learn(Known::new(step.hash, step.action)), 0),
        };
        self.steps = self.steps.wrapping_add(1);
        let count = self.count(known, gap);
        self.fresh = if count == 1 { self.fresh.saturating_add(1) } else { 0 };
        self.keep(known, sighting, spent);
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

    fn known(&self) -> &[Known] {
        &self.memory.known[..usize::from(self.known_len)]
    }

    /// How many steps ago a known step came before, as the next one is taken; zero if none of the latest is it.
    fn gap(&self, at: usize) -> u8 {
        self.latest(SPAN_MAX).position(|recent| usize::from(recent.known) == at).map_or(0, |back| back as u8 + 1)
    }

    /// Learns what the next step is; says where it stands among what is known.
    fn learn(&mut self, step: Known) -> usize {
        let at = match usize::from(self.known_len) {
            len @ 0..SPAN_MAX => {
                self.known_len += 1;
                len
            }
            _ => self.memory.make_room(self.steps.wrapping_add(1)),
        };
        self.memory.known[at] = step;
        at
    }

    /// Counts the latest step, which came `gap` steps ago before: how often it came with at most a cycle's length in between.
    fn count(&mut self, at: usize, gap: u8) -> u16 {
        let known = &mut self.memory.known[at];
        match (gap, known.count()) {
            (0, _) => known.set(1, self.steps as u16),
            // What cannot be counted any more begins later instead.
            (_, Known::COUNT_MAX) => known.set(Known::COUNT_MAX, known.first().wrapping_add(gap.into())),
            (_, count) => known.set(count + 1, known.first()),
        }
        known.count()
    }

    /// Counts anew, without forgetting what was done.
    fn count_anew(&mut self) {
        let (steps, recent_len) = (self.steps, usize::from(self.recent_len));
        let memory = &mut self.memory;
        for known in &mut memory.known[..usize::from(self.known_len)] {
            known.set(1, known.first());
        }
        // From the oldest on, so that the latest of the same steps is left.
        for back in (0..recent_len).rev() {
            let known = usize::from(memory.recent[place(steps, back, SPAN_MAX)].known) % SPAN_MAX;
            memory.known[known].set(1, steps.wrapping_sub(back as u32) as u16);
        }
    }

    /// Keeps the latest step, which stands at this place among what is known.
    fn keep(&mut self, known: usize, sighting: Sighting, spent: Money) {
        let now = Moment {
            time: Second::of(sighting.time),
            recorded: Second::of(sighting.recorded),
            cents: u32::try_from(spent.as_micros() / 10_000).unwrap_or(u32::MAX),
        };
        let before = std::mem::replace(&mut self.moment, now);
        let shift = now.time.get() - before.time.get();
        let memory = &mut self.memory;
        memory.recent[place(self.steps, 0, SPAN_MAX)] = Recent {
            time: shift.clamp(i64::from(i16::MIN), i64::from(i16::MAX)) as i16,
            cents: u16::try_from(now.cents.saturating_sub(before.cents)).unwrap_or(u16::MAX),
            recorded: ShortSpan::of(now.recorded.get() - before.recorded.get()),
            known: known as u8,
        };
        memory.seqs[place(self.steps, 0, NAMED)] = sighting.position.seq.get() as u32;
        self.recent_len = (self.recent_len + 1).min(SPAN_MAX as u8);
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
        let before = self.seqs().take(since.saturating_add(1)).skip(1);
        let mut evidence: Vec<Seq> = before.map(|half| whole_seq(seq, half)).collect();
        evidence.reverse();
        evidence
    }

    /// The latest steps, newest first, at most so many.
    fn latest(&self, steps_max: usize) -> impl Iterator<Item = Recent> {
        let len = usize::from(self.recent_len).min(steps_max);
        (0..len).map(move |back| self.memory.recent[place(self.steps, back, SPAN_MAX)])
    }

    /// Low halves of the sequence numbers of the latest steps, newest first.
    fn seqs(&self) -> impl Iterator<Item = u32> {
        let len = usize::from(self.recent_len).min(NAMED);
        (0..len).map(move |back| self.memory.seqs[place(self.steps, back, NAMED)])
    }

    /// How often the cycle came round, seen from its latest step, which came `gap` steps ago before.
    fn measure(&mut self, gap: u8) -> u32 {
        let memory = &self.memory;
        // For each of the round's steps that came before: its place, and how often it had come by then.
        let mut round = [(0_u8, 0_u16); SPAN_MAX];
        let (mut len, mut later, mut repeats) = (0, [0_u16; SPAN_MAX], [0_u16; SPAN_MAX]);
        for recent in self.latest(gap.into()) {
            let at = usize::from(recent.known) % SPAN_MAX;
            let count = memory.known[at].count().saturating_sub(later[at]);
            later[at] += 1;
            if count >= 2 {
                repeats[at] += 1;
                round[len] = (at as u8, count);
                len += 1;
            }
        }
        let mut laps = [0_u16; SPAN_MAX];
        for (laps, (at, count)) in laps.iter_mut().zip(&round[..len]) {
            *laps = count / repeats[usize::from(*at)];
        }
        let laps = &mut laps[..len];
        laps.sort_unstable();
        // An eighth of the steps may be noise that came again by chance.
        let least = laps.get(len / 8).map_or(0, |laps| u32::from(*laps));
        // Whatever came so often since the latest step came first must be half of all steps since then, or it is no cycle.
        let own = self.latest(1).next().map_or(0, |recent| usize::from(recent.known) % SPAN_MAX);
        let latest = memory.known[own];
        let extent = u32::from((self.steps as u16).wrapping_sub(latest.first())) + 1;
        let covered = u32::from(latest.count()) * len as u32 / u32::from(repeats[own].max(1));
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
            moment.time = Second::new(moment.time.get() - i64::from(step.time));
            moment.recorded = Second::new(moment.recorded.get() - step.recorded.seconds());
            moment.cents = moment.cents.saturating_sub(step.cents.into());
        }
        First { step: self.steps.wrapping_sub(before as u32), moment }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_in_one_byte_are_never_shorter_than_they_were() {
        for seconds in (0..100).chain((0..32).flat_map(|shift| [(1 << shift) - 1, 1 << shift, (1 << shift) + 1])) {
            let kept = ShortSpan::of(seconds).seconds();
            assert!(kept >= seconds && (kept - seconds) * 8 <= seconds, "{seconds}: {kept}");
            assert!(seconds >= 32 || kept == seconds, "{seconds}: {kept}");
        }
    }

    #[test]
    fn more_rounds_than_are_counted_are_still_a_cycle() {
        let mut finder = CycleFinder::default();
        let step = Step { action: 1, result: 2, hash: 3, has_result: true, moves: false, fails: false };
        for at in 0..20_000 {
            let position = ledger::Position { ledger: ledger::LedgerName::Events, shard: 0, seq: Seq::new(at) };
            let time = Timestamp::from_unix_seconds(at as i64);
            let sighting = Sighting { position, time, recorded: time, backfill: false, sender: 0 };
            let rounds = u32::try_from(at + 1).unwrap().min(Known::COUNT_MAX.into());
            let turn = finder.take(step, sighting, Money::ZERO);
            assert_eq!(turn, Turn::Laps(if rounds < 2 { 0 } else { rounds }), "step {at}");
        }
    }
}
