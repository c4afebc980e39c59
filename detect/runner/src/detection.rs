//! What a runner carries on: an engine, the rules in force and their number. Its bytes are a snapshot.

use detect_core::engine::{Engine, EnginePosition, StateError};
use detect_core::key::Key;
use detect_core::pack::{RestoreError, pack_json, unpack_json};
use detect_rules::rule_set::RuleSet;
use ledger::Timestamp;
use serde::{Deserialize, Serialize};

/// An engine under the rules from which it was built.
pub struct Detection {
    /// The engine.
    pub engine: Engine,
    revision: u32,
    rules: RuleSet,
    key: Key,
}

/// The beginning of a snapshot; the engine's own bytes follow.
#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    /// Number of the rules under which it was written, and the rules.
    revision: u32,
    #[serde(flatten)]
    rules: RuleSet,
}

const FORMAT: u32 = 7;

/// A snapshot cannot be used. The runner takes an older one, or reads the ledger from its start.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Another version of Tachograph wrote it.
    #[error("the snapshot has format {0}, this version reads {FORMAT}")]
    OtherFormat(u32),
    /// It does not begin as a snapshot does, or the state cannot be written.
    #[error("the snapshot is not readable: {0}")]
    Unreadable(#[from] RestoreError),
    /// The states of the detectors.
    #[error(transparent)]
    State(#[from] StateError),
}

impl Detection {
    /// Nothing was seen. Rows recorded before `live_from` will be backfill.
    pub fn new(rules: &RuleSet, key: Key, live_from: Timestamp) -> Self {
        Self { engine: rules.engine(key, live_from), revision: 1, rules: rules.clone(), key }
    }

    /// The rules that are in force, and their number from 1.
    pub fn rules(&self) -> (u32, &RuleSet) {
        (self.revision, &self.rules)
    }

    /// How far it has come.
    pub fn progress(&self) -> EnginePosition {
        self.engine.progress()
    }

    /// Goes on under other rules: states are kept, detectors that were not enabled start empty.
    pub fn change_rules(&mut self, revision: u32, rules: RuleSet) -> Result<(), SnapshotError> {
        self.engine = self.engine.with_parts(rules.build(self.key))?;
        (self.revision, self.rules) = (revision, rules);
        Ok(())
    }

    /// Writes the whole state.
    pub fn snapshot(&self) -> Result<Vec<u8>, SnapshotError> {
        let mut bytes = Vec::new();
        let header = Header { format: FORMAT, revision: self.revision, rules: self.rules.clone() };
        pack_json(&header, &mut bytes)?;
        bytes.append(&mut self.engine.snapshot()?);
        Ok(bytes)
    }

    /// Builds the detectors with the state that was written, under the rules that were in force.
    pub fn restore(mut bytes: &[u8], key: Key) -> Result<Self, SnapshotError> {
        let Header { format, revision, rules } = unpack_json(&mut bytes)?;
        if format != FORMAT {
            return Err(SnapshotError::OtherFormat(format));
        }
        let engine = Engine::restore(bytes, rules.build(key), key)?;
        Ok(Self { engine, revision, rules, key })
    }
}
