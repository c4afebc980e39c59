//! The detectors and recorded time together: the pure core that the runner, a replay and a backtest share.

use std::borrow::Cow;
use std::collections::BTreeSet;

use ledger::Row;
use ledger::Seq;
use ledger::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert_budget::{AlertBudget, TeamBudgets};
use crate::aspects::Aspects;
use crate::clock::Clock;
use crate::detector::{self, Detector};
use crate::detector_state::DetectorState;
use crate::event;
use crate::findings::Findings;
use crate::key::Key;
use crate::pack::{RestoreError, pack_json, unpack_json};
use crate::shared::Shared;

/// A detector with the name of its state.
pub struct NamedDetector {
    /// Name of a built-in rule, or name and hash of a user rule: a changed rule does not read the state of the old one.
    pub name: Cow<'static, str>,
    /// Version of the rule.
    pub version: u32,
    /// The detector.
    pub detector: Box<dyn Detector + Send>,
    /// Whether its alerts are told as they are: see [`crate::rule::Rule::IS_ALWAYS_TOLD`].
    pub is_always_told: bool,
}

/// What an engine is built from.
pub struct Parts {
    /// The detectors, in the order in which they see an event.
    pub detectors: Vec<NamedDetector>,
    /// How many of their alerts a team gets above low.
    pub budget: AlertBudget,
}

impl NamedDetector {
    /// The rule of its alerts.
    pub fn rule(&self) -> &str {
        self.name.split_once('@').map_or(self.name.as_ref(), |(rule, _)| rule)
    }

    /// Judges what it gave in this event or second by the alert budgets, before other detectors hear of it.
    fn judge(&self, given: usize, budgets: &mut TeamBudgets, findings: &mut Findings) {
        if !self.is_always_told && findings.given() > given {
            findings.given_since(given).for_each(|(alert, kind)| budgets.judge(alert, kind));
        }
    }
}

/// All enabled detectors with the position and the time that they have seen. Which rules they come from, others know.
pub struct Engine {
    detectors: Vec<NamedDetector>,
    /// What each of them looks at, in the same order.
    looks_at: Vec<Aspects>,
    shared: Shared,
    budgets: TeamBudgets,
    key: Key,
    state: EnginePosition,
}

/// How far the engine has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnginePosition {
    /// The next row.
    pub next_seq: Seq,
    /// Recorded time.
    pub clock: Clock,
    /// Rows recorded before this moment are backfill.
    pub live_from: Timestamp,
}

/// The beginning of a snapshot, after which the states of the detectors follow in order.
#[derive(Serialize, Deserialize)]
struct Header {
    progress: EnginePosition,
    /// Version and length of the state that the detectors share, which stands first.
    shared: (u32, usize),
    /// The same of what the alert budgets measured, which stands next.
    budgets: (u32, usize),
    /// Name, version and length of the state of each detector.
    detectors: Vec<(String, u32, usize)>,
}

impl Engine {
    /// Detectors that have seen nothing. Rows recorded before `live_from` will be backfill.
    pub fn new(Parts { detectors, budget }: Parts, key: Key, live_from: Timestamp) -> Self {
        let state = EnginePosition { next_seq: Seq::FIRST, clock: Clock::default(), live_from };
        let looks_at = detectors.iter().map(|named| named.detector.looks_at()).collect();
        Self { detectors, looks_at, shared: Shared::new(key), budgets: TeamBudgets::new(budget, key), key, state }
    }

    /// Runs without the detectors of these rules: somebody else runs them. Says how many are left.
    pub fn leave_out(&mut self, rules: &BTreeSet<String>) -> usize {
        self.detectors.retain(|named| !rules.contains(named.rule()));
        self.looks_at = self.detectors.iter().map(|named| named.detector.looks_at()).collect();
        self.detectors.len()
    }

    /// How far it has come.
    pub fn progress(&self) -> EnginePosition {
        self.state
    }

    /// Tells the detectors that recorded time reached `second`.
    pub fn advance(&mut self, second: i64, down: bool, findings: &mut Findings) {
        self.state.clock.second = Some(second);
        findings.begin();
        for named in &mut self.detectors {
            let given = findings.given();
            detector::advance(named.detector.as_mut(), second, down, findings);
            named.judge(given, &mut self.budgets, findings);
        }
    }

    /// Lets recorded time pass until `second`, when batch number `batch` is the newest, and calls `each` after every second.
    /// Nothing passes before the first row.
    pub fn pass(&mut self, second: i64, batch: u64, findings: &mut Findings, mut each: impl FnMut(&mut Findings)) {
        let clock = self.state.clock;
        let Some(from) = clock.second.filter(|from| *from < second) else { return };
        if clock.is_outage(second, batch) {
            self.advance(second, true, findings);
            each(findings);
        } else {
            for second in from + 1..=second {
                self.advance(second, false, findings);
                each(findings);
            }
        }
        self.note_batch(batch);
    }

