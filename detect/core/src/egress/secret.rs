//! Which events show that an agent had a secret in its hands.

use ledger::Position;
use ledger::Seq;
use ledger::Timestamp;
use ledger::events::column;
use serde::{Deserialize, Serialize};

use crate::aspects::Aspects;
use crate::command::reads;
use crate::event::EventRow;
use crate::failure::Failure;
use crate::file::secrets::holds_secrets;
use crate::{packed, packed_enum};

/// An event that showed a secret to an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretRead {
    /// Shard of the event.
    shard: u32,
    /// Sequence number of the event.
    seq: Seq,
    /// When it was recorded.
    pub recorded: Timestamp,
    /// How it was recognised.
    sign: Sign,
}

/// How a secret was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sign {
    /// By the name of the file.
    FileName,
    /// Redaction found one in the record.
    Redaction,
    /// By the name of a file that a command read.
    Command,
}

impl SecretRead {
    /// The secret that this event shows to its agent, if it does.
    pub fn of(event: &EventRow<'_>) -> Option<Self> {
        // What was refused showed no file. A call that is only asked for counts: not every source tells of its end.
        let is_refused = event.failure() == Some(Failure::Refused);
        let is_named = || event.text(column::FILE).is_some_and(holds_secrets);
        let is_run = || event.aspects().meet(Aspects::COMMAND) && reads::secret(event.line()).is_some();
        let sign = if !is_refused && is_named() {
            Sign::FileName
        } else if event.list(column::REDACTIONS).next().is_some() {
            Sign::Redaction
        } else if !is_refused && is_run() {
            Sign::Command
        } else {
            return None;
        };
        let Position { shard, seq, .. } = event.position();
        Some(Self { shard, seq, recorded: event.recorded(), sign })
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

packed!(SecretRead { shard, seq, recorded, sign });

packed_enum!(Sign { FileName, Redaction, Command });
