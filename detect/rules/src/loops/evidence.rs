//! How strongly the latest steps of an agent speak for a standstill.
//!
//! A step that brings nothing adds to the evidence, by how seldom agents come out of steps of its kind: the same call with the
//! same answer says most, a failure that is new says less, waiting says little. A step that brings something (a change that was
//! not made before, something not read before, another answer) takes a third of the evidence away and more; a look that stands
//! alone between steps which bring nothing takes less, since agents that are stuck look around now and then and go on as before.
//! So it matters neither how the steps are worded, nor in which order they come, nor whether they have a period.
//!
//! What a step brings is judged against the latest [`SEEN`] different ones. Failures that are varied are all different, so that
//! they would push out what was read before; so where [`FAILURES_SEEN`] of them are known, the oldest makes room. Calls and answers
//! are known by fifteen bits of their keyed hashes: one of two thousand new steps is taken for one that was seen.

use detect_core::event::EventRow;
use detect_core::failure::Failure;
use detect_core::key::Key;
use detect_core::packed;

use crate::loops::failing;
use crate::loops::progress::{changes_work, talks};
use crate::loops::step::{Step, waits};

/// Different steps that are remembered.
const SEEN: usize = 16;
/// If so many of these failed, the oldest failure makes room for what is new.
const FAILURES_SEEN: usize = 6;
/// The evidence of one step that surely brings nothing.
pub const WHOLE: u16 = 10;
/// What a step that brings something takes away, besides a third of the evidence.
const NEWS: u16 = 6;
/// What a look takes away that stands alone, besides a fifth of the evidence.
const LONE_LOOK: u16 = 3;
/// More evidence changes nothing, so that an agent which comes further is believed within six steps.
const POINTS_MAX: u16 = 150;
/// Waiting alone is never more evidence than this.
const WAITING_MAX: u16 = 50;

/// A known call with its known answer, both successful: a look at what did not change.
const AGAIN: u16 = 9;
/// Another call that gets the answer which an earlier failure got.
const FAILS_ALIKE: u16 = 8;
/// A failure of the class of the one before, with other words.
const FAILS_AS_BEFORE: u16 = 5;
/// A failure that was not seen before: people, too, try a few times.
const FAILS_ANEW: u16 = 4;
/// The same of both kinds, once so many steps failed in a row.
const FAILS_ON: u16 = 8;
const ROW: u8 = 4;
/// A failure after something was changed, or whose answer is another one than before.
const FAILS_OTHERWISE: u16 = 4;
/// A failure of infrastructure, which is not the agent's.
const FAILS_ELSEWHERE: u16 = 3;
/// Another look with an answer that was seen before: a search without a hit.
const LOOKS_ALIKE: u16 = 3;
/// A known call whose answer no source tells.
const UNTOLD: u16 = 3;
/// A look after a pause that the agent makes on purpose.
const WAITED: u16 = 1;

/// What the latest steps say.
#[derive(Debug, Default)]
pub struct Evidence {
    /// The latest different steps, oldest first.
    seen: [Seen; SEEN],
    len: u8,
    /// Part of the hash of the class of the latest failure; zero if the latest step failed in no class.
    class: u8,
    points: u16,
    /// Steps that failed in a row.
    row: u8,
    /// Whether the latest step that says anything brought something.
    further: bool,
    /// Steps without progress since there was no evidence; of them, those that failed and those that were not taken before.
    steps: u16,
    failed: u16,
    varied: u16,
}

/// A step that was taken before: part of the hash of the call and of its answer, each with one bit of something else beside it.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    /// And whether it failed.
    call: u16,
    /// And whether something was changed since: to take it once more is then a check, and no repetition.
    answer: u16,
}

/// The bit beside the hashes.
const FLAG: u16 = 1 << 15;

impl Seen {
    fn new(step: &Step) -> Self {
        Self { call: step.action as u16 & !FLAG | u16::from(step.fails) << 15, answer: step.result as u16 & !FLAG }
    }

    fn is_same_call(self, other: Self) -> bool {
        (self.call ^ other.call) & !FLAG == 0
    }

    fn is_same_answer(self, other: Self) -> bool {
        (self.answer ^ other.answer) & !FLAG == 0
    }

    fn fails(self) -> bool {
        self.call & FLAG != 0
    }

    fn is_outdated(self) -> bool {
        self.answer & FLAG != 0
    }
}

packed!(Evidence { seen, len, class, points, row, further, steps, failed, varied });
packed!(Seen { call, answer });

/// What a step brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worth {
    /// Something new.
    Further,
    /// So much evidence of a standstill; none if it cannot be told.
    Nothing(u16),
}

