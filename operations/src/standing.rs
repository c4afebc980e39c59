//! How a collector or a sink stands: one list of words for all that brings entries to a ledger or takes them from it, for pages,
//! commands, metrics and logs. What each of them means for one collector or sink is for the package that runs it.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::limits::STANDING_TOLD_EVERY;
use ledger::Timestamp;

/// The state of a collector or a sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing is wrong.
    Ok,
    /// It stands still because its configuration says so, or somebody ordered it.
    Paused,
    /// What it reads is not there.
    Missing,
    /// What it reads is there and may not be read, or is nothing that can be read.
    Unreadable,
    /// Something was left out or is waiting that its configuration should decide about.
    PassedOver,
    /// The ledger does not take what it writes: events that were read, or receipts.
    Refused,
    /// The dialect does not understand most of what comes.
    NotUnderstood,
    /// The other side, a receiver or a broker, does not answer, does not acknowledge, or refuses for now. It is tried again.
    Blocked,
    /// Somebody has to change something first: a secret, a permission, an address. It is tried again now and then.
    Parked,
    /// The receiver refused for good what it was sent last; that is a dead letter.
    Rejected,
    /// It ended because of an error.
    Stopped,
}

impl State {
    /// Every state, the best first.
    pub const ALL: [Self; 11] = [
        Self::Ok,
        Self::Paused,
        Self::Missing,
        Self::Unreadable,
        Self::PassedOver,
        Self::Refused,
        Self::NotUnderstood,
        Self::Blocked,
        Self::Parked,
        Self::Rejected,
        Self::Stopped,
    ];

    /// The word in pages, metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Paused => "paused",
            Self::Missing => "missing",
            Self::Unreadable => "unreadable",
            Self::PassedOver => "passed_over",
            Self::Refused => "refused",
            Self::NotUnderstood => "not_understood",
            Self::Blocked => "blocked",
            Self::Parked => "parked",
            Self::Rejected => "rejected",
            Self::Stopped => "stopped",
        }
    }

    /// Whether somebody should look.
    pub fn is_trouble(self) -> bool {
        !matches!(self, Self::Ok | Self::Paused)
    }

    /// What to do about it; `None` if nothing has to be done.
    pub fn remedy(self) -> Option<&'static str> {
        Some(match self {
            Self::Ok => return None,
            Self::Paused => {
                "`tachograph sinks resume NAME`, or take `paused` out of the configuration, when it is to go on; nothing is lost meanwhile"
            }
            Self::Missing => {
                "correct `path` or `topics`, or start what writes there; it is read as soon as it is there"
            }
            Self::Unreadable => "let the server's user read it; it is tried again every few seconds",
            Self::PassedOver => {
                "say in `path` or `rotated` what belongs to the collector; of Kafka, keep records for longer than this server may stand still"
            }
            Self::Refused => {
                "make space on the disk of the data directory, or start the server again if its log says so"
            }
            Self::NotUnderstood => "correct `dialect`; what came is kept as events of kind `unparsed`",
            Self::Blocked => "look at the other side and the way to it; nothing is lost, it is tried again",
            Self::Parked => "correct the secret or setting that the reason names; nothing is lost meanwhile",
            Self::Rejected => "see why, then `tachograph sinks retry NAME` sends it once more",
            Self::Stopped => "start the server again; if it ends again, the reason says what has to be mended",
        })
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A state with what to know of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The word.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// What is wrong, for people. It may name paths and quote receivers, so it is not to be trusted on a terminal; it holds no secret
    /// and no text of a record.
    pub reason: Option<String>,
}

impl Standing {
    /// It is well since this moment.
    pub fn ok(now: Timestamp) -> Self {
        Self { state: State::Ok, since: now, reason: None }
    }

    /// Takes over a state. The same one in other words, such as with another number of files, began when it began.
    pub fn change(&mut self, now: Timestamp, state: State, reason: Option<String>) {
        if self.state != state {
            (self.state, self.since) = (state, now);
        }
        self.reason = reason;
    }
}

/// What the log is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// An episode of trouble began, or became another one.
    Began,
    /// It is over.
    Ended,
}

/// Decides what the log is told: the beginning and the end of each episode of trouble, not every try. What comes and goes all
/// the time is told once a minute.
#[derive(Debug, Default)]
pub struct Teller {
    /// When each trouble was told last.
    told: HashMap<State, Timestamp>,
    /// The trouble that was told and whose end was not.
    open: Option<State>,
}

impl Teller {
    /// What to tell now. Ask after each change and, as long as something is wrong, now and then.
    pub fn tell(&mut self, now: Timestamp, standing: &Standing) -> Option<Telling> {
        let state = standing.state;
        if !state.is_trouble() {
            return self.open.take().map(|_| Telling::Ended);
        }
        let told_after = now.saturating_sub(STANDING_TOLD_EVERY);
        if self.open == Some(state) || self.told.get(&state).is_some_and(|told| *told > told_after) {
            return None;
        }
        self.told.insert(state, now);
        self.open = Some(state);
        Some(Telling::Began)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(micros: i64) -> Timestamp {
        Timestamp::from_unix_micros(micros)
    }

    #[test]
    fn words_are_those_of_serde_and_trouble_has_a_remedy() {
        for state in State::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
            assert!(!state.is_trouble() || state.remedy().is_some(), "{state}");
        }
    }

    #[test]
    fn a_state_lasts_from_its_beginning_whatever_is_said_of_it() {
        let mut standing = Standing::ok(moment(1));
        standing.change(moment(2), State::Ok, None);
        assert_eq!(standing.since, moment(1));
        standing.change(moment(3), State::Missing, Some("a".to_owned()));
        standing.change(moment(4), State::Missing, Some("b".to_owned()));
        assert_eq!((standing.since, standing.reason.as_deref()), (moment(3), Some("b")));
        standing.change(moment(5), State::Unreadable, None);
        assert_eq!(standing.since, moment(5));
    }

    #[test]
    fn an_episode_is_told_twice_and_flapping_once_a_minute() {
        use Telling::{Began, Ended};
        let mut teller = Teller::default();
        for (second, state, told) in [
            (0, State::Ok, None),
            (1, State::Blocked, Some(Began)),
            (2, State::Blocked, None),
            // However long it lasts.
            (200, State::Blocked, None),
            // Another trouble is another line, but not each time.
            (201, State::Parked, Some(Began)),
            (201, State::Blocked, Some(Began)),
            (201, State::Parked, None),
            (202, State::Ok, Some(Ended)),
            (203, State::Ok, None),
            // It comes and goes.
            (204, State::Parked, None),
            (205, State::Ok, None),
            (206, State::Parked, None),
            // It stays: that must be told in the end.
            (262, State::Parked, Some(Began)),
            (263, State::Paused, Some(Ended)),
        ] {
            let standing = Standing { state, since: Timestamp::EPOCH, reason: None };
            assert_eq!(teller.tell(moment(second * 1_000_000), &standing), told, "{second} {state}");
        }
    }
}
