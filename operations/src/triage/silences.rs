//! The silences and maintenance windows that were ever recorded, as far as they are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::life::By;
use super::silence::Silence;
use crate::alert::Alert;
use crate::kind::window::{Window, WindowKind};
use crate::limits;
use ledger::Row;
use ledger::Seq;
use ledger::Timestamp;

/// Where a silence or maintenance window stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SilenceState {
    /// It hides what it matches.
    Active,
    /// It will, later or again.
    Waiting,
    /// It hides nothing any more.
    Over,
}

impl SilenceState {
    /// The word in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Waiting => "waiting",
            Self::Over => "over",
        }
    }
}

/// A silence or maintenance window that was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingSilence {
    /// Its id.
    pub id: String,
    /// Which of both it is.
    pub kind: WindowKind,
    /// What it hides, when and why.
    pub silence: Silence,
    /// How many alerts of the days before it would have hidden.
    pub would_have_hidden: u64,
    /// Who recorded it, and when.
    pub by: By,
    /// Who ended it early, and when.
    pub expired: Option<By>,
    /// Sequence number of the entry that began it.
    pub seq: Seq,
}

impl StandingSilence {
    /// When the window that `now` lies in ends.
    pub fn active_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.silence.active_until(now).filter(|_| self.expired.as_ref().is_none_or(|expired| now < expired.recorded))
    }

    /// When the latest window before `now` ended.
    pub(super) fn ended_before(&self, now: Timestamp) -> Option<Timestamp> {
        match &self.expired {
            // A window that was open when it was ended early ended then.
            Some(expired) if expired.recorded <= now => {
                let cut = self.silence.active_until(expired.recorded).map(|_| expired.recorded);
                cut.or_else(|| self.silence.ended_before(expired.recorded))
            }
            _ => self.silence.ended_before(now),
        }
    }

    /// Where it stands at `now`.
    pub fn state(&self, now: Timestamp) -> SilenceState {
        if self.active_until(now).is_some() {
            SilenceState::Active
        } else if self.is_over(now) {
            SilenceState::Over
        } else {
            SilenceState::Waiting
        }
    }

    /// Whether it hides nothing any more for good.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.last_end() <= now
    }

    fn last_end(&self) -> Timestamp {
        let end = self.silence.last_end();
        self.expired.as_ref().map_or(end, |expired| end.min(expired.recorded))
    }
}

/// All of them, by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Silences {
    /// How many are kept.
    kept_max: usize,
    /// Whether one was forgotten.
    pub(super) forgot: bool,
    by_id: BTreeMap<String, StandingSilence>,
    /// In the order in which they end, for forgetting.
    ends: BTreeSet<(Timestamp, String)>,
}

impl Silences {
    pub(super) fn new(kept_max: usize) -> Self {
        Self { kept_max, forgot: false, by_id: BTreeMap::new(), ends: BTreeSet::new() }
    }

    pub(super) fn get(&self, id: &str) -> Option<&StandingSilence> {
        self.by_id.get(id)
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &StandingSilence> {
        self.by_id.values()
    }

    /// Those that hide something at `now` or later.
    pub(super) fn standing(&self, now: Timestamp) -> impl Iterator<Item = &StandingSilence> {
        let after = (now.saturating_add(Duration::from_micros(1)), String::new());
        self.ends.range(after..).filter_map(|(_, id)| self.by_id.get(id))
    }

    /// When the latest of the windows that hid an alert before `now` ended.
    pub(super) fn ended_before(&self, alert: &Alert, now: Timestamp) -> Option<Timestamp> {
        let covering = self.by_id.values().filter(|silence| silence.silence.covers(alert));
        covering.filter_map(|silence| silence.ended_before(now)).max()
    }

    /// Takes the entry that begins one. The first entry of an id stands.
    pub(super) fn begin(&mut self, kind: WindowKind, id: &str, window: Window, row: &Row<'_>) {
        let Window { mut silence, would_have_hidden, token: _ } = window;
        if id.is_empty() || id.len() > limits::TRIAGE_NAME_BYTES_MAX || self.by_id.contains_key(id) {
            return;
        }
        // Fewer matchers would hide more than its author wrote.
        if silence.matchers.len() > limits::MATCHERS_MAX {
            return;
        }
        silence.reason.truncate(silence.reason.floor_char_boundary(limits::REASON_BYTES_MAX));
        let by = By::of(row);
        let seq = row.position.seq;
        let standing = StandingSilence { id: id.to_owned(), kind, silence, would_have_hidden, by, expired: None, seq };
        self.ends.insert((standing.last_end(), standing.id.clone()));
        self.by_id.insert(id.to_owned(), standing);
        if self.by_id.len() > self.kept_max
            && let Some((_, id)) = self.ends.pop_first()
        {
            self.forgot = true;
            self.by_id.remove(&id);
        }
    }

    /// Takes the entry that ends one early.
    pub(super) fn expire(&mut self, kind: WindowKind, id: &str, row: &Row<'_>) {
        let Some(silence) = self.by_id.get_mut(id).filter(|silence| silence.kind == kind) else { return };
        if silence.expired.is_none() {
            self.ends.remove(&(silence.last_end(), silence.id.clone()));
            silence.expired = Some(By::of(row));
            self.ends.insert((silence.last_end(), silence.id.clone()));
        }
    }
}
