//! The lines on the control socket: one JSON object per request and per answer.

use std::collections::BTreeMap;

use ledger::operations::TABLE;
use ledger::{AppendError, Group};
use operations::kind::token::TOKEN;
use operations::kind::{self, Envelope, Kind};
use operations::triage;
use operations::triage::Done;
use serde::{Deserialize, Serialize};

use crate::endpoints::Endpoint;

/// What a command asks of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Append one entry to `operations`.
    Append {
        /// The entry.
        entry: Operation,
    },
    /// Work on an alert or a silence.
    Triage {
        /// What to do.
        work: triage::Request,
    },
    /// Send what a sink refused to it once more.
    Retry {
        /// Name of the sink.
        sink: String,
    },
    /// How the server is.
    Status,
}

/// What the server answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// The entry is durable, and the server acts on it.
    Appended(Appended),
    /// The wish is durable, and the sink knows of it.
    Retrying,
    /// The work on an alert or a silence is durable, or was tried.
    Done(Done),
    /// How the server is.
    Status(Status),
    /// It was not done.
    Error {
        /// For programs.
        code: ErrorCode,
        /// For people.
        message: String,
    },
}

/// Where an entry was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appended {
    /// Its position, such as `operations/0/17`.
    pub position: String,
    /// When: microseconds since 1970 UTC.
    pub recorded: i64,
}

/// How a running server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Version of the program.
    pub version: String,
    /// Its process.
    pub process: u32,
    /// Address of the console.
    pub console: String,
    /// Address of intake.
    pub ingest: String,
    /// Whether `/readyz` says so, and if not, why.
    pub not_ready: Option<String>,
    /// Parts that stopped, with the reason.
    #[serde(default)]
    pub stopped: BTreeMap<String, String>,
    /// Every collector and every sink.
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
    /// Where each sink stands: `export::SinkStatus` as JSON.
    pub sinks: Vec<serde_json::Value>,
}

/// Why a request was not done, by what the command can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The line is not a request of this version.
    BadRequest,
    /// The kind of entry is not one that commands may append.
    Forbidden,
    /// The state of alerts does not allow it, or it breaks a bound.
    Refused,
    /// Try again in a moment.
    Busy,
    /// The disk is full.
    NoSpace,
    /// The server has to be started again.
    Poisoned,
    /// The server is stopping.
    Stopping,
}

impl ErrorCode {
    /// The code for a refused append.
    pub fn of(error: &AppendError) -> Self {
        match error {
            AppendError::Full { .. } => Self::Busy,
            AppendError::NoSpace { .. } | AppendError::WriteRefused { .. } => Self::NoSpace,
            AppendError::Poisoned { .. } => Self::Poisoned,
            AppendError::Stopped => Self::Stopping,
            _ => Self::BadRequest,
        }
    }

    /// The code for refused work on alerts.
    pub fn of_refusal(refused: &triage::Refused) -> Self {
        match refused {
            triage::Refused::Append(error) => Self::of(error),
            _ => Self::Refused,
        }
    }
}

/// One step in the life of one subject, before it has a position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// What happened: `token`, `config`, ….
    pub kind: String,
    /// What it happened to.
    pub subject: String,
    /// Number of the step in the subject's life, from 1, where steps are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// The state before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The state after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The fields of the kind.
    pub record: serde_json::Value,
}

/// Kinds that a command may append through the socket; all others are written by the server's own parts.
pub const KINDS: [&str; 1] = [TOKEN.word()];

impl Operation {
    /// An entry of a kind; who does it is known where it is recorded.
    pub fn new<R: Serialize>(kind: &Kind<R>, envelope: &Envelope<'_>, record: &R) -> Result<Self, serde_json::Error> {
        let Envelope { subject, revision, actor: _, from, to } = *envelope;
        Ok(Self {
            kind: kind.word().to_owned(),
            subject: subject.to_owned(),
            revision,
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
            record: serde_json::to_value(record)?,
        })
    }

    /// The group that records it under the name of `actor`.
    pub fn group(&self, actor: &str) -> Result<Group, AppendError> {
        let Self { kind, subject, revision, from, to, record } = self;
        let info = kind::find(kind).ok_or(AppendError::InvalidGroup("no such kind of entry is known"))?;
        let (from, to) = (from.as_deref(), to.as_deref());
        let envelope = Envelope { subject, revision: *revision, actor, from, to };
        let mut group = Group::new(&TABLE);
        group.push(&mut info.entry_of(&envelope, &record.to_string()))?;
        Ok(group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn requests_round_trip(subject: String, revision: Option<i64>, to: Option<String>, value: String) {
            let record = serde_json::json!({ "value": value });
            let entry = Operation { kind: "token".to_owned(), subject, revision, from: None, to, record };
            let request = Request::Append { entry };
            let line = serde_json::to_string(&request).unwrap();
            prop_assert!(!line.contains('\n'), "one request is one line");
            prop_assert_eq!(serde_json::from_str::<Request>(&line).unwrap(), request);
        }

        #[test]
        fn any_line_is_a_request_or_an_error(line in "\\PC{0,200}") {
            let _ = serde_json::from_str::<Request>(&line);
        }
    }
}
