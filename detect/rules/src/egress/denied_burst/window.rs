//! The latest refusals of one agent and what they look like together. Pure counting: words stand in the case.

use std::collections::BTreeSet;

use detect_core::episode::Before;
use detect_core::pack::whole_seq;
use detect_core::packed;
use detect_core::second::Second;
use ledger::Seq;
use ledger::Timestamp;
use serde::{Deserialize, Serialize};

/// One refused request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Refusal {
    /// Event time.
    pub time: Timestamp,
    /// Where it stands.
    pub seq: Seq,
    /// Hash of host and port.
    pub target: u32,
    /// Hash of method and path.
    pub path: u32,
}

/// The latest refusals of one agent, oldest first.
#[derive(Debug, Default)]
pub struct Window {
    latest: Box<[Kept]>,
    /// How many of them there are, from the first.
    len: u8,
    /// The latest of their seconds.
    newest: Second,
    /// How many refusals there were in all, and the second of the first.
    total: u32,
    since: u32,
}
packed!(Window { latest, len, newest, total, since });

/// A refusal as it is kept: by how many seconds it lies before the newest, half of its sequence number and halves of the hashes,
/// which are enough to tell a few refusals apart.
#[derive(Debug, Clone, Copy, Default)]
struct Kept {
    /// [`LONG_AGO`] stands for so many and more.
    age: u16,
    /// The upper half of the half first: as one number it would take room up to the next.
    seq: [u16; 2],
    target: u16,
    path: u16,
}
packed!(Kept { age, seq, target, path });

/// No window is so long.
const LONG_AGO: u16 = u16::MAX;

impl Kept {
    fn of(refusal: Refusal, newest: Second) -> Self {
        let Refusal { time, seq, target, path } = refusal;
        let seq = seq.get() as u32;
        let age = newest.get() - Second::of(time).get();
        Self {
            age: u16::try_from(age).unwrap_or(LONG_AGO),
            seq: [(seq >> 16) as u16, seq as u16],
            target: target as u16,
            path: path as u16,
        }
    }

    fn seq(self) -> u32 {
        let [upper, lower] = self.seq;
        u32::from(upper) << 16 | u32::from(lower)
    }

    /// Counts its age from a moment so much later. What was long ago stays so.
    fn shift(&mut self, seconds: i64) {
        let age = i64::from(self.age).saturating_add(seconds);
        let age = if self.age == LONG_AGO { None } else { u16::try_from(age).ok() };
        self.age = age.unwrap_or(LONG_AGO);
    }
}

/// What a burst looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Requests.
    pub requests: u32,
    /// Different hosts and ports.
    pub targets: u32,
    /// Different requests: target, method and path.
    pub different: u32,
    /// From the first to the last, in microseconds of event time.
    pub span: i64,
}

/// What a burst means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The same requests again and again.
    Confused,
    /// Many requests of few targets.
    Probing,
    /// Many targets, few of them twice.
    Scan,
}

impl Shape {
    /// Half of the requests being for targets of their own is a scan; half of them being different is probing.
    pub fn verdict(&self) -> Verdict {
        if self.targets * 2 >= self.requests {
            Verdict::Scan
        } else if self.different * 2 >= self.requests {
            Verdict::Probing
        } else {
            Verdict::Confused
        }
    }
}

