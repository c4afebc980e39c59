//! One recipient who is new: how bad it is and how it is put.

use detect_core::episode::{Case, span_seconds};
use detect_core::packed_enum;
use detect_core::text::{counted, sentences, times};
use effects::text::Request;
use operations::alert::{Alert, Measurement, Severity, Unit};
use serde::{Deserialize, Serialize};

use crate::deed::Deeds;

/// What is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Given {
    Data,
    Money,
    Rights,
}

packed_enum!(Given { Data, Money, Rights });

impl Given {
    pub fn word(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Money => "money",
            Self::Rights => "rights",
        }
    }

    /// What a person asks for who wants it given.
    pub fn requests(self) -> &'static [Request] {
        match self {
            Self::Data => &[Request::Send, Request::Share],
            Self::Money => &[Request::Pay],
            Self::Rights => &[Request::Share],
        }
    }

    fn does(self) -> &'static str {
        match self {
            Self::Data => "sends data to somebody",
            Self::Money => "pays somebody",
            Self::Rights => "lets somebody in",
        }
    }
}

/// What is known of it when its episode opens.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Recipient {
    pub given: Given,
    /// Whether the team is known long enough.
    pub is_known: bool,
    /// Whether the person asked for such a thing without saying to whom.
    pub is_asked: bool,
    /// For how many hours the team is known,
    pub hours: i64,
    /// and how many recipients of it before this one.
    pub known: u8,
    pub deeds: Deeds,
}

impl Recipient {
    fn baseline(&self) -> String {
        match (self.known, self.hours) {
            (0, _) => "It is the first of whom anything is known in this team.".to_owned(),
            (u8::MAX.., _) => "The team deals with hundreds of others.".to_owned(),
            (known, hours) => {
                format!(
                    "In {} the team gave something to {}.",
                    counted(hours.max(1) as u64, "hour"),
                    counted(known.into(), "other")
                )
            }
        }
    }
}

impl Case for Recipient {
    fn severity(&self, _: &Alert) -> Severity {
        let is_news = self.is_known && !self.is_asked;
        self.deeds.severity(if is_news { Severity::Medium } else { Severity::Low })
    }

    fn kind(&self) -> &'static str {
        self.given.word()
    }

    fn title(&self, _: &Alert) -> String {
        let who = if self.deeds.any_done() { "An agent" } else { "An agent asked for a call that" };
        format!("{who} {} who is new to its team", self.given.does())
    }

    fn reason(&self, alert: &Alert) -> String {
        let again = match alert.count {
            1 => String::new(),
            count => format!(" ({})", times(count)),
        };
        let who = if self.deeds.any_done() { "A call" } else { "The agent asked for a call that" };
        let first = format!(
            "{who} {} to whom nobody of the team gave anything before, and whom the person's prompts do not name{again}.",
            self.given.does()
        );
        let asked = if self.is_asked { "The person asked for such a thing without saying to whom." } else { "" };
        let look = "Look at the call for who it is and what was given; a new customer, service or colleague looks the same, once.";
        sentences(&[first, self.baseline(), asked.to_owned(), self.deeds.fate(), look.to_owned()])
    }

    fn measured(&self, alert: &Alert) -> Option<Measurement> {
        Some(
            Measurement::new("calls to new recipients", Unit::Count, alert.count)
                .within(span_seconds(alert))
                .known_from(u64::from(self.known)),
        )
    }

    fn stage(&self) -> u8 {
        self.deeds.stage()
    }
}
