//! Which alerts of other systems are open, and until when: a state machine over posts and over time.
//!
//! What it decides is recorded as revisions of alerts, and what is recorded is all that has to last: deadlines are in memory only, so after a
//! restart everything that is open has one resolve time to be posted again.

use std::collections::BTreeMap;
use std::time::Duration;

use ledger::Timestamp;

use super::{Posted, RULE_PREFIX, episode};
use crate::alert::{Alert, State};
use crate::limits;

/// What was open when somebody looked last.
#[derive(Debug, Clone, Default)]
pub struct Inbox {
    /// By the hash of the labels.
    open: BTreeMap<String, Held>,
}

/// An alert that is open.
#[derive(Debug, Clone)]
struct Held {
    /// Its newest revision.
    alert: Alert,
    /// When it is over unless it is posted again.
    until: Timestamp,
}

/// What a posted alert amounts to.
#[derive(Debug, Clone, PartialEq)]
pub enum Received {
    /// This revision of an alert is to be recorded.
    Revision(Box<Alert>),
    /// Nothing new: it goes on, or it is not open.
    Nothing,
    /// Too many are open.
    Full,
}

impl Inbox {
    /// The inbox over what is on record: those of other systems that are not over, closed ones included, each with one resolve time from
    /// now.
    pub fn over<'a>(alerts: impl Iterator<Item = &'a Alert>, now: Timestamp) -> Self {
        let mut open: BTreeMap<String, Held> = BTreeMap::new();
        for alert in alerts.filter(|alert| alert.rule.starts_with(RULE_PREFIX) && alert.state != State::Resolved) {
            let Some(identity) = alert.shape.clone() else { continue };
            let held = Held { alert: alert.clone(), until: now.saturating_add(limits::OUTSIDE_RESOLVE_AFTER) };
            let newer = open.get(&identity).is_none_or(|other| other.alert.recorded_first < alert.recorded_first);
            if newer {
                open.insert(identity, held);
            }
        }
        Self { open }
    }

    /// Takes what was posted at `now` by `sender`. `known` finds the newest revision of an alert by its id.
    pub fn receive(
        &mut self,
        posted: &Posted,
        sender: Option<&str>,
        known: impl Fn(&str) -> Option<Alert>,
        now: Timestamp,
    ) -> Received {
        let identity = posted.identity();
        let is_over = posted.ends.is_some_and(|ends| ends <= now);
        let latest = now.saturating_add(limits::OUTSIDE_HOLD_MAX);
        let until = posted.ends.unwrap_or_else(|| now.saturating_add(limits::OUTSIDE_RESOLVE_AFTER)).min(latest);
        if is_over {
            let Some(held) = self.open.remove(&identity) else { return Received::Nothing };
            return revision(resolved(&held.alert, posted.ends.unwrap_or(now), now));
        }
        if let Some(held) = self.open.get_mut(&identity) {
            held.until = until;
            let Some(alert) = updated(&held.alert, posted, now) else { return Received::Nothing };
            held.alert = alert.clone();
            return revision(alert);
        }
        if self.open.len() >= limits::OUTSIDE_OPEN_MAX {
            return Received::Full;
        }
        // The same beginning is the same episode, unless that is over; then another one begins now.
        let mut begins = posted.starts.unwrap_or(now);
        let mut before = known(&episode(&identity, begins));
        while let Some(over) = before.as_ref().filter(|alert| alert.state == State::Resolved) {
            begins = begins.max(now).max(over.recorded_last).saturating_add(Duration::from_micros(1));
            before = known(&episode(&identity, begins));
        }
        let is_known = before.is_some();
        let alert = before.unwrap_or_else(|| posted.open(episode(&identity, begins), sender, now));
        self.open.insert(identity, Held { alert: alert.clone(), until });
        // What was closed, or is not in memory any more, may say something else by now; the next post tells.
        if is_known { Received::Nothing } else { revision(alert) }
    }

    /// The ends of what was not posted again in time; a bounded number, the earliest first.
    pub fn overdue(&mut self, now: Timestamp) -> Vec<Alert> {
        let mut late: Vec<(Timestamp, String)> =
            self.open.iter().filter(|(_, held)| held.until <= now).map(|(id, held)| (held.until, id.clone())).collect();
        late.sort_unstable();
        late.truncate(limits::NOTICES_MAX);
        let ended = late.into_iter().filter_map(|(until, identity)| Some((until, self.open.remove(&identity)?)));
        ended.map(|(until, held)| resolved(&held.alert, until, now)).collect()
    }

    /// When something is overdue next.
    pub fn next(&self) -> Option<Timestamp> {
        self.open.values().map(|held| held.until).min()
    }

    /// How many are open.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

fn revision(alert: Alert) -> Received {
    Received::Revision(Box::new(alert))
}

/// The next revision, if what is posted says something else. It is no news: the severity is a label, and what has other labels is another
/// alert. Texts that hold a measured value change with every post, so they are brought up to date now and then only.
fn updated(before: &Alert, posted: &Posted, now: Timestamp) -> Option<Alert> {
    let after = posted.open(before.id.clone(), before.sender.as_deref(), now);
    let is_same = (&after.title, &after.reason) == (&before.title, &before.reason);
    if is_same || now.since(before.recorded_last) < limits::OUTSIDE_UPDATE_EVERY {
        return None;
    }
    Some(Alert {
        revision: before.revision.saturating_add(1),
        state: State::Updated,
        first_seen: before.first_seen.min(after.first_seen),
        recorded_first: before.recorded_first,
        follows: Some(before.news()),
        ..after
    })
}

/// The last revision of an episode.
fn resolved(before: &Alert, ended: Timestamp, now: Timestamp) -> Alert {
    Alert {
        revision: before.revision.saturating_add(1),
        state: State::Resolved,
        last_seen: ended.min(now).max(before.first_seen),
        recorded_last: now.max(before.recorded_last),
        follows: None,
        ..before.clone()
    }
}