    /// Notes the newest batch that is known, which tells outages from silence.
    pub fn note_batch(&mut self, batch: u64) {
        self.state.clock.batch = self.state.clock.batch.max(batch);
    }

    /// Shows a row to the detectors. The caller has advanced time to the row's second.
    pub fn observe(&mut self, row: &Row<'_>, findings: &mut Findings) {
        let backfill = row.recorded < self.state.live_from || event::is_old(row);
        findings.begin();
        let event = self.shared.event(row, backfill, findings);
        self.budgets.note(&event);
        for (named, looks_at) in self.detectors.iter_mut().zip(&self.looks_at) {
            if looks_at.meet(event.aspects()) {
                let given = findings.given();
                named.detector.observe(&event, findings);
                named.judge(given, &mut self.budgets, findings);
            }
        }
        let (sender, second) = (event.sender(), event.recorded_second());
        self.state.clock.second.get_or_insert(second);
        let opened = findings.opened().count() as u32;
        if opened > 0 {
            self.shared.note_opened(sender, second, opened);
        }
        self.note_batch(row.batch);
        self.state.next_seq = row.position.seq.next();
    }

    /// Shows every event to every detector from now on, whatever they look at: for tests of what they look at.
    pub fn show_everything(&mut self) {
        self.looks_at.fill(Aspects::ALL);
    }

    /// Writes the whole state.
    pub fn snapshot(&self) -> Result<Vec<u8>, StateError> {
        let (mut states, mut detectors) = (Vec::new(), Vec::new());
        self.shared.snapshot(&mut states)?;
        let shared = (Shared::VERSION, states.len());
        self.budgets.snapshot(&mut states)?;
        let budgets = (TeamBudgets::VERSION, states.len() - shared.1);
        for named in &self.detectors {
            let before = states.len();
            named.detector.snapshot(&mut states)?;
            detectors.push((named.name.to_string(), named.version, states.len() - before));
        }
        let mut bytes = Vec::with_capacity(states.len() + 4_096);
        pack_json(&Header { progress: self.state, shared, budgets, detectors }, &mut bytes)?;
        bytes.append(&mut states);
        Ok(bytes)
    }

    /// Gives detectors that have seen nothing the states that were written. Those without one start empty, and a state without
    /// a detector is passed over.
    pub fn restore(mut bytes: &[u8], parts: Parts, key: Key) -> Result<Self, StateError> {
        let header: Header = unpack_json(&mut bytes)?;
        header.build(bytes, parts, key)
    }

    /// Goes on with other parts: states are kept, detectors that were not there start empty.
    pub fn with_parts(&self, parts: Parts) -> Result<Self, StateError> {
        Self::restore(&self.snapshot()?, parts, self.key)
    }

    /// Takes the clock that was committed: a heartbeat may have moved it further than rows do.
    pub fn set_clock(&mut self, clock: Clock) {
        self.state.clock = clock;
    }
}

impl Header {
    fn build(self, states: &[u8], parts: Parts, key: Key) -> Result<Engine, StateError> {
        let Engine { mut shared, mut budgets, mut detectors, looks_at, .. } =
            Engine::new(parts, key, self.progress.live_from);
        let states = take(&mut shared, "what detectors share", self.shared, Shared::VERSION, states)?;
        let mut states = take(&mut budgets, "the alert budgets", self.budgets, TeamBudgets::VERSION, states)?;
        for (name, version, len) in self.detectors {
            let (mut state, rest) = states.split_at_checked(len).ok_or(RestoreError::Malformed)?;
            states = rest;
            // A user rule that was changed has another name here, so its old state is passed over.
            let Some(named) = detectors.iter_mut().find(|named| named.name == name) else { continue };
            if version != named.version {
                return Err(StateError::OtherVersion { detector: name, version });
            }
            named.detector.restore(&mut state)?;
        }
        Ok(Engine { detectors, looks_at, shared, budgets, key, state: self.progress })
    }
}

/// Gives a state that belongs to no detector what was written of it, and returns what stands after that.
fn take<'a>(
    state: &mut impl DetectorState,
    what: &str,
    (version, len): (u32, usize),
    own: u32,
    states: &'a [u8],
) -> Result<&'a [u8], StateError> {
    let (mut written, rest) = states.split_at_checked(len).ok_or(RestoreError::Malformed)?;
    if version != own {
        return Err(StateError::OtherVersion { detector: what.to_owned(), version });
    }
    state.restore(&mut written)?;
    if !written.is_empty() {
        return Err(RestoreError::Malformed.into());
    }
    Ok(rest)
}

impl From<RestoreError> for StateError {
    fn from(error: RestoreError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// States cannot be used: they were written by others, or damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// It is not what was written.
    #[error("the snapshot is not readable: {0}")]
    Unreadable(String),
    /// A detector has changed since.
    #[error("the snapshot is from version {version} of {detector}")]
    OtherVersion {
        /// The detector.
        detector: String,
        /// The version in the snapshot.
        version: u32,
    },
}
