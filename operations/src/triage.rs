//! The life of alerts: what people do with them, what hides them, and who hears of them next.
//!
//! Detectors write the revisions of an alert ([`crate::alert`]). Everything else is recorded by named principals under the
//! kinds of [`crate::kind`]. [`Triage`] is the one fold over both; [`TriageService`] is the one way to change something. Whether anybody is
//! told of an alert is one question, [`Triage::notify`]; who is told, and how, belongs to delivery.
//!
//! Nothing here has a clock: time is a parameter, and it is recorded time. Every text in an alert
//! is attacker-written, so matchers take time that grows with its length only.

mod benign;
mod check;
mod fold;
mod hiding;
mod inhibitors;
mod life;
mod matcher;
mod notices;
mod policy;
mod request;
mod service;
mod silence;
mod silences;
#[cfg(test)]
pub(crate) mod tests;

use std::time::Duration;

pub use fold::{Found, Triage};
pub use hiding::{HiddenBy, Hiding, Notify};
pub use life::{Acknowledged, Action, By, Closed, Escalated, Status, Step, Triaged};
pub use matcher::{Column, Matcher, MatcherError};
pub use notices::Notices;
pub use policy::{Escalation, EscalationStep, EscalationStepOf, Inhibition, Policy, PolicyError, group_key};
pub use request::{Cause, NewSilence, Refused, Request};
pub use service::{Done, Taken, TriageService};
pub use silence::Silence;
pub use silences::{SilenceState, StandingSilence};

/// One day.
pub const DAY: Duration = Duration::from_hours(24);
