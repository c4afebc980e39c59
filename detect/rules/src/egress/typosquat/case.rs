//! One name that imitates another: how bad it is and how it is put.

use detect_core::event::EventRow;
use detect_core::limits::EPISODES_PER_SCOPE_MAX;
use detect_core::scope::Scope;
use detect_core::text::{bounded, counted, sentences};
use operations::alert::{Alert, Severity};
use serde::{Deserialize, Serialize};

use super::known::Ecosystem;
use super::likeness::Likeness;

/// What is known about a name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Squat {
    scope_kind: String,
    /// Where the package comes from; a host if there is none.
    ecosystem: Option<Ecosystem>,
    name: String,
    imitated: String,
    likeness: Likeness,
    /// Whether everything about it was refused.
    pub refused: bool,
    many: bool,
}

impl Squat {
    /// A name that is like another one.
    pub fn new(
        event: &EventRow<'_>,
        ecosystem: Option<Ecosystem>,
        name: &str,
        imitated: &str,
        likeness: Likeness,
        refused: bool,
    ) -> Self {
        Self {
            scope_kind: Scope::network(event).kind.to_owned(),
            ecosystem,
            name: bounded(name),
            imitated: bounded(imitated),
            likeness,
            refused,
            many: false,
        }
    }

    /// The same, or one that stands for all further names of the agent.
    pub fn of_many(self, many: bool) -> Self {
        Self { many, ..self }
    }

    fn observed(&self, alert: &Alert) -> String {
        let Self { scope_kind, name, .. } = self;
        let passage = if self.refused { ", which was refused" } else { "" };
        let count = counted(alert.count, "event");
        match self.ecosystem {
            None => format!("This {scope_kind} asked for the host {name}{passage} ({count})."),
            Some(ecosystem) => {
                format!("This {scope_kind} asked for the package {name} of {}{passage} ({count}).", ecosystem.title())
            }
        }
    }

    fn likeness(&self) -> String {
        let imitated = &self.imitated;
        match self.likeness {
            Likeness::Inside => {
                format!("The name carries {imitated} inside, but belongs to whoever owns what stands behind it.")
            }
            Likeness::LooksAlike => format!("At a glance it reads as {imitated}; the characters are others."),
            Likeness::Separators => format!("Only separators tell it from {imitated}."),
            Likeness::Ending => format!("Only the ending tells it from {imitated}."),
            Likeness::Edits(edits) => format!("It is {} away from {imitated}.", counted(edits.into(), "character")),
        }
    }

    fn verdict(&self) -> String {
        let many = if self.many {
            format!(" Names beyond {EPISODES_PER_SCOPE_MAX} of one {} share this alert.", self.scope_kind)
        } else {
            String::new()
        };
        let known = match self.ecosystem {
            None => "That one is well known, this one is not on the list of known hosts.",
            Some(_) => "That one is among the most used or your own, this one is neither.",
        };
        format!(
            "{known} Whoever registered it may wait for exactly this mistake: look before anything of it runs.{many}"
        )
    }
}

impl detect_core::episode::Case for Squat {
    fn severity(&self, _: &Alert) -> Severity {
        let sure = !matches!(self.likeness, Likeness::Edits(2..) | Likeness::Ending);
        match (self.ecosystem, sure) {
            _ if self.refused => Severity::Low,
            (None, true) => Severity::High,
            (None, false) | (Some(_), true) => Severity::Medium,
            (Some(_), false) => Severity::Low,
        }
    }

    fn title(&self, _: &Alert) -> String {
        format!("{} imitates {}", self.name, self.imitated)
    }

    fn reason(&self, alert: &Alert) -> String {
        sentences(&[self.observed(alert), self.likeness(), self.verdict()])
    }
}
