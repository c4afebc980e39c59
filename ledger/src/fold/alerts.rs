//! The fold of alerts: the newest revision of each, by id.

use std::collections::{BTreeMap, VecDeque};

use crate::alert::{Alert, State};
use crate::fold::Fold;
use crate::rows::Row;

/// The newest revision of each alert. Above its limit the alerts that were resolved first are forgotten first, then those
/// that were opened first.
#[derive(Debug)]
pub struct Alerts {
    by_id: BTreeMap<String, Alert>,
    opened: VecDeque<String>,
    resolved: VecDeque<String>,
    limit: usize,
}

impl Alerts {
    /// An empty fold that keeps at most `limit` alerts.
    pub fn new(limit: usize) -> Self {
        Self { by_id: BTreeMap::new(), opened: VecDeque::new(), resolved: VecDeque::new(), limit: limit.max(1) }
    }

    /// The newest revision of an alert.
    pub fn get(&self, id: &str) -> Option<&Alert> {
        self.by_id.get(id)
    }

    /// All alerts that are kept, in order of id.
    pub fn iter(&self) -> impl Iterator<Item = &Alert> {
        self.by_id.values()
    }

    fn forget_one(&mut self) {
        while let Some(id) = self.resolved.pop_front().or_else(|| self.opened.pop_front()) {
            if self.by_id.remove(&id).is_some() {
                return;
            }
        }
    }

    fn take(&mut self, alert: Alert) {
        match self.by_id.get_mut(&alert.id) {
            Some(known) if known.revision >= alert.revision => {}
            Some(known) => {
                if alert.state == State::Resolved {
                    self.resolved.push_back(alert.id.clone());
                }
                *known = alert;
            }
            None => {
                if self.by_id.len() >= self.limit {
                    self.forget_one();
                }
                self.opened.push_back(alert.id.clone());
                if alert.state == State::Resolved {
                    self.resolved.push_back(alert.id.clone());
                }
                self.by_id.insert(alert.id.clone(), alert);
            }
        }
        // Ids of alerts that were forgotten through the other queue would pile up.
        if self.opened.len() > 2 * self.limit {
            self.opened.retain(|id| self.by_id.contains_key(id));
        }
    }
}

impl Fold for Alerts {
    fn apply(&mut self, row: &Row<'_>) {
        if let Some(alert) = Alert::from_row(row) {
            self.take(alert);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{Severity, What, Who};

    fn alert(id: &str, revision: u32, state: State) -> Alert {
        Alert {
            id: id.into(),
            revision,
            rule: "r".into(),
            rule_version: 1,
            state,
            severity: Severity::High,
            title: String::new(),
            reason: String::new(),
            who: Who::default(),
            what: What::default(),
            first_seen: 0,
            last_seen: 0,
            recorded_first: 0,
            recorded_last: 0,
            count: 1,
            evidence: Vec::new(),
            tags: Vec::new(),
            backfill: false,
        }
    }

    #[test]
    fn the_newest_revision_stands_and_resolved_alerts_go_first() {
        let mut alerts = Alerts::new(2);
        alerts.take(alert("a", 1, State::Open));
        alerts.take(alert("b", 1, State::Open));
        alerts.take(alert("b", 2, State::Resolved));
        alerts.take(alert("b", 1, State::Open));
        assert_eq!(alerts.get("b").map(|alert| alert.revision), Some(2));
        alerts.take(alert("c", 1, State::Open));
        assert_eq!(alerts.iter().map(|alert| alert.id.as_str()).collect::<Vec<_>>(), ["a", "c"]);
        alerts.take(alert("d", 1, State::Open));
        assert_eq!(alerts.iter().map(|alert| alert.id.as_str()).collect::<Vec<_>>(), ["c", "d"]);
    }

    #[test]
    fn memory_stays_bounded_over_many_alerts() {
        let mut alerts = Alerts::new(4);
        for number in 0..1_000 {
            alerts.take(alert(&number.to_string(), 1, State::Open));
            alerts.take(alert(&number.to_string(), 2, State::Resolved));
        }
        assert!(alerts.by_id.len() <= 4 && alerts.opened.len() <= 9 && alerts.resolved.len() <= 9);
    }
}
