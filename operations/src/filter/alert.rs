//! Alerts as filters see them: what a detector found, and with it what people did. Matchers read the same texts.

use ledger::Timestamp;

use super::{Fields, Place, Value, words};
use crate::alert::Alert;
use crate::triage::Triaged;

/// The text of a column of an alert as a detector found it, by the column's name in the view of alerts.
pub(crate) fn text<'a>(alert: &'a Alert, column: &str) -> Option<&'a str> {
    let Alert { who, what, .. } = alert;
    match column {
        "alert" => Some(&alert.id),
        "rule" => Some(&alert.rule),
        "severity" => Some(alert.severity.as_str()),
        "title" => Some(&alert.title),
        "reason" => Some(&alert.reason),
        "org" => who.org.as_deref(),
        "team" => who.team.as_deref(),
        "user" => who.user.as_deref(),
        "agent" => who.agent.as_deref(),
        "session" => who.session.as_deref(),
        "workspace" => who.workspace.as_deref(),
        "workspace_name" => who.workspace_name.as_deref(),
        "host" => what.host.as_deref(),
        "domain" => what.domain.as_deref().or(what.host.as_deref()),
        "model" => what.model.as_deref(),
        "tool" => what.tool.as_deref(),
        _ => None,
    }
}

/// Whether one of the texts in a place satisfies `holds`; `of_people` gives what people did.
fn any<'a>(
    alert: &'a Alert,
    place: &Place,
    of_people: impl Fn(&str) -> Option<&'a str>,
    holds: &mut dyn FnMut(Value<'_>) -> bool,
) -> bool {
    let Place::Word(word) = place else { return false };
    word.alerts.iter().any(|column| match *column {
        "tags" => alert.tags.iter().any(|tag| holds(Value::Text(tag))),
        column => text(alert, column).or_else(|| of_people(column)).is_some_and(|found| holds(Value::Text(found))),
    })
}

impl Fields for Alert {
    fn any(&self, place: &Place, holds: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        any(self, place, |_| None, holds)
    }

    fn any_text(&self, holds: &mut dyn FnMut(&str) -> bool) -> bool {
        words::SEARCHED_ALERTS.iter().any(|column| text(self, column).is_some_and(&mut *holds))
    }

    fn span(&self) -> Option<(Timestamp, Timestamp)> {
        Some((self.first_seen, self.last_seen))
    }
}

impl Fields for Triaged {
    fn any(&self, place: &Place, holds: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        let of_people = |column: &str| match column {
            "status" => Some(self.status().as_str()),
            "assignee" => self.assignee.as_deref(),
            _ => None,
        };
        any(&self.alert, place, of_people, holds)
    }

    fn any_text(&self, holds: &mut dyn FnMut(&str) -> bool) -> bool {
        self.alert.any_text(holds)
    }

    fn span(&self) -> Option<(Timestamp, Timestamp)> {
        self.alert.span()
    }
}
