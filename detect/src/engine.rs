//! The detectors and recorded time together: the pure core that the runner, a replay and a backtest share.

use std::collections::BTreeSet;
use std::hash::Hasher as _;

use ledger::Row;
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

use crate::aspects::Aspects;
use crate::clock::Clock;
use crate::detector::{Findings, RestoreError};
use crate::event;
use crate::pack::{pack_json, unpack_json};
use crate::rule_set::{RuleSet, Running};
use crate::shared::Shared;

/// The key of the detectors' hashes, so that outsiders cannot make texts that collide.
#[derive(Clone, Copy)]
pub struct Key([u8; 16]);

/// What a hash is of, so that the same text has another hash as something else.
#[derive(Debug, Clone, Copy)]
pub struct Space(u64);

impl Space {
    /// Destinations of requests.
    pub const DOMAIN: Self = Self(1);
    /// Teams.
    pub const TEAM: Self = Self(2);
    /// Streams of sources.
    pub const STREAM: Self = Self(3);
    /// Names of feeds.
    pub const SOURCE: Self = Self(4);
    /// Tokens of senders.
    pub const TOKEN: Self = Self(5);
    /// Hosts that were compared with others.
    pub const HOST: Self = Self(6);
    /// What can be tried again.
    pub const ATTEMPT: Self = Self(7);
    /// Calls of tools.
    pub const CALL: Self = Self(8);

    /// Names that stand in a column.
    pub const fn column(id: u8) -> Self {
        Self(1 << 32 | id as u64)
    }
}

impl Key {
    /// Derives it from the installation's 32-byte key.
    pub fn new(installation: &[u8; 32]) -> Self {
        use sha2::Digest as _;
        let digest =
            sha2::Sha256::new().chain_update(b"tachograph detect key v1\n").chain_update(installation).finalize();
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        Self(key)
    }

    /// Hashes one text in a space.
    pub fn of(self, space: Space, text: &str) -> u64 {
        // The space goes into the key: this is the shortest there is to hash.
        let mut key = self.0;
        for (byte, other) in key.iter_mut().zip(space.0.to_le_bytes()) {
            *byte ^= other;
        }
        SipHasher13::new_with_key(&key).hash(text.as_bytes())
    }

    /// Hashes texts so that no two lists of texts run into each other.
    pub fn hash(self, texts: &[&str]) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        // Most lists are short; put together they are hashed in one go, which takes a third of the time.
        let mut buffer = [0; HASHED_AT_ONCE];
        let mut filled = 0;
        if texts.iter().map(|text| text.len() + 8).sum::<usize>() <= HASHED_AT_ONCE {
            for text in texts {
                let (end, next) = (filled + text.len(), filled + text.len() + 8);
                buffer[filled..end].copy_from_slice(text.as_bytes());
                buffer[end..next].copy_from_slice(&(text.len() as u64).to_le_bytes());
                filled = next;
            }
            return hasher.hash(&buffer[..filled]);
        }
        for text in texts {
            hasher.write(text.as_bytes());
            hasher.write(&(text.len() as u64).to_le_bytes());
        }
        hasher.finish()
    }

    /// Joins two hashes of this key to one. Nobody outside knows them, so nobody can choose two pairs that meet.
    pub fn join(first: u64, second: u64) -> u64 {
        let mixed = (first ^ second.rotate_left(31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93) ^ second
    }
}

/// Bytes that are put together before they are hashed.
const HASHED_AT_ONCE: usize = 192;

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

/// All enabled detectors with the position and the time that they have seen.
pub struct Engine {
    detectors: Vec<Running>,
    /// What each of them looks at, in the same order.
    looks_at: Vec<Aspects>,
    shared: Shared,
    key: Key,
    revision: u32,
    rules: RuleSet,
    state: Progress,
}

/// How far the engine has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The next row.
    pub next_seq: u64,
    /// Recorded time.
    pub clock: Clock,
    /// Rows recorded before this moment are backfill: microseconds since 1970 UTC.
    pub live_from: i64,
}

/// The beginning of a snapshot file, after which the states of the detectors follow in order.
#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    /// Number of the rules under which it was written, and the rules.
    revision: u32,
    #[serde(flatten)]
    rules: RuleSet,
    progress: Progress,
    /// Version and length of the state that the detectors share, which stands first.
    shared: (u32, usize),
    /// Name, version and length of the state of each detector.
    detectors: Vec<(String, u32, usize)>,
}

const FORMAT: u32 = 4;

impl Engine {
    /// Detectors that have seen nothing. Rows recorded before `live_from` will be backfill.
    pub fn new(rules: &RuleSet, key: Key, live_from: i64) -> Self {
        let state = Progress { next_seq: 0, clock: Clock::default(), live_from };
        Self::of(rules.build(key), Shared::new(key), key, (1, rules.clone()), state)
    }

    fn of(
        detectors: Vec<Running>,
        shared: Shared,
        key: Key,
        (revision, rules): (u32, RuleSet),
        state: Progress,
    ) -> Self {
        let looks_at = detectors.iter().map(|running| running.detector.looks_at()).collect();
        Self { detectors, looks_at, shared, key, revision, rules, state }
    }

