//! What the operator decided about alerts in general: what belongs together, what hides what, and who hears next when
//! nobody looks. It is the table `[alerts]` of the configuration.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::life::{Status, Triaged};
use super::matcher::{Column, Matcher};
use crate::alert::{Alert, Severity};
use crate::limits;
use crate::schedule::{self, Schedules};
use ledger::Timestamp;

/// What happens to alerts after a detector found them. A change is taken over on SIGHUP.
///
/// A matcher is a column (`rule`, `severity`, `team`, `user`, `workspace`, `domain`, `host`), an operator and a value: `=` and `!=` compare,
/// `~` and `!~` compare with a pattern in which `*` stands for any characters and `?` for one. All matchers of a list must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Columns of an alert; alerts with the same values belong together, without columns each stands alone. The first is told at once, others
    /// in its thread: the same Slack thread, mail thread or PagerDuty incident, which is over with the last of them. What is worse than
    /// the thread opens its own. Alertmanager and Slack webhooks group by themselves.
    pub group_by: Vec<Column>,
    /// Minutes after its first alert in which a group takes in others; 0 groups only what comes at once.
    #[schemars(range(max = limits::ESCALATION_MINUTES_MAX))]
    pub group_minutes: u32,
    /// Which alerts hide which.
    #[serde(rename = "inhibit")]
    pub inhibitions: Vec<Inhibition>,
    /// Who hears of an alert that nobody acknowledges.
    #[serde(rename = "escalate")]
    pub escalations: Vec<EscalationStep>,
    /// Who is on call when.
    #[serde(rename = "schedule")]
    pub schedules: Schedules,
}

impl Default for Policy {
    fn default() -> Self {
        let (inhibitions, escalations) = (Vec::new(), Vec::new());
        Self { group_by: Vec::new(), group_minutes: 30, inhibitions, escalations, schedules: Schedules::default() }
    }
}

/// An alert hides others for as long as it is neither resolved nor closed. Two alerts never hide each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Inhibition {
    /// What people read where an alert is hidden.
    pub name: String,
    /// The alerts that hide.
    pub source: Vec<Matcher>,
    /// The alerts that are hidden.
    pub target: Vec<Matcher>,
    /// Columns in which both must have the same value, and must have one.
    #[serde(default)]
    pub equal: Vec<Column>,
}

/// What happens to an open alert that nobody acknowledges. Each step happens once and is an entry of `operations` (`alert.notice`); an
/// acknowledgement, a close or the end of the alert cancels what is to come, and what a receiver was not yet sent. A receiver from which
/// something hides the alert when its turn comes is told of the step once nothing does. Time in which a silence or a maintenance window
/// hides the alert does not count. When an alert becomes worse than it was acknowledged, or is opened again, the steps begin anew. Alerts
/// about old events never escalate.
///
/// ```toml
/// [[alerts.escalate]]
/// name = "second pager"
/// after_minutes = 15
/// severity = "high"
/// receivers = ["oncall"]
///
/// [[alerts.escalate]]
/// name = "manager"
/// after_minutes = 30
/// severity = "high"
/// receivers = ["managers"]
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EscalationStep {
    /// What people read of it. A step happens once under its name for as long as an alert waits.
    pub name: String,
    /// Minutes without an acknowledgement.
    #[schemars(range(min = 1, max = limits::ESCALATION_MINUTES_MAX))]
    pub after_minutes: u32,
    /// The mildest alerts that it is about; without it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// The alerts that it is about; all if empty.
    #[serde(default, rename = "match")]
    pub matchers: Vec<Matcher>,
    /// The sinks that hear of it then, whatever their routes and severities; those to which routes lead if empty. `schedule:NAME` stands for
    /// the sinks of whoever is on call then.
    #[serde(default)]
    pub receivers: Vec<String>,
    /// How bad it is told to be then, if it is milder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raise_to: Option<Severity>,
}

impl EscalationStep {
    /// Whether it is about this alert.
    fn is_about(&self, alert: &Alert) -> bool {
        let severe = self.severity.is_none_or(|severity| alert.severity >= severity);
        severe && self.matchers.iter().all(|matcher| matcher.matches(alert))
    }
}

/// Which steps of escalation an alert has reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Escalation<'a> {
    /// The steps that are due and that nobody was told of, in the order of the configuration.
    pub due: Vec<&'a EscalationStep>,
    /// The steps to come in that order, each with its time.
    pub waiting: Vec<(Timestamp, &'a EscalationStep)>,
}

/// A step of escalation of one alert that happened or is to come.
#[derive(Debug, Clone)]
pub struct EscalationStepOf {
    /// Its name in the configuration.
    pub name: String,
    /// When it happened or will.
    pub at: Timestamp,
    /// Whether it happened.
    pub happened: bool,
    /// The sinks that it names; if there are none, those to which routes lead the alert.
    pub receivers: Vec<String>,
    /// The alert with the severity that it has by then.
    pub alert: Alert,
}