impl Evidence {
    /// Takes a step; says whether the agent came further with it.
    pub fn take(&mut self, step: &Step, event: &EventRow<'_>) -> bool {
        let seen = Seen::new(step);
        let class = failing::class(event).map_or(0, |class| class_of(class, event));
        // A list that came from a damaged snapshot may say that it is longer than it is.
        let len = usize::from(self.len).min(SEEN);
        let at = self.seen[..len].iter().position(|known| known.is_same_call(seen) && known.is_same_answer(seen));
        let worth = self.judge(step, seen, at, class, event);
        self.class = class;
        self.row = if step.fails { self.row.saturating_add(1) } else { 0 };
        if worth == Worth::Further && step.moves {
            self.seen.iter_mut().for_each(|seen| seen.answer |= FLAG);
        }
        self.remember(seen, at, len);
        match worth {
            // There is nothing to take away, and agents that do well are most of them.
            Worth::Further if self.points == 0 => {}
            Worth::Further if self.further || changes_work(event) => {
                self.points = (self.points * 2 / 3).saturating_sub(NEWS);
            }
            Worth::Further => self.points = (self.points * 4 / 5).saturating_sub(LONE_LOOK),
            Worth::Nothing(points) => {
                self.points = (self.points + points).min(POINTS_MAX);
                self.steps = self.steps.saturating_add(1);
                self.failed = self.failed.saturating_add(u16::from(step.fails));
                self.varied = self.varied.saturating_add(u16::from(at.is_none()));
            }
        }
        if worth != Worth::Nothing(0) {
            self.further = worth == Worth::Further;
        }
        if self.points == 0 {
            self.clear();
        }
        worth == Worth::Further
    }

    fn judge(&self, step: &Step, seen: Seen, at: Option<usize>, class: u8, event: &EventRow<'_>) -> Worth {
        let known = || self.seen[..usize::from(self.len).min(SEEN)].iter();
        let is_known_call = known().any(|known| known.is_same_call(seen));
        let is_outdated = at.is_some_and(|at| self.seen[at].is_outdated());
        if !step.has_result {
            return if is_known_call { Worth::Nothing(UNTOLD) } else { Worth::Further };
        }
        let is_known_answer = known().any(|known| known.is_same_answer(seen) && known.fails() == seen.fails());
        if step.fails {
            let is_elsewhere = event.failure().is_some_and(Failure::is_infrastructure);
            let points = if is_elsewhere {
                FAILS_ELSEWHERE
            } else if at.is_some() {
                if is_outdated { FAILS_OTHERWISE } else { WHOLE }
            } else if is_known_answer {
                FAILS_ALIKE
            } else if is_known_call {
                FAILS_OTHERWISE
            } else if self.row >= ROW {
                FAILS_ON
            } else if class != 0 && class == self.class {
                FAILS_AS_BEFORE
            } else {
                FAILS_ANEW
            };
            return Worth::Nothing(points);
        }
        // What a change echoes is no news: the same change once more was undone in between, or does nothing. But tools that change
        // files show them, too, and what was changed since looks different.
        let again = match (at, event.kind()) {
            (None, "file.write") => known().rfind(|known| known.is_same_call(seen)).map(|known| known.is_outdated()),
            _ => at.map(|_| is_outdated),
        };
        match again {
            Some(_) if waits(event) => Worth::Nothing(if self.points < WAITING_MAX { WAITED } else { 0 }),
            Some(true) => Worth::Nothing(0),
            Some(false) => Worth::Nothing(AGAIN),
            None if talks(event) => Worth::Nothing(0),
            None if is_known_answer && !step.moves => Worth::Nothing(LOOKS_ALIKE),
            None => Worth::Further,
        }
    }

    fn remember(&mut self, seen: Seen, at: Option<usize>, len: usize) {
        let mut failures = self.seen[..len].iter().enumerate().filter(|(_, known)| known.fails());
        let at = match at {
            Some(at) => at,
            None if len < SEEN => {
                self.len = len as u8 + 1;
                self.seen[len] = seen;
                return;
            }
            None => match (failures.next(), failures.count() + 1 >= FAILURES_SEEN) {
                (Some((oldest, _)), true) => oldest,
                _ => 0,
            },
        };
        self.seen[at] = seen;
        self.seen[at..len].rotate_left(1);
    }

    /// The evidence of a standstill, in tenths of a step that surely brought nothing.
    pub fn points(&self) -> u16 {
        self.points
    }

    /// Steps without progress since there was no evidence, and how many of them failed.
    pub fn steps(&self) -> (u16, u16) {
        (self.steps, self.failed)
    }

    /// Whether many of these steps were varied, so that they are no mere repetition.
    pub fn is_varied(&self) -> bool {
        self.varied * 3 >= self.steps
    }

    /// Forgets the evidence, but not what was done.
    pub fn clear(&mut self) {
        (self.points, self.steps, self.failed, self.varied) = (0, 0, 0, 0);
    }
}

/// A number for the class of an error of a kind of call, never zero.
fn class_of(class: &str, event: &EventRow<'_>) -> u8 {
    let of = |text: &str| text.bytes().fold(0, |hash, byte| Key::join(hash, u64::from(byte)));
    (Key::join(of(event.kind()), of(class)) as u8).max(1)
}
