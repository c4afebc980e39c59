//! What the operator decided about alerts in general: what belongs together, what hides what, and who hears next when
//! nobody looks. It is the table `[alerts]` of the configuration.

use serde::{Deserialize, Serialize};

use super::life::{Status, Triaged};
use super::matcher::{Column, Matcher};
use crate::alert::{Alert, Severity};
use crate::limits;

/// The table `[alerts]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Alerts with the same values belong together; without columns each stands alone.
    pub group_by: Vec<Column>,
    /// Which alerts hide which.
    #[serde(rename = "inhibit")]
    pub inhibitions: Vec<Inhibition>,
    /// Who hears of an alert that nobody acknowledges.
    #[serde(rename = "escalate")]
    pub escalations: Vec<EscalationStep>,
}

/// An alert hides others for as long as it is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

/// What happens to an alert that nobody acknowledged in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EscalationStep {
    /// Minutes without an acknowledgement.
    pub after_minutes: u32,
    /// The alerts that it is about; all if empty.
    #[serde(default, rename = "match")]
    pub matchers: Vec<Matcher>,
    /// The receiver that hears of it then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiver: Option<String>,
    /// How bad it is from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
}

/// Which steps of escalation an alert has reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Escalation<'a> {
    /// The steps that are due, in the order of the configuration, with their numbers there.
    pub due: Vec<(usize, &'a EscalationStep)>,
    /// When the next one will be.
    pub next: Option<i64>,
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
    #[error("alerts.escalate[{0}] does nothing; give it a receiver, a severity or both")]
    Idle(usize),
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
        for (at, step) in self.escalations.iter().enumerate() {
            let table = "escalate";
            if step.matchers.len() > limits::MATCHERS_MAX {
                return Err(PolicyError::Matchers { table, at, field: "match" });
            }
            if let Some(receiver) = &step.receiver {
                check_name(receiver).ok_or(PolicyError::Name { table, at, field: "receiver" })?;
            }
            if !(1..=limits::ESCALATION_MINUTES_MAX).contains(&step.after_minutes) {
                return Err(PolicyError::Wait(at));
            }
            if step.receiver.is_none() && step.severity.is_none() {
                return Err(PolicyError::Idle(at));
            }
        }
        Ok(())
    }

    /// What alerts that belong together have in common. It is a JSON list, because values are attacker-written and no
    /// separator is safe from them.
    pub fn group_key(&self, alert: &Alert) -> String {
        let values: Vec<&str> = if self.group_by.is_empty() {
            vec![&alert.id]
        } else {
            self.group_by.iter().map(|column| column.value(alert)).collect()
        };
        serde_json::Value::from(values).to_string()
    }

    /// The steps that an alert has reached which waited since `since`. Acknowledged and done alerts, and alerts about old
    /// events, reach none.
    pub(super) fn escalation(&self, triaged: &Triaged, since: i64, now: i64) -> Escalation<'_> {
        let mut escalation = Escalation::default();
        if triaged.status() != Status::Open || triaged.alert.backfill {
            return escalation;
        }
        for (at, step) in self.escalations.iter().enumerate() {
            if !step.matchers.iter().all(|matcher| matcher.matches(&triaged.alert)) {
                continue;
            }
            let when = since.saturating_add(i64::from(step.after_minutes) * 60_000_000);
            if when <= now {
                escalation.due.push((at, step));
            } else {
                escalation.next = Some(escalation.next.map_or(when, |next| next.min(when)));
            }
        }
        escalation
    }
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
        let step =
            |after_minutes, severity| EscalationStep { after_minutes, matchers: Vec::new(), receiver: None, severity };
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
        check(escalate(step(1, None)), "alerts.escalate[0] does nothing; give it a receiver, a severity or both");
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