/// What is wrong with a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// There are too many rules of one kind.
    #[error("alerts.{0} has more than {max} entries", max = limits::POLICY_RULES_MAX)]
    TooMany(&'static str),
    /// The rule would match nothing, or has too many matchers.
    #[error("alerts.{table}[{at}].{field} has 1 to {max} matchers", max = limits::MATCHERS_MAX)]
    Matchers {
        /// `inhibit` or `escalate`.
        table: &'static str,
        /// Number of the entry.
        at: usize,
        /// The setting.
        field: &'static str,
    },
    /// A name is empty, too long, or has characters that nobody sees.
    #[error("alerts.{table}[{at}].{field} has 1 to {max} bytes and no control characters", max = limits::TRIAGE_NAME_BYTES_MAX)]
    Name {
        /// `inhibit` or `escalate`.
        table: &'static str,
        /// Number of the entry.
        at: usize,
        /// The setting.
        field: &'static str,
    },
    /// The wait is nothing, or longer than a week.
    #[error("alerts.escalate[{0}].after_minutes is 1 to {max}", max = limits::ESCALATION_MINUTES_MAX)]
    Wait(usize),
    /// A step does nothing.
    #[error("alerts.escalate[{0}] does nothing; give it receivers, raise_to or both")]
    Idle(usize),
    /// Two steps have the same name.
    #[error("alerts.escalate[{0}].name is the name of an earlier step")]
    SameName(usize),
    /// A schedule cannot be meant.
    #[error("alerts.schedule: {0}")]
    Schedule(String),
    /// A receiver is no sink that takes alerts, and no schedule.
    #[error("alerts.escalate {step}: {receiver:?} is no sink that takes alerts{}", no_schedule(receiver))]
    Stranger {
        /// The step.
        step: String,
        /// The receiver.
        receiver: String,
    },
    /// The window of groups is longer than a week.
    #[error("alerts.group_minutes is at most {max}", max = limits::ESCALATION_MINUTES_MAX)]
    GroupWindow,
}

fn no_schedule(receiver: &str) -> &'static str {
    if receiver.starts_with(schedule::PREFIX) { ", and there is no such schedule" } else { "" }
}

impl Policy {
    /// Finds what types cannot.
    pub fn check(&self) -> Result<(), PolicyError> {
        if self.inhibitions.len() > limits::POLICY_RULES_MAX {
            return Err(PolicyError::TooMany("inhibit"));
        }
        if self.escalations.len() > limits::POLICY_RULES_MAX {
            return Err(PolicyError::TooMany("escalate"));
        }
        for (at, rule) in self.inhibitions.iter().enumerate() {
            let table = "inhibit";
            check_name(&rule.name).ok_or(PolicyError::Name { table, at, field: "name" })?;
            for (field, matchers) in [("source", &rule.source), ("target", &rule.target)] {
                if matchers.is_empty() || matchers.len() > limits::MATCHERS_MAX {
                    return Err(PolicyError::Matchers { table, at, field });
                }
            }
        }
        self.escalations.iter().enumerate().try_for_each(|(at, step)| self.check_step(at, step))?;
        if self.group_minutes > limits::ESCALATION_MINUTES_MAX {
            return Err(PolicyError::GroupWindow);
        }
        self.schedules.check().map_err(PolicyError::Schedule)
    }

    /// That everybody who is named is there: `is_receiver` says whether a sink of this name takes alerts. All that is wrong.
    pub fn check_receivers(&self, is_receiver: impl Fn(&str) -> bool) -> Vec<PolicyError> {
        let mut errors: Vec<PolicyError> = Vec::new();
        for step in &self.escalations {
            let is_stranger =
                |receiver: &&String| self.schedules.stranger(std::slice::from_ref(receiver), &is_receiver).is_some();
            let stranger =
                |receiver: &String| PolicyError::Stranger { step: step.name.clone(), receiver: receiver.clone() };
            errors.extend(step.receivers.iter().filter(is_stranger).map(stranger));
        }
        errors.extend(self.schedules.check_receivers(&is_receiver).err().map(PolicyError::Schedule));
        errors
    }

    /// The sinks that hear of a step that happens at `at`; those to which routes lead if there are none.
    pub fn receivers(&self, step: &EscalationStep, at: Timestamp) -> Vec<String> {
        self.schedules.resolve(&step.receivers, at)
    }

    fn check_step(&self, at: usize, step: &EscalationStep) -> Result<(), PolicyError> {
        let table = "escalate";
        check_name(&step.name).ok_or(PolicyError::Name { table, at, field: "name" })?;
        if self.escalations[..at].iter().any(|earlier| earlier.name == step.name) {
            return Err(PolicyError::SameName(at));
        }
        if step.matchers.len() > limits::MATCHERS_MAX {
            return Err(PolicyError::Matchers { table, at, field: "match" });
        }
        if step.receivers.len() > limits::POLICY_RULES_MAX {
            return Err(PolicyError::TooMany("escalate.receivers"));
        }
        for receiver in &step.receivers {
            check_name(receiver).ok_or(PolicyError::Name { table, at, field: "receivers" })?;
        }
        if !(1..=limits::ESCALATION_MINUTES_MAX).contains(&step.after_minutes) {
            return Err(PolicyError::Wait(at));
        }
        if step.receivers.is_empty() && step.raise_to.is_none() {
            return Err(PolicyError::Idle(at));
        }
        Ok(())
    }

