//! The fold over everything that is recorded about alerts.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::benign::Benign;
use super::inhibitors::Inhibitors;
use super::life::{Told, Triaged};
use super::policy::{Escalation, EscalationStepOf, Policy};
use super::silences::{Silences, StandingSilence};
use crate::alert::{self, ALERT, Alert};
use crate::fold::Fold;
use crate::kind::alert_notice::{NOTICE, NOTICED, Notice};
use crate::kind::alert_step;
use crate::kind::delivery::{HIDDEN, HIDDEN_KIND, Hidden};
use crate::kind::window::{MAINTENANCE, MAINTENANCE_EXPIRE, SILENCE, SILENCE_EXPIRE, WindowKind};
use crate::limits;
use ledger::Row;
use ledger::Seq;
use ledger::Timestamp;
use ledger::operations::column;

/// What every alert amounts to now: its newest revision, what people did, and what hides it.
///
/// It keeps a bounded number of alerts. Above it, alerts that are done are forgotten first, and of those the ones about
/// which nothing was recorded for longest; a query reads them again from the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Triage {
    alerts: BTreeMap<String, Triaged>,
    /// In the order in which they are forgotten: those that are done, then by their newest entry.
    order: BTreeSet<(bool, Seq, String)>,
    bytes: usize,
    alerts_max: usize,
    bytes_max: usize,
    silences: Silences,
    inhibitors: Inhibitors,
    benign: Benign,
    policy: Policy,
    /// How many entries changed something of this.
    changes: u64,
    /// Whether an alert was forgotten.
    forgot: bool,
}

/// The kinds that change anything of it: those of the family of alerts.
const KINDS: [&str; 12] = [
    alert::KIND,
    alert_step::ACKNOWLEDGE,
    alert_step::ASSIGN,
    alert_step::NOTE,
    alert_step::CLOSE,
    alert_step::REOPEN,
    NOTICE,
    HIDDEN_KIND,
    SILENCE,
    MAINTENANCE,
    SILENCE_EXPIRE,
    MAINTENANCE_EXPIRE,
];

/// What a prefix of an id leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found<'a> {
    /// One alert.
    One(&'a Triaged),
    /// No alert begins like that.
    Unknown,
    /// Several do.
    Several,
}

impl Triage {
    /// An empty fold that hides by this policy.
    pub fn new(policy: Policy) -> Self {
        Self::bounded(policy, limits::TRIAGE_ALERTS_MAX, limits::TRIAGE_BYTES_MAX)
    }

    /// The same with other bounds.
    pub fn bounded(policy: Policy, alerts_max: usize, bytes_max: usize) -> Self {
        let inhibitors = Inhibitors::new(&policy.inhibitions);
        Self {
            alerts: BTreeMap::new(),
            order: BTreeSet::new(),
            bytes: 0,
            alerts_max: alerts_max.max(1),
            bytes_max,
            silences: Silences::new(limits::SILENCES_KEPT),
            forgot: false,
            inhibitors,
            benign: Benign::default(),
            policy,
            changes: 0,
        }
    }

    /// An empty fold for whoever reads everything on record once: bounded by memory alone.
    pub(super) fn of_everything(policy: Policy, bytes_max: usize) -> Self {
        let silences = Silences::new(limits::SILENCES_READ);
        Self { silences, ..Self::bounded(policy, usize::MAX, bytes_max) }
    }

    /// Whether it holds everything on record.
    pub fn is_whole(&self) -> bool {
        !self.forgot && !self.silences.forgot
    }

    /// How many entries it took: while that is the same, nothing but time changes what is due.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Hides by another policy from now on.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
        self.inhibitors = Inhibitors::new(&self.policy.inhibitions);
        for triaged in self.alerts.values().filter(|triaged| !triaged.is_done()) {
            self.inhibitors.insert(&self.policy.inhibitions, &triaged.alert);
        }
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// One alert.
    pub fn get(&self, id: &str) -> Option<&Triaged> {
        self.alerts.get(id)
    }

