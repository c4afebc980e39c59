//! Secrets on their way to one destination: how bad it is and how it is put. Kinds and offsets only.

use detect_core::episode::span_seconds;
use detect_core::text::{bounded, sentences, times};
use effects::host::Class;
use operations::alert::{Alert, Measurement, Severity, Unit};
use serde::{Deserialize, Serialize};

use super::redaction::Redaction;
use crate::limits::NAMES_IN_TEXT;

/// How secrets leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// In a request.
    Request {
        /// The kind of destination.
        class: Class,
        /// Whether everybody talks to it.
        popular: bool,
        /// Whether the firewall refused it.
        refused: bool,
    },
    /// In a command that sends.
    Command,
    /// In the arguments for a tool server.
    Server,
}

/// What is known about secrets on their way to one destination.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Leak {
    scope_kind: String,
    way: Way,
    target: String,
    /// Kind, field and offset of the first ones.
    secrets: Vec<String>,
    /// Whether one has a form of its own, so that it is certainly a secret.
    certain: bool,
    /// Names of canaries, each with field and offset.
    canaries: Vec<String>,
}

impl Leak {
    /// What one event shows.
    pub fn new(
        scope_kind: &str,
        way: Way,
        target: &str,
        redactions: &[Redaction<'_>],
        canaries: &[(String, &'static str, usize)],
    ) -> Self {
        let secret = |redaction: &Redaction<'_>| {
            format!("{} in {} at {}", bounded(redaction.kind), bounded(redaction.field), redaction.offset)
        };
        let canary = |(name, field, offset): &(String, &'static str, usize)| format!("{name} in {field} at {offset}");
        Self {
            scope_kind: scope_kind.to_owned(),
            way,
            target: bounded(target),
            secrets: redactions.iter().take(NAMES_IN_TEXT).map(secret).collect(),
            certain: redactions.iter().any(|redaction| !redaction.is_by_name()),
            canaries: canaries.iter().take(NAMES_IN_TEXT).map(canary).collect(),
        }
    }

    /// Adds what another event shows; the worst stays.
    pub fn add(&mut self, other: &Self) {
        if let (Way::Request { refused, .. }, Way::Request { refused: false, .. }) = (&mut self.way, other.way) {
            *refused = false;
        }
        self.certain |= other.certain;
        for (list, more) in [(&mut self.secrets, &other.secrets), (&mut self.canaries, &other.canaries)] {
            for text in more {
                if list.len() < NAMES_IN_TEXT && !list.contains(text) {
                    list.push(text.clone());
                }
            }
        }
    }

    fn observed(&self, alert: &Alert) -> String {
        let Self { scope_kind, target, .. } = self;
        let to = if target.is_empty() { String::new() } else { format!(" to {target}") };
        let way = match self.way {
            Way::Request { refused: true, .. } => format!("wanted to send a secret{to}, which was refused"),
            Way::Request { .. } => format!("sent a secret{to} in a request"),
            Way::Command => format!("ran a command that sends a secret{to}"),
            Way::Server => format!("gave a secret to the tool server {target}"),
        };
        format!("This {scope_kind} {way}, {}.", times(alert.count))
    }

    fn which(&self) -> String {
        let canaries = match self.canaries.as_slice() {
            [] => String::new(),
            names => format!("Canaries: {}. Nobody uses them, so somebody took them.", names.join(", ")),
        };
        let secrets = match self.secrets.as_slice() {
            [] => String::new(),
            secrets => format!("What it was: {}. The value was redacted before it was recorded.", secrets.join(", ")),
        };
        sentences(&[canaries, secrets])
    }

    fn verdict(&self) -> &'static str {
        match (self.canaries.is_empty(), self.certain) {
            (false, _) => "Treat the workspace as taken over until the evidence says otherwise.",
            (true, true) => "Replace the secret: it stands in the logs of everybody on the way.",
            (true, false) => {
                "It was known by its name, not by its form: a signed link looks the same. Few other agents send the like there."
            }
        }
    }
}

impl detect_core::episode::Case for Leak {
    fn severity(&self, _: &Alert) -> Severity {
        if !self.canaries.is_empty() {
            return Severity::Critical;
        }
        match self.way {
            Way::Request { class, refused, .. } if class.is_risky() && self.certain && !refused => Severity::Critical,
            Way::Request { class, .. } if class.is_risky() => Severity::High,
            Way::Request { .. } if !self.certain => Severity::Low,
            Way::Request { popular, refused, .. } if popular || refused => Severity::Medium,
            Way::Request { .. } | Way::Command => Severity::High,
            Way::Server => Severity::Medium,
        }
    }

    fn title(&self, _: &Alert) -> String {
        let what = if self.canaries.is_empty() { "Secret" } else { "Canary" };
        match self.target.as_str() {
            "" => format!("{what} in a command that sends"),
            target => format!("{what} on its way to {target}"),
        }
    }

    fn reason(&self, alert: &Alert) -> String {
        sentences(&[self.observed(alert), self.which(), self.verdict().to_owned()])
    }

    fn measured(&self, alert: &Alert) -> Option<Measurement> {
        Some(Measurement::new("events with a secret", Unit::Count, alert.count).within(span_seconds(alert)))
    }
}
