//! One story of a text and what came of it: how bad it is and how it is put.

use detect_core::episode::{Case, span_seconds};
use detect_core::text::{bounded, duration, sentences};
use effects::text::{NameKind, Sign, Signs};
use ledger::{LedgerName, Position, Seq};
use operations::alert::{Alert, Measurement, Severity, Unit};
use serde::{Deserialize, Serialize};

use crate::deed::Deeds;

/// How the text and what came after it belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Story {
    /// A call names what the text named first.
    Followed,
    /// Soon after, a call did what no call of the session did before.
    Changed,
    /// Nothing came of it.
    Seen,
}

/// What is known about it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Followed {
    pub story: Story,
    /// Position of the result.
    pub shard: u32,
    pub seq: Seq,
    /// Signs of the text.
    pub signs: u16,
    /// The word for the kind of name that they share.
    pub shared: String,
    /// What the call did, as a part of a sentence; empty if it did nothing that others feel.
    pub did: String,
    /// The tool.
    pub tool: String,
    /// Seconds from the result to the first action.
    pub after_seconds: i64,
    /// How bad it is once it was done.
    pub done: Severity,
    pub deeds: Deeds,
}

impl Followed {
    fn signs(&self) -> Signs {
        Signs::from_bits(self.signs)
    }

    fn told(&self) -> Position {
        Position { ledger: LedgerName::Events, shard: self.shard, seq: self.seq }
    }

    /// What kind of text it was.
    fn text(&self) -> String {
        let signs: Vec<&str> =
            self.signs().iter().filter(|sign| !matches!(sign, Sign::About | Sign::Urgency)).map(Sign::clause).collect();
        format!("A result of a tool ({}) carries instructions: it {}.", self.told(), signs.join(", "))
    }

    fn action(&self) -> String {
        let when = match self.after_seconds {
            ..=0 => "Within a second".to_owned(),
            seconds => format!("{} later", duration(seconds.saturating_mul(1_000_000))),
        };
        let tool =
            if self.tool.is_empty() { "an action".to_owned() } else { format!("a call of {}", bounded(&self.tool)) };
        let did = if self.did.is_empty() { String::new() } else { format!("; {}", self.did) };
        match self.story {
            Story::Seen => "Nothing that it names was used so far.".to_owned(),
            Story::Followed => {
                let what = NameKind::of(&self.shared).map_or("something", NameKind::said);
                format!(
                    "{when} {tool} named {what} that stands in those instructions{did}. Neither the person's prompts nor earlier calls of \
                     the session named it."
                )
            }
            Story::Changed => {
                format!(
                    "{when} {tool} did what no call of the session did before and nobody asked for{did}; it names nothing of the text."
                )
            }
        }
    }

    fn look(&self) -> &'static str {
        match self.story {
            Story::Followed => {
                "Read the result first, then undo what the action did. What speaks against it: the person may have asked the agent to do \
                 what that text says in words that name nothing."
            }
            Story::Changed => "Read the result first and compare. The task may have come to that step by itself.",
            Story::Seen => {
                "Whoever wrote it tries again: look where the text comes from. Tests and articles about such attacks look alike."
            }
        }
    }
}

impl Case for Followed {
    fn severity(&self, _: &Alert) -> Severity {
        if self.story == Story::Seen { Severity::Low } else { self.deeds.severity(self.done) }
    }

    fn title(&self, _: &Alert) -> String {
        match (self.story, self.deeds.any_done()) {
            (Story::Seen, _) => "A tool's result carries hidden instructions".to_owned(),
            (Story::Followed, true) => "An agent did what a tool's result told it".to_owned(),
            (Story::Followed, false) => "An agent asked to do what a tool's result told it".to_owned(),
            (Story::Changed, _) => "An agent changed course after a tool's result".to_owned(),
        }
    }

    fn reason(&self, _: &Alert) -> String {
        let fate = if self.story == Story::Seen { String::new() } else { self.deeds.fate() };
        sentences(&[self.text(), self.action(), fate, self.look().to_owned()])
    }

    fn measured(&self, alert: &Alert) -> Option<Measurement> {
        let what = if self.story == Story::Seen { "results with instructions" } else { "actions after instructions" };
        Some(Measurement::new(what, Unit::Count, alert.count).within(span_seconds(alert)))
    }

    fn stage(&self) -> u8 {
        self.deeds.stage()
    }

    fn cause(&self) -> Option<Position> {
        Some(self.told())
    }
}