    /// The alert whose id this is, or begins like this, with or without the word before the digits.
    pub fn find(&self, prefix: &str) -> Found<'_> {
        if let Some(triaged) = self.alerts.get(prefix) {
            return Found::One(triaged);
        }
        // Everything begins with nothing; who wrote nothing meant no alert.
        if prefix.is_empty() {
            return Found::Unknown;
        }
        for prefix in [prefix.to_owned(), format!("alert-{prefix}")] {
            let from = (Bound::Included(prefix.as_str()), Bound::Unbounded);
            let mut range = self.alerts.range::<str, _>(from).take_while(|(id, _)| id.starts_with(&prefix));
            match (range.next(), range.next()) {
                (Some((_, triaged)), None) => return Found::One(triaged),
                (Some(_), Some(_)) => return Found::Several,
                (None, _) => {}
            }
        }
        Found::Unknown
    }

    /// All alerts that are kept, in order of id.
    pub fn iter(&self) -> impl Iterator<Item = &Triaged> {
        self.alerts.values()
    }

    /// One silence or maintenance window.
    pub fn silence(&self, id: &str) -> Option<&StandingSilence> {
        self.silences.get(id)
    }

    /// All silences and maintenance windows that are kept, in order of id.
    pub fn silences(&self) -> impl DoubleEndedIterator<Item = &StandingSilence> {
        self.silences.iter()
    }

    /// Those that hide something at `now` or later.
    pub fn standing_silences(&self, now: Timestamp) -> impl Iterator<Item = &StandingSilence> {
        self.silences.standing(now)
    }

    /// The index of what hides what.
    pub(super) fn inhibitors(&self) -> &Inhibitors {
        &self.inhibitors
    }

    /// What people closed as benign.
    pub(super) fn benign(&self) -> &Benign {
        &self.benign
    }

    /// How many alerts whose first revision was recorded since then something would have hidden that covers these.
    pub fn would_have_hidden(&self, covers: impl Fn(&Alert) -> bool, since: Timestamp) -> u64 {
        let hidden = self.alerts.values().filter(|triaged| triaged.opened >= since);
        hidden.filter(|triaged| covers(&triaged.alert)).count() as u64
    }

    /// The steps of escalation of an alert: those that happened, oldest first, and those to come if nobody acknowledges it.
    pub fn escalation_steps(&self, triaged: &Triaged, now: Timestamp) -> Vec<EscalationStepOf> {
        let happened = triaged.escalated.iter().map(|step| EscalationStepOf {
            name: step.step.clone(),
            at: step.recorded,
            happened: true,
            receivers: step.receivers.clone(),
            alert: triaged.alert.clone(),
        });
        let Escalation { due, waiting } = self.escalation(triaged, now);
        let to_come = due.into_iter().map(|step| (now, step)).chain(waiting).map(|(at, step)| EscalationStepOf {
            name: step.name.clone(),
            at,
            happened: false,
            receivers: self.policy.receivers(step, at),
            alert: triaged.raised(step.raise_to),
        });
        happened.chain(to_come).collect()
    }

    /// Which steps of escalation an alert has reached. The time in which it was hidden by a silence or a maintenance window
    /// does not count against anybody.
    pub fn escalation(&self, triaged: &Triaged, now: Timestamp) -> Escalation<'_> {
        let hidden_until = self.silences.ended_before(&triaged.alert, now).unwrap_or(Timestamp::MIN);
        self.policy.escalation(triaged, triaged.unattended_since.max(hidden_until), now)
    }

    /// The alerts of which somebody may have to be told, in the order of their newest entries.
    pub fn unfinished(&self) -> impl Iterator<Item = &Triaged> {
        self.order.range((true, Seq::FIRST, String::new())..).filter_map(|(_, _, id)| self.alerts.get(id))
    }

    fn alert(&mut self, row: &Row<'_>) {
        let Some(alert) = ALERT.read(row).filter(|alert| fits(&alert.id)) else { return };
        self.changes += 1;
        match self.alerts.remove(&alert.id) {
            Some(mut triaged) => {
                self.unlink(&triaged);
                triaged.revise(alert, row);
                self.link(triaged);
            }
            None => self.link(Triaged::new(alert, row)),
        }
    }

    fn window(&mut self, kind: WindowKind, id: &str, row: &Row<'_>) {
        if let Some(window) = kind.begins().read(row) {
            self.changes += 1;
            self.silences.begin(kind, id, window, row);
        }
    }

    fn window_over(&mut self, kind: WindowKind, id: &str, row: &Row<'_>) {
        if kind.expires().read(row).is_some() {
            self.changes += 1;
            self.silences.expire(kind, id, row);
        }
    }

    fn step(&mut self, id: &str, row: &Row<'_>) {
        let Some(told) = Told::read(row) else { return };
        // An alert that was forgotten stays forgotten.
        let Some(mut triaged) = self.alerts.remove(id) else { return };
        self.changes += 1;
        self.unlink(&triaged);
        triaged.step(told, row);
        self.benign.note(&triaged);
        self.link(triaged);
    }

    /// Takes what delivery recorded about an alert. It is no step of anybody: versions and the order of forgetting stay.
    fn delivery(&mut self, id: &str, change: impl FnOnce(&mut Triaged)) {
        let Some(triaged) = self.alerts.get_mut(id) else { return };
        self.changes += 1;
        self.bytes = self.bytes.saturating_sub(triaged.size());
        change(triaged);
        self.bytes += triaged.size();
        self.forget();
    }

    /// Takes an alert out of everything that is derived from it.
    fn unlink(&mut self, triaged: &Triaged) {
        self.order.remove(&order(triaged));
        self.bytes = self.bytes.saturating_sub(triaged.size());
        self.inhibitors.remove(&self.policy.inhibitions, &triaged.alert);
    }

    /// Puts an alert back, and forgets others if there are too many now.
    fn link(&mut self, triaged: Triaged) {
        self.order.insert(order(&triaged));
        self.bytes += triaged.size();
        if !triaged.is_done() {
            self.inhibitors.insert(&self.policy.inhibitions, &triaged.alert);
        }
        self.alerts.insert(triaged.alert.id.clone(), triaged);
        self.forget();
    }

    /// Forgets alerts for as long as there are too many.
    fn forget(&mut self) {
        while self.alerts.len() > self.alerts_max || (self.bytes > self.bytes_max && self.alerts.len() > 1) {
            let Some((_, _, id)) = self.order.first().cloned() else { return };
            self.forgot = true;
            if let Some(forgotten) = self.alerts.remove(&id) {
                self.unlink(&forgotten);
            }
        }
    }
}