impl Window {
    /// Adds a refusal; only the latest `keep` stay.
    pub fn note(&mut self, refusal: Refusal, second: i64, keep: u32) {
        if self.total == 0 {
            self.since = second as u32;
        }
        self.total = self.total.saturating_add(1);
        // Other parameters may keep more or fewer; else there is room for all of them from the first one on.
        if self.latest.len() != keep as usize {
            let surplus = usize::from(self.len).saturating_sub(keep as usize);
            let mut latest: Vec<Kept> = self.kept().iter().skip(surplus).copied().collect();
            self.len = latest.len() as u8;
            latest.resize(keep as usize, Kept::default());
            self.latest = latest.into();
        }
        if usize::from(self.len) < self.latest.len() {
            self.len += 1;
        } else {
            self.latest.rotate_left(1);
        }
        let time = Second::of(refusal.time);
        let before = usize::from(self.len).saturating_sub(1);
        // Of those that are left the newest may be another one.
        let youngest = self.kept().iter().take(before).map(|kept| kept.age).min().unwrap_or_default();
        let newest = if before == 0 { time } else { time.max(Second::new(self.newest.get() - i64::from(youngest))) };
        let later = newest.get() - self.newest.get();
        self.latest.iter_mut().take(before).for_each(|kept| kept.shift(later));
        self.newest = newest;
        if let Some(latest) = self.latest.get_mut(before) {
            *latest = Kept::of(refusal, newest);
        }
    }

    fn kept(&self) -> &[Kept] {
        self.latest.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// What the latest `requests` look like, if they came within the window.
    pub fn burst(&self, requests: u32, window_seconds: u32) -> Option<Shape> {
        if self.kept().len() < requests as usize {
            return None;
        }
        // The newest is of age zero.
        let span = self.kept().iter().map(|refusal| refusal.age).max()?;
        if span == LONG_AGO || u32::from(span) > window_seconds {
            return None;
        }
        let span = i64::from(span) * 1_000_000;
        let targets: BTreeSet<u16> = self.kept().iter().map(|refusal| refusal.target).collect();
        let different: BTreeSet<(u16, u16)> =
            self.kept().iter().map(|refusal| (refusal.target, refusal.path)).collect();
        Some(Shape { requests, targets: targets.len() as u32, different: different.len() as u32, span })
    }

    /// How many refusals came before the latest ones, and over how many seconds.
    pub fn earlier(&self, second: i64) -> (u32, i64) {
        (self.total.saturating_sub(u32::from(self.len)), second - i64::from(self.since))
    }

    /// The latest refusals but the newest, which stands at `seq`: what belongs to the episode that it opens.
    pub fn before(&self, seq: Seq, recorded: Timestamp) -> Before {
        let earlier = self.kept().iter().take(usize::from(self.len).saturating_sub(1));
        let evidence: Vec<Seq> = earlier.map(|refusal| whole_seq(seq, refusal.seq())).collect();
        let time = self.kept().first().map(|refusal| Second::new(self.newest.get() - i64::from(refusal.age)).begin());
        Before { count: evidence.len() as u64, first: time.map(|time| (time, recorded)), evidence }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(targets: u32, paths: u32, gap: i64) -> Option<Shape> {
        let mut window = Window::default();
        for number in 0..40u32 {
            let time = Timestamp::from_unix_seconds(i64::from(number) * gap);
            let refusal =
                Refusal { time, seq: Seq::new(number.into()), target: number % targets, path: number % paths };
            window.note(refusal, i64::from(number) * gap, 20);
        }
        assert_eq!(window.kept().len(), 20);
        assert_eq!(window.earlier(100), (20, 100));
        assert_eq!(window.before(Seq::new(39), Timestamp::EPOCH).evidence, (20..39).map(Seq::new).collect::<Vec<_>>());
        window.burst(20, 60)
    }

    #[test]
    fn three_shapes_are_told_apart_and_slow_refusals_are_no_burst() {
        assert_eq!(shape(1_000, 1, 1).unwrap().verdict(), Verdict::Scan);
        assert_eq!(shape(1, 1_000, 1).unwrap().verdict(), Verdict::Probing);
        assert_eq!(shape(2, 3, 1).unwrap().verdict(), Verdict::Confused);
        assert_eq!(shape(1_000, 1, 4), None);
        let seen = shape(20, 1, 3).unwrap();
        assert_eq!((seen.requests, seen.targets, seen.different, seen.span), (20, 20, 20, 57_000_000));
    }
}
