//! What went wrong in an event: the class of its error, coarse enough that the same trouble has the same class.
//!
//! Infrastructure that is overloaded or away is told apart from work that fails: the first is no agent's fault.

use ledger::events::column;

use crate::event_columns::EventColumns;

/// The class of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Failure {
    /// Status 429: too many requests.
    RateLimited,
    /// Status 5xx, with the status.
    Server(u16),
    /// A time limit passed: status 408 or 504, or exit code 124.
    Timeout,
    /// Status 401, 403 or 407: not allowed to.
    Unauthorised,
    /// Any other status 4xx.
    Client(u16),
    /// The policy or a person refused.
    Refused,
    /// A command ended with this exit code.
    Exit(i32),
    /// The source says no more than that it failed.
    Failed,
}

impl Failure {
    /// The class of the error that an event reports, if it reports one. Who has the event asks it instead.
    pub fn of(columns: &EventColumns<'_>) -> Option<Self> {
        match (columns.integer(column::STATUS), columns.integer(column::EXIT_CODE), columns.text(column::OUTCOME)) {
            (_, _, Some("deny" | "blocked")) => Some(Self::Refused),
            (Some(429), ..) => Some(Self::RateLimited),
            (Some(408 | 504), ..) | (_, Some(124), _) => Some(Self::Timeout),
            (Some(status @ 500..=599), ..) => Some(Self::Server(status as u16)),
            (Some(401 | 403 | 407), ..) => Some(Self::Unauthorised),
            (Some(status @ 400..=499), ..) => Some(Self::Client(status as u16)),
            (_, Some(code), _) if code != 0 => {
                Some(Self::Exit(code.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32))
            }
            (_, _, Some("error")) => Some(Self::Failed),
            _ => None,
        }
    }

    /// Whether the cause lies outside of the agent's work: waiting helps, another approach does not.
    pub fn is_infrastructure(self) -> bool {
        matches!(self, Self::RateLimited | Self::Server(_) | Self::Timeout)
    }

    /// The same of a code.
    pub fn is_infrastructure_code(code: u32) -> bool {
        matches!(code >> 24, 1..=3)
    }

    /// The class in one number, for hashes and for state.
    pub fn code(self) -> u32 {
        let (class, detail) = match self {
            Self::RateLimited => (1, 0),
            Self::Server(status) => (2, u32::from(status)),
            Self::Timeout => (3, 0),
            Self::Unauthorised => (4, 0),
            Self::Client(status) => (5, u32::from(status)),
            Self::Refused => (6, 0),
            // Exit codes have a byte; of others enough is left to tell them apart.
            Self::Exit(code) => (7, code as u32 & 0x00ff_ffff),
            Self::Failed => (8, 0),
        };
        class << 24 | detail
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::RateLimited => f.write_str("status 429 (rate limit)"),
            Self::Server(status) => write!(f, "status {status} (server error)"),
            Self::Timeout => f.write_str("a timeout"),
            Self::Unauthorised => f.write_str("a refusal of its credentials"),
            Self::Client(status) => write!(f, "status {status}"),
            Self::Refused => f.write_str("a refusal by policy"),
            Self::Exit(code) => write!(f, "exit code {code}"),
            Self::Failed => f.write_str("an error"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures;

    fn check(mut event: Value, expected: Option<Failure>) {
        event["second"] = json!(0);
        let rows = fixtures::rows(std::slice::from_ref(&event));
        let row = rows.get(0).unwrap();
        assert_eq!(Failure::of(&EventColumns::new(&row)), expected, "{event}");
    }

    #[test]
    fn classes_are_told_apart() {
        check(json!({"status": 200, "outcome": "success"}), None);
        check(json!({"status": 429, "outcome": "error"}), Some(Failure::RateLimited));
        check(json!({"status": 529}), Some(Failure::Server(529)));
        check(json!({"status": 504}), Some(Failure::Timeout));
        check(json!({"exit_code": 124, "outcome": "error"}), Some(Failure::Timeout));
        check(json!({"exit_code": 2, "outcome": "error"}), Some(Failure::Exit(2)));
        check(json!({"exit_code": 0, "outcome": "success"}), None);
        check(json!({"status": 403, "outcome": "deny"}), Some(Failure::Refused));
        check(json!({"status": 403}), Some(Failure::Unauthorised));
        check(json!({"status": 404}), Some(Failure::Client(404)));
        check(json!({"outcome": "error"}), Some(Failure::Failed));
        assert!(Failure::Timeout.is_infrastructure() && !Failure::Exit(1).is_infrastructure());
        let all =
            [Failure::RateLimited, Failure::Server(503), Failure::Timeout, Failure::Unauthorised, Failure::Client(404)];
        for failure in all.into_iter().chain([Failure::Refused, Failure::Exit(-1), Failure::Failed]) {
            assert_eq!(Failure::is_infrastructure_code(failure.code()), failure.is_infrastructure(), "{failure}");
        }
    }
}
