//! One event as the fold looks at it: which kinds are about an agent's work, and when it happened. No state stands here.

use ledger::column::handle;
use ledger::events::column;
use ledger::{Row, Seq, Timestamp};
use operations::teller::{Rank, Teller, is_claim};
use operations::witness::{Said, Witnesses};
use sha2::{Digest, Sha256};

use crate::limits;

/// A row of `events`.
#[derive(Clone, Copy)]
pub(super) struct Observation<'a> {
    row: Row<'a>,
    /// What happened.
    pub(super) kind: &'a str,
    /// When it was seen: what an agent writes into `time` moves nothing.
    pub(super) moment: Timestamp,
}

/// What an agent is busy with in an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// Calls, commands, files, requests.
    Acting,
    /// Calls of models.
    Thinking,
    /// Anything else.
    Other,
}

/// The kinds that show an agent at work, or the beginnings of their names. What a control plane tells of people, workspaces and
/// connections is none of them.
const WORK: [&str; 12] = [
    "egress.",
    "dns.",
    "model.",
    "tool.",
    "command",
    "file.",
    "prompt",
    "session.",
    "subagent.",
    "approval",
    "check.",
    "agent.",
];
/// Those of them that are acts.
const ACTS: [&str; 5] = ["tool.", "command", "file.", "egress.", "dns."];

impl<'a> Observation<'a> {
    /// The row, if it says what happened.
    pub(super) fn of(row: Row<'a>) -> Option<Self> {
        let kind = row.text(column::KIND)?;
        let (observed, time) = (row.time(column::OBSERVED), row.time(column::TIME));
        let seen = match (observed, time) {
            // What is read in later happened when its source says.
            (Some(observed), Some(time)) if observed.since(time) > limits::FLEET_IMPORTED => time,
            _ => observed.or(time).unwrap_or(row.recorded),
        };
        Some(Self { row, kind, moment: seen.min(row.recorded) })
    }

    /// Whether it is about an agent's work.
    pub(super) fn is_work(&self) -> bool {
        WORK.iter().any(|work| self.kind.starts_with(work))
    }

    /// Whether it is declared to be old: its way here says nothing of how fast events come.
    pub(super) fn is_read_in(&self) -> bool {
        self.is_marked("backfill")
    }

    /// Whether it has a mark.
    fn is_marked(&self, word: &str) -> bool {
        self.row.has(column::MARKS.id()) && self.row.list(column::MARKS).any(|mark| mark == word)
    }

    /// A text column.
    pub(super) fn text(&self, column: handle::Text) -> Option<&'a str> {
        self.row.text(column)
    }

    /// A number that is not negative.
    pub(super) fn number(&self, column: handle::Integer) -> Option<u64> {
        self.row.integer(column).and_then(|number| number.try_into().ok())
    }

    /// A number.
    pub(super) fn integer(&self, column: handle::Integer) -> Option<i64> {
        self.row.integer(column)
    }

    /// What a call does, as a keyed hash.
    pub(super) fn action(&self) -> Option<u64> {
        self.row.fingerprint(column::ACTION_FP)
    }

    /// Where the row stands.
    pub(super) fn seq(&self) -> Seq {
        self.row.position.seq
    }

    /// When it was recorded.
    pub(super) fn recorded(&self) -> Timestamp {
        self.row.recorded
    }

    /// The agent's name, unless it is that of one of the agents of a session: hooks tell those, and the session is the agent.
    pub(super) fn agent(&self) -> Option<&'a str> {
        let agent = self.text(column::AGENT)?;
        let is_of_hook = self.text(column::AGENT_KIND).is_some_and(|kind| self.text(column::SOURCE) == Some(kind));
        (!is_of_hook).then_some(agent)
    }

    /// What the agent is busy with.
    pub(super) fn doing(&self) -> Doing {
        if ACTS.iter().any(|act| self.kind.starts_with(act)) {
            Doing::Acting
        } else if self.kind.starts_with("model.") {
            Doing::Thinking
        } else {
            Doing::Other
        }
    }

    /// Whether it is a request to the network.
    pub(super) fn is_request(&self) -> bool {
        self.kind.starts_with("egress.") || self.kind.starts_with("dns.")
    }

    /// Whether it is the agent's own work and not what the network says of its workspace.
    pub(super) fn is_own(&self) -> bool {
        !self.is_request()
    }

    /// Whether something was refused.
    pub(super) fn is_denied(&self) -> bool {
        matches!(self.text(column::OUTCOME), Some("deny" | "blocked"))
    }

    /// Whether it came with the natural id of another event and says something else: its money was counted.
    pub(super) fn is_conflict(&self) -> bool {
        self.is_marked("conflict")
    }

    /// Who tells of its money.
    pub(super) fn teller(&self) -> Teller {
        let source = self.text(column::SOURCE).unwrap_or("");
        let rank = Rank::of(source, self.text(column::FAMILY), self.text(column::TRUST));
        let collector = self.text(column::COLLECTOR).filter(|_| rank <= Rank::Agent).unwrap_or("");
        let digest = Sha256::new().chain_update(source).chain_update("\0").chain_update(collector).finalize();
        Teller { rank, feed: u16::from_be_bytes([digest[0], digest[1]]), second: self.moment.unix_seconds() }
    }

    /// Who tells of it.
    pub(super) fn witnesses(&self) -> Witnesses {
        Witnesses::of(Said {
            source: self.text(column::SOURCE).unwrap_or(""),
            kind: self.kind,
            family: self.text(column::FAMILY),
            is_claim: self.text(column::TRUST).is_some_and(is_claim),
            action: self.text(column::ACTION),
            target: self.text(column::TARGET),
        })
    }

    /// How far a session's name goes before others: the agent's own, then the gateway's; a firewall numbers its own.
    pub(super) fn session_rank(&self) -> u8 {
        match self.text(column::FAMILY) {
            Some("boundary") => 0,
            Some("gateway") => 1,
            _ => 2,
        }
    }
}
