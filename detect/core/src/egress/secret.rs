//! That an agent had a secret in its hands: what is kept of the event that showed it. Which events do is decided in `exposure`.

use ledger::{Position, Seq, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{packed, packed_enum};

/// An event that showed a secret to an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretRead {
    /// Shard of the event.
    shard: u32,
    /// Sequence number of the event.
    seq: Seq,
    /// When it was, as windows count.
    pub when: Timestamp,
    /// How it was recognised.
    sign: Sign,
}

/// How a secret was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sign {
    /// By the name of the file.
    FileName,
    /// Redaction found one in the record.
    Redaction,
    /// By the name of a file that a command read.
    Command,
}

impl SecretRead {
    /// A secret that was seen at a position.
    pub(super) fn new(Position { shard, seq, .. }: Position, when: Timestamp, sign: Sign) -> Self {
        Self { shard, seq, when, sign }
    }

    /// What the agent did, as a sentence.
    pub fn sentence(&self, scope_kind: &str) -> String {
        let did = match self.sign {
            Sign::FileName => "read a file whose name says that it holds secrets",
            Sign::Command => "ran a command that reads a file whose name says that it holds secrets",
            Sign::Redaction => "sent or received a secret, which was redacted here",
        };
        format!("The same {scope_kind} {did} ({}).", self.position())
    }

    /// Where the event stands.
    pub fn position(&self) -> Position {
        Position { ledger: ledger::LedgerName::Events, shard: self.shard, seq: self.seq }
    }
}

packed!(SecretRead { shard, seq, when, sign });

packed_enum!(Sign { FileName, Redaction, Command });
