//! How far a list was read, as a state machine without I/O and without a clock: which part of it is read next, and what is known of it
//! once a page was read. It is stored as an input of the ledger, in the same commit as the rows of the page.
//!
//! A round reads one part of a list to its end: what is newer than the newest row that is known, and a little of what is older (the
//! overlap), since rows may appear late. Lists are read newest first, so the newest row counts as known only when the round is over:
//! a round that ends early goes on at its page. What fills the time between the newest row and now is read in windows, the oldest
//! first, where the interface lets them be asked for.

use serde::{Deserialize, Serialize};

use super::ranges::Ranges;
use crate::limits;

/// What is read of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Where to begin if nothing was read, in microseconds since 1970 UTC.
    pub since: i64,
    /// How far back what was read is read again, in microseconds.
    pub overlap: i64,
    /// How long a window is, if the interface lets one be asked for.
    pub window: Option<i64>,
    /// Whether rows come by their time, the newest first, so that reading can stop at one that is too old.
    pub is_sorted: bool,
    /// For how long a row that may still change is read again, in microseconds.
    pub open_for: i64,
}

/// The times of a part of a list, in microseconds since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The earliest time.
    pub from: i64,
    /// The latest time; `None` if it has no end.
    pub to: Option<i64>,
}

/// Where in its part of the list a page begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// At the beginning.
    First,
    /// After so many rows.
    Offset(u64),
    /// The page of this number, from one.
    Number(u64),
    /// After the row with this id.
    After(String),
    /// Where the interface said with the page before.
    Token(String),
}

/// What a cursor must know of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowTime {
    /// When it happened, in microseconds since 1970 UTC; `None` if it does not say.
    pub time: Option<i64>,
    /// Whether it may still change.
    pub is_open: bool,
}

/// One part of a list that is being read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// The part.
    pub span: Span,
    /// The page that is read next.
    pub at: Place,
    /// The newest row that was met.
    top: Option<i64>,
    /// Rows that were met and may still change.
    #[serde(default)]
    found: Ranges,
    /// Whether rows that were read before are read again, because they may have changed.
    #[serde(default)]
    again: bool,
}

/// How far a list was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Everything up to this time was read.
    newest: Option<i64>,
    /// The times of older rows that may still change.
    #[serde(default)]
    open: Ranges,
    /// The round that is not over.
    #[serde(default)]
    round: Option<Round>,
}

impl Cursor {
    /// The cursor that was stored; `None` if it is none.
    pub fn decode(stored: &[u8]) -> Option<Self> {
        serde_json::from_slice(stored).ok()
    }

    /// Its stored form. Without room for the round that is not over, that one begins again after a restart.
    pub fn encode(&self) -> Vec<u8> {
        let encoded = serde_json::to_vec(self).unwrap_or_default();
        if encoded.len() <= limits::POLL_CURSOR_BYTES_MAX {
            return encoded;
        }
        serde_json::to_vec(&Self { round: None, ..self.clone() }).unwrap_or_default()
    }

    /// Everything up to this time was read, in microseconds since 1970 UTC.
    pub fn newest(&self) -> Option<i64> {
        self.newest
    }

    /// Whether a round is not over.
    pub fn is_in_round(&self) -> bool {
        self.round.is_some()
    }

    /// The round that is not over, or the next one.
    pub fn begin(&mut self, rules: &Rules, now: i64) -> &mut Round {
        let span = self.next(rules, now);
        self.round.get_or_insert_with(|| Round::new(span, false))
    }

    fn next(&self, rules: &Rules, now: i64) -> Span {
        let from = self.newest.map_or(rules.since, |newest| newest.saturating_sub(rules.overlap));
        // A window that ends where rows may still appear late is no window: it is the present.
        let to = rules.window.map(|window| from.saturating_add(window.max(rules.overlap.saturating_mul(2))));
        Span { from, to: to.filter(|to| *to < now.saturating_sub(rules.overlap)) }
    }

    /// Parts in which older rows may have changed and which the next round does not read anyway.
    pub fn changing(&self, rules: &Rules, now: i64) -> Vec<Span> {
        let next = self.next(rules, now).from;
        self.open.iter().filter(|(from, _)| *from < next).map(|(from, to)| Span { from, to: Some(to) }).collect()
    }

    /// Nothing was found yet: what comes is read from this time on.
    pub fn begin_at(&mut self, since: i64) {
        self.newest = self.newest.max(Some(since));
    }

    /// Begins to read such a part again, unless a round is not over.
    pub fn begin_again(&mut self, span: Span) {
        self.round.get_or_insert_with(|| Round::new(span, true));
    }

    /// Begins the round again at its first page.
    pub fn restart(&mut self) {
        if let Some(round) = &mut self.round {
            round.at = Place::First;
        }
    }

    /// A page of the round was read; `next` is where the interface goes on. Says whether the round does.
    pub fn turn(&mut self, rows: &[RowTime], next: Option<Place>, rules: &Rules, now: i64) -> bool {
        let Some(round) = &mut self.round else { return false };
        // A clock that is wrong must not move what is newest past rows to come.
        let times = rows.iter().filter_map(|row| Some((row.time?.min(now), row.is_open)));
        for (time, is_open) in times.clone() {
            round.top = round.top.max(Some(time));
            if is_open && time > now.saturating_sub(rules.open_for) {
                round.found.add(time, time);
            }
        }
        // Only a page that is sorted says that what follows is older still.
        let falls = times.clone().zip(times.clone().skip(1)).all(|((before, _), (after, _))| after <= before);
        let is_past =
            rules.is_sorted && falls && times.clone().next_back().is_some_and(|(time, _)| time < round.span.from);
        match next {
            Some(place) if !is_past && place != round.at => {
                round.at = place;
                true
            }
            _ => {
                self.end(rules, now);
                false
            }
        }
    }

    fn end(&mut self, rules: &Rules, now: i64) {
        let Some(Round { span, top, found, again, .. }) = self.round.take() else { return };
        if again {
            self.open.remove(span.from, span.to.unwrap_or(i64::MAX));
        } else {
            self.newest = self.newest.max(if span.to.is_some() { span.to } else { top });
        }
        found.iter().for_each(|(from, to)| self.open.add(from, to));
        self.open.remove(i64::MIN, now.saturating_sub(rules.open_for));
    }
}

impl Round {
    fn new(span: Span, again: bool) -> Self {
        Self { span, at: Place::First, top: None, found: Ranges::default(), again }
    }
}

#[cfg(test)]
mod tests;
