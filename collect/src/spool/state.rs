//! What is known of a spool in memory: positions, numbers, and what lies in which segment.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Range;

use ingest::pipeline::Parcel;
use ledger::AppendError;
use serde::{Deserialize, Serialize};

use crate::limits;

/// What is durable.
#[derive(Debug, Default)]
pub(super) struct State {
    pub positions: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Bytes of their keys and values.
    positions_bytes: usize,
    pub lanes: BTreeMap<String, Lane>,
    /// Oldest first; the last one is written.
    pub segments: VecDeque<Segment>,
    /// Bytes for parcels on their way.
    pub reserved: u64,
    pub poisoned: Option<String>,
    /// Where each collector's next record was found last: segment, and place of its frame.
    pub cursors: HashMap<String, (u64, u64)>,
}

/// The records of a collector.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lane {
    /// The number of the next record.
    pub next: u64,
    /// The number of the first record that the server has not recorded.
    pub acknowledged: u64,
    /// The mark of the token that delivered the newest one.
    pub mark: Option<String>,
}

/// A file of frames.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Segment {
    pub number: u64,
    /// Bytes that are durable.
    pub bytes: u64,
    /// The number after the last record of each collector in it.
    pub ends: BTreeMap<String, u64>,
    /// What of it is no frame.
    pub gaps: Vec<Range<u64>>,
}

/// How far a collector's records are recorded, as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Acknowledged {
    pub next: u64,
    #[serde(default)]
    pub token: Option<String>,
}

impl State {
    /// Bytes of all segments.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// Takes newer positions of sources.
    pub fn take_positions(&mut self, positions: BTreeMap<Vec<u8>, Vec<u8>>) {
        for (key, value) in positions {
            let (key_bytes, bytes) = (key.len(), value.len());
            let before = self.positions.insert(key, value).map_or(0, |before| key_bytes + before.len());
            self.positions_bytes = (self.positions_bytes + key_bytes + bytes).saturating_sub(before);
        }
    }

    /// Takes a parcel's positions and numbers, of a frame in the last segment.
    pub fn apply(&mut self, collector: &str, end: u64, positions: BTreeMap<Vec<u8>, Vec<u8>>) {
        self.take_positions(positions);
        let lane = self.lanes.entry(collector.to_owned()).or_default();
        lane.next = lane.next.max(end);
        if let Some(segment) = self.segments.back_mut() {
            let known = segment.ends.entry(collector.to_owned()).or_default();
            *known = (*known).max(end);
        }
    }

    /// Whether a parcel keeps to the bounds of what is remembered.
    pub fn check(&self, parcel: &Parcel) -> Result<(), AppendError> {
        let new = parcel.positions.keys().filter(|key| !self.positions.contains_key(*key)).count();
        let longest = parcel.positions.keys().map(Vec::len).max().unwrap_or(0);
        let bytes: usize = parcel.positions.iter().map(|(key, value)| key.len() + value.len()).sum();
        if longest > usize::from(u16::MAX)
            || (new > 0 && self.positions.len() + new > limits::POSITIONS_MAX)
            || self.positions_bytes + bytes > limits::POSITIONS_BYTES_MAX
        {
            return Err(AppendError::InvalidGroup("the spool keeps no more positions of sources"));
        }
        if self.lanes.len() >= limits::LANES_MAX && !self.lanes.contains_key(&parcel.collector) {
            return Err(AppendError::InvalidGroup("the spool keeps no more collectors"));
        }
        Ok(())
    }

    /// How far everything is recorded.
    pub fn acknowledgements(&self) -> BTreeMap<String, Acknowledged> {
        let of = |lane: &Lane| Acknowledged { next: lane.acknowledged, token: lane.mark.clone() };
        self.lanes.iter().map(|(name, lane)| (name.clone(), of(lane))).collect()
    }

    /// Takes out the oldest segments of which everything was recorded, but for the one that is written.
    pub fn take_delivered(&mut self) -> Vec<u64> {
        let mut numbers = Vec::new();
        while self.segments.len() > 1
            && self
                .segments
                .front()
                .is_some_and(|segment| segment.ends.iter().all(|(name, end)| self.is_recorded(name, *end)))
        {
            numbers.extend(self.segments.pop_front().map(|segment| segment.number));
        }
        numbers
    }

    fn is_recorded(&self, collector: &str, end: u64) -> bool {
        self.lanes.get(collector).is_some_and(|lane| lane.acknowledged >= end)
    }
}
