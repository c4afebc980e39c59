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
    latest: Vec<Kept>,
    /// Sequence number of the latest one.
    seq: Seq,
    /// How many refusals there were in all, and the second of the first.
    total: u32,
    since: u32,
}
packed!(Window { latest, seq, total, since });

/// A refusal as it is kept: by its second, half of its sequence number and halves of the hashes, which are enough to tell a
/// few refusals apart.
#[derive(Debug, Clone, Copy)]
struct Kept {
    second: Second,
    seq: u32,
    target: u16,
    path: u16,
}
packed!(Kept { second, seq, target, path });

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
            self.latest.reserve_exact(keep as usize);
        }
        self.total = self.total.saturating_add(1);
        let surplus = (self.latest.len() + 1).saturating_sub(keep as usize);
        self.latest.drain(..surplus);
        let Refusal { time, seq, target, path } = refusal;
        self.seq = seq;
        self.latest.push(Kept {
            second: Second::of(time),
            seq: seq.get() as u32,
            target: target as u16,
            path: path as u16,
        });
    }

    /// What the latest `requests` look like, if they came within the window.
    pub fn burst(&self, requests: u32, window_seconds: u32) -> Option<Shape> {
        if self.latest.len() < requests as usize {
            return None;
        }
        let seconds = self.latest.iter().map(|refusal| refusal.second);
        let span = seconds.clone().max()?.get() - seconds.min()?.get();
        if span > window_seconds.into() {
            return None;
        }
        let span = span * 1_000_000;
        let targets: BTreeSet<u16> = self.latest.iter().map(|refusal| refusal.target).collect();
        let different: BTreeSet<(u16, u16)> =
            self.latest.iter().map(|refusal| (refusal.target, refusal.path)).collect();
        Some(Shape { requests, targets: targets.len() as u32, different: different.len() as u32, span })
    }

    /// How many refusals came before the latest ones, and over how many seconds.
    pub fn earlier(&self, second: i64) -> (u32, i64) {
        (self.total.saturating_sub(self.latest.len() as u32), second - i64::from(self.since))
    }

    /// The latest refusals but the newest: what belongs to the episode that the newest opens.
    pub fn before(&self, recorded: Timestamp) -> Before {
        let evidence: Vec<Seq> =
            self.latest.iter().rev().skip(1).rev().map(|refusal| whole_seq(self.seq, refusal.seq)).collect();
        let time = self.latest.first().map(|refusal| refusal.second.begin());
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
        assert_eq!(window.latest.len(), 20);
        assert_eq!(window.earlier(100), (20, 100));
        assert_eq!(window.before(Timestamp::EPOCH).evidence, (20..39).map(Seq::new).collect::<Vec<_>>());
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
