//! Where reading a partition stands, and what follows from where the broker's log begins and ends: pure, so that every order of
//! records, holes, kills and new owners can be tried without a broker.

use serde::{Deserialize, Serialize};

/// A record by which a partition is known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    /// Its offset.
    pub offset: u64,
    /// A keyed hash of its timestamp, key and value.
    pub hash: u64,
}

/// How far a partition was read, as it stands in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// The offset that is read next.
    pub next: u64,
    /// The last record before it, if it is known. A topic that was deleted and made anew has another one there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Seen>,
}

/// Where a partition begins of which the ledger knows nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Origin {
    /// With the oldest record that there is.
    #[default]
    Earliest,
    /// After the newest.
    Latest,
}

/// What has to be told before the first record is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    /// The broker has deleted these offsets, which were not read.
    Lost {
        /// The first.
        from: u64,
        /// The one after the last.
        to: u64,
    },
    /// The partition is another one than that which was read up to `next`.
    Anew {
        /// The offset that would have been read next.
        next: u64,
    },
}

/// How a partition is taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Resumed {
    pub track: Track,
    /// The offset to fetch from.
    pub from: u64,
    pub notice: Option<Notice>,
}

/// Takes a partition up whose log begins at `low` and ends before `high`.
pub(super) fn resume(stored: Option<Place>, low: u64, high: u64, origin: Origin) -> Resumed {
    let at = |next| Resumed { track: Track { next, check: None }, from: next, notice: None };
    match stored {
        None if origin == Origin::Latest => at(high.max(low)),
        None => at(low),
        Some(place) if place.next > high => Resumed { notice: Some(Notice::Anew { next: place.next }), ..at(low) },
        Some(place) if place.next < low => {
            Resumed { notice: Some(Notice::Lost { from: place.next, to: low }), ..at(low) }
        }
        Some(place) => {
            let check = place.last.filter(|last| (low..place.next).contains(&last.offset));
            let from = check.map_or(place.next, |last| last.offset);
            Resumed { track: Track { next: place.next, check }, from, notice: None }
        }
    }
}

/// How far a partition was read since it was taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Track {
    next: u64,
    /// The record that must come first, unless it was compacted away.
    check: Option<Seen>,
}

/// What is to be done with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Take it: it is new.
    Take,
    /// Leave it: it was read before.
    Known,
    /// Stop: the partition is another one than that which was read.
    Anew,
}

impl Track {
    /// The offset that is read next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Decides about the record that came. Offsets ascend, with holes where records were compacted, aborted or of the broker's own.
    pub fn step(&mut self, seen: Seen) -> Step {
        if let Some(check) = self.check.take()
            && check.offset == seen.offset
            && check.hash != seen.hash
        {
            return Step::Anew;
        }
        if seen.offset < self.next {
            return Step::Known;
        }
        self.next = seen.offset.saturating_add(1);
        Step::Take
    }

    /// The broker said that nothing comes before this offset any more. Says whether that is news.
    pub fn pass(&mut self, offset: u64) -> bool {
        let is_news = offset > self.next;
        self.next = self.next.max(offset);
        is_news
    }
}

/// The latest records that were read: a position may stand before the last one, while a part of a line is held.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Latest([Option<Seen>; 2]);

impl Latest {
    /// Knows one record from before.
    pub fn of(seen: Option<Seen>) -> Self {
        Self([seen, None])
    }

    /// Remembers a record that was taken.
    pub fn note(&mut self, seen: Seen) {
        self.0 = [Some(seen), self.0[0]];
    }

    /// How far the partition was read, in the form in which it is stored.
    pub fn place(&self, next: u64) -> Place {
        Place { next, last: self.0.iter().flatten().find(|seen| seen.offset < next).copied() }
    }
}

#[cfg(test)]
mod tests;