    /// What alerts that belong together have in common; an alert that stands alone has its id.
    pub fn group_key(&self, alert: &Alert) -> String {
        group_key(&self.group_by, alert).unwrap_or_else(|| list(vec![&alert.id]))
    }

    /// When the first step is due that nobody was told of, for an alert that waits since `since`. Only alerts that are open
    /// wait, and those about old events never do.
    pub(super) fn next_step(&self, triaged: &Triaged, since: Timestamp) -> Option<Timestamp> {
        self.steps(triaged, since).map(|(when, _)| when).min()
    }

    /// The steps that it has reached at `now`, and those to come.
    pub(super) fn escalation(&self, triaged: &Triaged, since: Timestamp, now: Timestamp) -> Escalation<'_> {
        let (due, waiting): (Vec<_>, Vec<_>) = self.steps(triaged, since).partition(|(when, _)| *when <= now);
        Escalation { due: due.into_iter().map(|(_, step)| step).collect(), waiting }
    }

    fn steps(&self, triaged: &Triaged, since: Timestamp) -> impl Iterator<Item = (Timestamp, &EscalationStep)> {
        let waits = triaged.status() == Status::Open && !triaged.alert.backfill;
        let steps = self.escalations.iter().filter(move |_| waits);
        let left = steps.filter(|step| step.is_about(&triaged.alert) && !triaged.is_escalated(&step.name));
        left.map(move |step| (since.saturating_add(Duration::from_mins(step.after_minutes.into())), step))
    }
}

/// What alerts have in common that have the same values in these columns; `None` without columns, for then each stands alone.
pub fn group_key(columns: &[Column], alert: &Alert) -> Option<String> {
    (!columns.is_empty()).then(|| list(columns.iter().map(|column| column.value(alert)).collect()))
}

/// A JSON list, because values are attacker-written and no separator is safe from them.
fn list(values: Vec<&str>) -> String {
    serde_json::Value::from(values).to_string()
}

/// Whether a name can be shown and is bounded.
pub(super) fn check_name(name: &str) -> Option<()> {
    let fits = !name.is_empty() && name.len() <= limits::TRIAGE_NAME_BYTES_MAX && !name.chars().any(char::is_control);
    fits.then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::tests::{alert, rule};

    #[test]
    fn mistakes_in_a_policy_are_named() {
        let step = |after_minutes, raise_to| EscalationStep {
            name: "manager".into(),
            after_minutes,
            severity: None,
            matchers: Vec::new(),
            receivers: Vec::new(),
            raise_to,
        };
        let check = |policy: Policy, says: &str| assert_eq!(policy.check().unwrap_err().to_string(), says);
        let inhibit = |inhibition| Policy { inhibitions: vec![inhibition], ..Policy::default() };
        let escalate = |step| Policy { escalations: vec![step], ..Policy::default() };
        check(
            inhibit(rule("", "rule=a", "rule=b")),
            "alerts.inhibit[0].name has 1 to 256 bytes and no control characters",
        );
        let empty = Inhibition { source: Vec::new(), ..rule("a", "rule=a", "rule=b") };
        check(inhibit(empty), "alerts.inhibit[0].source has 1 to 16 matchers");
        check(escalate(step(0, Some(Severity::High))), "alerts.escalate[0].after_minutes is 1 to 10080");
        check(escalate(step(1, None)), "alerts.escalate[0] does nothing; give it receivers, raise_to or both");
        let twice = Policy { escalations: vec![step(1, Some(Severity::High)); 2], ..Policy::default() };
        check(twice, "alerts.escalate[1].name is the name of an earlier step");
        check(Policy { group_minutes: 10_081, ..Policy::default() }, "alerts.group_minutes is at most 10080");
        let many = Policy { escalations: vec![step(1, Some(Severity::High)); 65], ..Policy::default() };
        check(many, "alerts.escalate has more than 64 entries");
    }

    #[test]
    fn groups_cannot_be_forged_by_values() {
        let policy = Policy { group_by: vec![Column::Team, Column::User], ..Policy::default() };
        let key = |team: &str, user: &str| {
            let mut alert = alert("a", 1);
            (alert.who.team, alert.who.user) = (Some(team.to_owned()), Some(user.to_owned()));
            policy.group_key(&alert)
        };
        assert_eq!(key("red", "ada"), r#"["red","ada"]"#);
        assert_ne!(key("red\",\"ada", ""), key("red", "ada"));
        assert_eq!(Policy::default().group_key(&alert("a", 1)), r#"["a"]"#);
    }
}