    /// The rules that are in force, and their number from 1.
    pub fn rules(&self) -> (u32, &RuleSet) {
        (self.revision, &self.rules)
    }

    /// Runs without the detectors of these rules: somebody else runs them. Says how many are left.
    pub(crate) fn leave_out(&mut self, rules: &BTreeSet<String>) -> usize {
        self.detectors.retain(|running| !rules.contains(running.rule()));
        self.looks_at = self.detectors.iter().map(|running| running.detector.looks_at()).collect();
        self.detectors.len()
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        self.state
    }

    /// Tells the detectors that recorded time reached `second`.
    pub fn advance(&mut self, second: i64, down: bool, findings: &mut Findings) {
        self.state.clock.second = Some(second);
        findings.begin();
        for running in &mut self.detectors {
            running.detector.advance(second, down, findings);
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
        for (running, looks_at) in self.detectors.iter_mut().zip(&self.looks_at) {
            if looks_at.meet(event.aspects()) {
                running.detector.observe(&event, findings);
            }
        }
        let (sender, second) = (event.sender(), event.second());
        self.state.clock.second.get_or_insert(second);
        let opened = findings.opened().count() as u32;
        if opened > 0 {
            self.shared.note_opened(sender, second, opened);
        }
        self.note_batch(row.batch);
        self.state.next_seq = row.position.seq + 1;
    }

    /// Shows every event to every detector from now on, whatever they look at.
    #[cfg(test)]
    pub(crate) fn show_everything(&mut self) {
        self.looks_at.fill(Aspects::ALL);
    }

    /// Writes the whole state.
    pub fn snapshot(&self) -> Result<Vec<u8>, SnapshotError> {
        let (mut states, mut detectors) = (Vec::new(), Vec::new());
        self.shared.snapshot(&mut states);
        let shared = (Shared::VERSION, states.len());
        for running in &self.detectors {
            let before = states.len();
            running.detector.snapshot(&mut states)?;
            detectors.push((running.name.to_string(), running.version, states.len() - before));
        }
        let (revision, rules) = (self.revision, self.rules.clone());
        let mut bytes = Vec::with_capacity(states.len() + 4_096);
        pack_json(&Header { format: FORMAT, revision, rules, progress: self.state, shared, detectors }, &mut bytes)?;
        bytes.append(&mut states);
        Ok(bytes)
    }

    /// Builds the detectors with the state that was written, under the rules that were in force.
    pub fn restore(bytes: &[u8], key: Key) -> Result<Self, SnapshotError> {
        let (header, states) = Header::read(bytes)?;
        let (revision, rules) = (header.revision, header.rules.clone());
        header.build(states, revision, rules, key)
    }

    /// Goes on under other rules: states are kept, detectors that were not enabled start empty.
    pub fn with_rules(&self, revision: u32, rules: RuleSet) -> Result<Self, SnapshotError> {
        let bytes = self.snapshot()?;
        let (header, states) = Header::read(&bytes)?;
        header.build(states, revision, rules, self.key)
    }

    /// Takes the clock that was committed: a heartbeat may have moved it further than rows do.
    pub(crate) fn set_clock(&mut self, clock: Clock) {
        self.state.clock = clock;
    }
}

impl Header {
    fn read(mut bytes: &[u8]) -> Result<(Self, &[u8]), SnapshotError> {
        let header: Self = unpack_json(&mut bytes)?;
        if header.format == FORMAT { Ok((header, bytes)) } else { Err(SnapshotError::OtherFormat(header.format)) }
    }

    fn build(self, states: &[u8], revision: u32, rules: RuleSet, key: Key) -> Result<Engine, SnapshotError> {
        let (mut detectors, mut shared) = (rules.build(key), Shared::new(key));
        let (version, len) = self.shared;
        let (mut state, mut states) = states.split_at_checked(len).ok_or(RestoreError::Malformed)?;
        if version != Shared::VERSION {
            return Err(SnapshotError::OtherVersion { detector: "what detectors share".to_owned(), version });
        }
        shared.restore(&mut state)?;
        if !state.is_empty() {
            return Err(RestoreError::Malformed.into());
        }
        for (name, version, len) in self.detectors {
            let (mut state, rest) = states.split_at_checked(len).ok_or(RestoreError::Malformed)?;
            states = rest;
            // A user rule that was changed has another name here, so its old state is passed over.
            let Some(running) = detectors.iter_mut().find(|running| running.name == name) else { continue };
            if version != running.version {
                return Err(SnapshotError::OtherVersion { detector: name, version });
            }
            running.detector.restore(&mut state)?;
        }
        Ok(Engine::of(detectors, shared, key, (revision, rules), self.progress))
    }
}

impl From<RestoreError> for SnapshotError {
    fn from(error: RestoreError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// A snapshot cannot be used. The runner takes an older one, or reads the ledger from its start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// It is not what was written.
    #[error("the snapshot is not readable: {0}")]
    Unreadable(String),
    /// Another version of Tachograph wrote it.
    #[error("the snapshot has format {0}, this version reads {FORMAT}")]
    OtherFormat(u32),
    /// A detector has changed since.
    #[error("the snapshot is from version {version} of {detector}")]
    OtherVersion {
        /// The detector.
        detector: String,
        /// The version in the snapshot.
        version: u32,
    },
}