/// The place in the order of forgetting.
fn order(triaged: &Triaged) -> (bool, Seq, String) {
    (!triaged.is_done(), triaged.seq, triaged.alert.id.clone())
}

/// Whether it is an id of ours.
fn fits(id: &str) -> bool {
    !id.is_empty() && id.len() <= limits::TRIAGE_NAME_BYTES_MAX
}

impl Fold for Triage {
    const KINDS: Option<&'static [&'static str]> = Some(&KINDS);

    fn apply(&mut self, row: &Row<'_>) {
        let (Some(kind), Some(id)) = (row.text(column::KIND), row.text(column::SUBJECT)) else { return };
        if row.text(column::RECORD).is_some_and(|record| record.len() > limits::TRIAGE_RECORD_BYTES_MAX) {
            return;
        }
        match kind {
            alert::KIND => self.alert(row),
            NOTICE => {
                let Some(Notice { because, alert: _ }) = NOTICED.read(row) else { return };
                self.delivery(id, |triaged| triaged.notice(because, row.recorded));
            }
            HIDDEN_KIND => {
                let Some(Hidden { alert, revision, step, .. }) = HIDDEN.read(row) else { return };
                self.delivery(&alert, |triaged| match step {
                    Some(step) => triaged.miss(step, id),
                    None => triaged.hide(revision),
                });
            }
            SILENCE => self.window(WindowKind::Silence, id, row),
            MAINTENANCE => self.window(WindowKind::Maintenance, id, row),
            SILENCE_EXPIRE => self.window_over(WindowKind::Silence, id, row),
            MAINTENANCE_EXPIRE => self.window_over(WindowKind::Maintenance, id, row),
            _ => self.step(id, row),
        }
    }
}
