//! What detectors found in an event or a second, and what they tell each other about it meanwhile.

use std::collections::BTreeMap;

use operations::alert::{Alert, State};

use crate::limits::{QUIET_PER_ADVANCE_MAX, RESOLVED_PER_ADVANCE_MAX};

/// What detectors found, in order.
#[derive(Debug, Default)]
pub struct Findings {
    alerts: Vec<Alert>,
    /// What each alert of this event or second is among those of its rule: see [`crate::episode::Case::kind`].
    kinds: Vec<&'static str>,
    /// How many were found when the event or the second began. Only this call counts: a replay forgets findings earlier.
    before: usize,
    evicted: u32,
    /// Whether the event's sender has opened so many alerts that further ones are told together only.
    flood: bool,
    /// Events that came after what happened later.
    disordered: u64,
    /// How often a condition of a user rule could not be computed, by rule.
    failed: BTreeMap<String, u64>,
}

impl Findings {
    /// Nothing found.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts an event or a second.
    pub fn begin(&mut self) {
        (self.before, self.evicted, self.flood) = (self.alerts.len(), 0, false);
        self.kinds.clear();
    }

    /// Notes that the event's sender has opened too many alerts.
    pub fn note_flood(&mut self) {
        self.flood = true;
    }

    /// Whether what is opened now is told together only.
    pub fn is_flood(&self) -> bool {
        self.flood
    }

    /// The alerts that were opened in this event so far.
    pub fn opened(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().skip(self.before).filter(|alert| alert.state == State::Open)
    }

    /// Adds a revision of an alert of this kind.
    pub fn push(&mut self, alert: Alert, kind: &'static str) {
        self.alerts.push(alert);
        self.kinds.push(kind);
    }

    /// How many revisions this event or second has given so far.
    pub fn given(&self) -> usize {
        self.kinds.len()
    }

    /// The revisions that it gave after so many, each with its kind, before anybody else sees them.
    pub fn given_since(&mut self, given: usize) -> impl Iterator<Item = (&mut Alert, &'static str)> {
        self.alerts.iter_mut().skip(self.before + given).zip(self.kinds.iter().copied().skip(given))
    }

    /// Whether this second has given so much that the rest must wait for the next one. Bounds the group of one commit.
    pub fn is_full(&self) -> bool {
        self.alerts.len() - self.before >= RESOLVED_PER_ADVANCE_MAX
    }

    /// Whether this second has room for what is no news.
    pub fn has_quiet_room(&self) -> bool {
        self.alerts.len() - self.before < QUIET_PER_ADVANCE_MAX
    }

    /// Notes that a sender's new key pushed a key of its own that was in use out of some table.
    pub fn note_evicted(&mut self) {
        self.evicted += 1;
    }

    /// How often that happened in this event so far.
    pub fn evicted(&self) -> u32 {
        self.evicted
    }

    /// Notes an event that rules with windows did not judge, because it came after what happened later.
    pub fn note_disordered(&mut self) {
        self.disordered += 1;
    }

    /// Takes out how many of them there were.
    pub fn take_disordered(&mut self) -> u64 {
        std::mem::take(&mut self.disordered)
    }

    /// Notes that the condition of a user rule could not be computed for an event, which counts as no match.
    pub fn note_failed(&mut self, rule: &str) {
        match self.failed.get_mut(rule) {
            Some(count) => *count += 1,
            None => _ = self.failed.insert(rule.to_owned(), 1),
        }
    }

    /// Takes out how often that happened, by rule.
    pub fn take_failed(&mut self) -> BTreeMap<String, u64> {
        std::mem::take(&mut self.failed)
    }

    /// What was found so far.
    pub fn alerts(&self) -> &[Alert] {
        &self.alerts
    }

    /// Takes everything out.
    pub fn take(&mut self) -> Vec<Alert> {
        self.before = 0;
        self.kinds.clear();
        std::mem::take(&mut self.alerts)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.before = 0;
        self.kinds.clear();
        self.alerts.clear();
    }
}
