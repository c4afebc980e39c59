//! The callbacks of one agent to one place, or to all of its rare places together: the intervals between them, what they looked
//! like, and since when they have been regular. Whether intervals are regular is decided in `regular`. Integers only.

use detect_core::packed;
use ledger::Timestamp;
use serde::{Deserialize, Serialize};

use super::interval::Interval;
use super::regular::{self, Fit};
use crate::egress::candidates::Candidate;
use crate::limits::{
    BEAT_GAP, BEAT_PATIENCE, CANDIDATE_IDLE_SECONDS, INTERVALS_MAX, MARKS_MAX, NEWCOMER_SECONDS, PATIENCE_SECONDS,
    VOTES_MAX,
};

/// The callbacks of one agent to one place.
#[derive(Debug, Default, Clone)]
pub struct Rhythm {
    name: u32,
    /// The second of the latest callback; zero if there was none yet.
    time: u32,
    /// The callback from which on they are counted: the first after a long gap, or of those that are regular.
    since: u32,
    /// The paths or places that were asked for, one bit each.
    seen: u16,
    /// Which of the latest callbacks asked for what programs poll, the latest in the lowest bit;
    polls: u16,
    /// and which for a path, or a place, that was not asked for before.
    fresh: u16,
    /// How many of the latest in a row came when the agent had done nothing else for long.
    idle: u8,
    /// Callbacks after `since`.
    beats: u16,
    /// For how many seconds further requests followed the latest callback.
    busy: u8,
    /// How often the place was asked for before it was followed.
    votes: u8,
    /// How many intervals there are, oldest first.
    len: u8,
    intervals: [Interval; INTERVALS_MAX],
}
packed!(Rhythm { name, time, since, seen, polls, fresh, idle, beats, busy, votes, len, intervals });

/// One request, as far as a rhythm is concerned.
#[derive(Debug, Clone, Copy)]
pub struct Callback {
    /// Its second.
    pub time: i64,
    /// Hash of what was asked for.
    pub what: u64,
    /// Whether it asks for what programs poll.
    pub poll: bool,
    /// Whether the agent had done nothing else for long.
    pub idle: bool,
}

/// A regular rhythm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beat {
    /// Which intervals fit.
    #[serde(flatten)]
    pub fit: Fit,
    /// How long they usually are, in seconds.
    pub period: u32,
    /// For how many seconds it has been regular, since the latest long gap.
    pub seconds: i64,
    /// Of how many of the latest it is known what they asked for,
    pub marks: u32,
    /// how many of these asked for what programs poll,
    pub polls: u32,
    /// and how many for something new.
    pub fresh: u32,
    /// How many of the latest in a row came when the agent did nothing else.
    pub idle: u32,
}

/// What came before the latest callback of a rhythm.
#[derive(Debug, Clone, Copy)]
pub struct Since {
    /// How many callbacks,
    pub count: u64,
    /// and when the first of them was.
    pub first: Timestamp,
}

impl Candidate for Rhythm {
    fn name(&self) -> u32 {
        self.name
    }

    fn last(&self) -> i64 {
        i64::from(self.time)
    }

    fn weight(&self) -> u32 {
        u32::from(self.votes) + regular::excess(self.latest(INTERVALS_MAX))
    }

    /// What keeps its rhythm is worth its history; what is long overdue is worth nothing, however long that is.
    fn weight_at(&self, second: i64) -> u32 {
        let pause = second - i64::from(self.time);
        let patience = match regular::median(self.latest(INTERVALS_MAX)) {
            Some(median) if self.len >= KNOWN_INTERVALS => {
                (i64::from(median.seconds()) * BEAT_PATIENCE).clamp(PATIENCE_SECONDS, CANDIDATE_IDLE_SECONDS)
            }
            _ => NEWCOMER_SECONDS,
        };
        let is_due = pause < patience;
        if self.name == TOGETHER {
            u32::MAX
        } else if is_due {
            self.weight()
        } else {
            0
        }
    }
}

/// From so many intervals on it is known how long they usually are.
const KNOWN_INTERVALS: u8 = 3;

/// The name of the rhythm of all rare places together.
pub const TOGETHER: u32 = 0;

impl Rhythm {
    /// No callback yet to a place that was asked for so often before.
    pub fn new(name: u32, votes: u32) -> Self {
        Self { name, votes: votes.min(VOTES_MAX) as u8, ..Self::default() }
    }

