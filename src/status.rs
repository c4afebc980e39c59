//! How a running server is: what `/api/v1/status` answers and `doctor` reads.

use std::collections::BTreeMap;

use ledger::consumer::{Condition, ConsumerStatus};
use ledger::{Durable, LedgerError, Reader};
use proof::note::Checkpoint;
use serde::{Deserialize, Serialize};

use crate::endpoints::{Endpoint, Moment};

/// How a running server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Version of the program.
    pub version: String,
    /// Its process.
    pub process: u32,
    /// Address of the console.
    pub console: String,
    /// Whether the listeners speak TLS.
    #[serde(default)]
    pub tls: bool,
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
    /// What follows a ledger: detection, sinks, live tails.
    #[serde(default)]
    pub consumers: Vec<Following>,
    /// How far each ledger is, by its name.
    #[serde(default)]
    pub ledgers: BTreeMap<String, Head>,
    /// What the newest verification of the directory found: `number`, `verdict` and `at`; null before the first.
    #[serde(default)]
    pub verification: serde_json::Value,
}

/// Who follows a ledger, and how far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Following {
    /// Its name.
    pub name: String,
    /// The ledger, once it follows one.
    pub ledger: Option<String>,
    /// The next entry that it reads.
    pub cursor: u64,
    /// Durable entries that it is not done with.
    pub lag: u64,
    /// `idle`, `running`, or `waits`.
    pub state: String,
    /// What it waits for.
    pub waits_for: Option<String>,
}

impl From<ConsumerStatus> for Following {
    fn from(ConsumerStatus { name, condition, ledger, cursor, lag }: ConsumerStatus) -> Self {
        let state = match &condition {
            Condition::Idle => "idle",
            Condition::Running => "running",
            Condition::WaitsForSpace(_) => "waits",
        };
        Self {
            name: name.to_string(),
            ledger: ledger.map(|ledger| ledger.to_string()),
            cursor: cursor.get(),
            lag,
            state: state.to_owned(),
            waits_for: condition.waits_for(),
        }
    }
}

/// The end of a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Entries that are durable.
    pub entries: u64,
    /// Batches that are closed: the size of the newest checkpoint.
    pub batches: u64,
    /// Root of the newest checkpoint, in hexadecimal digits.
    pub root: Option<String>,
    /// Everything that was recorded before this moment is durable; heartbeats move it.
    pub recorded_until: Moment,
}

impl Head {
    /// What is durable in a ledger now.
    pub fn of(reader: &Reader) -> Result<Self, LedgerError> {
        let Durable { next_seq, recorded_until, batches } = reader.durable()?;
        let root =
            reader.checkpoint()?.and_then(|note| checkpoint_of(&note)).map(|checkpoint| checkpoint.root.to_string());
        Ok(Self { entries: next_seq.get(), batches, root, recorded_until: Moment(recorded_until) })
    }
}

/// The checkpoint in a signed note, whoever signed it; `None` if it cannot be read.
pub fn checkpoint_of(note: &str) -> Option<Checkpoint> {
    // The text comes before an empty line, its last newline included.
    let end = note.find("\n\n")?;
    Checkpoint::parse(note.get(..=end)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_has_its_checkpoint() {
        let note =
            "a.example/events/0/0\n12\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\u{2014} a.example AAAA\n";
        assert_eq!(checkpoint_of(note).map(|checkpoint| checkpoint.size), Some(12));
        assert_eq!(checkpoint_of("x"), None);
    }
}