    /// Adds a request; says whether it is a callback of its own. What follows a request within `merge_seconds`, or comes late
    /// and out of order, belongs to the latest one: without silence in between there are no callbacks.
    pub fn note(&mut self, callback: Callback, merge_seconds: u32) -> bool {
        // Whatever a source says: seconds of this and the next century.
        let time = callback.time.clamp(1, u32::MAX.into()) as u32;
        let interval = time.saturating_sub(self.time);
        let busy = u32::from(self.busy);
        if self.time == 0 {
            self.since = time;
        } else if interval < busy.saturating_add(merge_seconds) {
            self.busy = u8::try_from(interval.max(busy)).unwrap_or(u8::MAX);
            return false;
        } else if self.busy == u8::MAX {
            // After minutes of traffic whatever rhythm there was is over.
            (self.since, self.beats, self.len) = (time, 0, 0);
        } else {
            self.add(interval, time);
        }
        (self.time, self.busy) = (time, 0);
        self.mark(callback);
        true
    }

    fn add(&mut self, interval: u32, time: u32) {
        let usual = regular::median(self.latest(INTERVALS_MAX)).map(Interval::seconds);
        if usual.is_some_and(|usual| interval > usual.saturating_mul(BEAT_GAP)) {
            (self.since, self.beats) = (time, 0);
        } else {
            self.beats = self.beats.saturating_add(1);
        }
        if usize::from(self.len) < INTERVALS_MAX {
            self.len += 1;
        } else {
            self.intervals.rotate_left(1);
        }
        if let Some(latest) = self.intervals.get_mut(usize::from(self.len) - 1) {
            *latest = Interval::of(interval);
        }
    }

    fn mark(&mut self, callback: Callback) {
        let bit = 1 << (callback.what % u64::from(u16::BITS));
        let is_fresh = self.seen & bit == 0;
        // Once half of the bits are set they say little.
        self.seen = if self.seen.count_ones() > u16::BITS / 2 { bit } else { self.seen | bit };
        self.polls = self.polls << 1 | u16::from(callback.poll);
        self.fresh = self.fresh << 1 | u16::from(is_fresh);
        self.idle = if callback.idle { self.idle.saturating_add(1) } else { 0 };
    }

    /// The rhythm of about the latest `callbacks`, if there are so many and they are regular.
    pub fn beat(&mut self, callbacks: u32) -> Option<Beat> {
        let count = callbacks.saturating_sub(1) as usize;
        let intervals = self.latest(INTERVALS_MAX);
        if intervals.len() < count {
            return None;
        }
        let Some(fit) = regular::fit(intervals, count) else {
            // As long as they are not regular, what may become so begins anew with each.
            let span =
                self.latest(count - 1).iter().fold(0, |sum: u32, interval| sum.saturating_add(interval.seconds()));
            if usize::from(self.beats) >= count {
                (self.since, self.beats) = (self.time.saturating_sub(span), count as u16 - 1);
            }
            return None;
        };
        let seconds = self.time.saturating_sub(self.since);
        let median = regular::median(self.latest(fit.intervals as usize)).map_or(0, Interval::seconds);
        let period = if usize::from(self.beats) < count { median } else { seconds / u32::from(self.beats.max(1)) };
        let marks = fit.intervals.clamp(1, MARKS_MAX);
        let latest = |set: u16| (set & (u16::MAX >> (MARKS_MAX - marks))).count_ones();
        Some(Beat {
            fit,
            period,
            seconds: seconds.into(),
            marks,
            polls: latest(self.polls),
            fresh: latest(self.fresh),
            idle: u32::from(self.idle).min(fit.intervals),
        })
    }

    /// Whether it has a rhythm of its own, or is about to have one.
    pub fn is_settled(&self) -> bool {
        usize::from(self.len) * 2 > INTERVALS_MAX && self.weight() * 2 > u32::from(self.len)
    }

    /// Over how many places or paths its callbacks go, at least.
    pub fn places(&self) -> u32 {
        self.seen.count_ones()
    }

    /// The latest intervals, oldest first.
    fn latest(&self, count: usize) -> &[Interval] {
        let all = self.intervals.get(..usize::from(self.len)).unwrap_or_default();
        all.get(all.len().saturating_sub(count)..).unwrap_or_default()
    }

    /// What came before the latest callback. Positions of earlier ones are not kept.
    pub fn since(&self) -> Since {
        Since { count: u64::from(self.beats), first: Timestamp::from_unix_seconds(self.since.into()) }
    }
}

#[cfg(test)]
mod tests;
