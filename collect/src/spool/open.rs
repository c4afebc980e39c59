//! Opening a spool: what is there, what a crash cut off, and what is damaged.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};

use super::frame::{self, Body, SEGMENT_HEAD};
use super::state::{Acknowledged, Segment, State};
use super::{Identity, Shared};
use crate::durable::{self, DurableError};

const IDENTITY: &str = "identity.json";
const ACKNOWLEDGED: &str = "acknowledged.json";

/// Part of a segment that holds no frame where frames were durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// Which bytes; none if the whole file is missing.
    pub bytes: Range<u64>,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        if self.bytes.is_empty() {
            return write!(f, "{path} is missing: records in it that were not delivered are lost");
        }
        let Range { start, end } = self.bytes;
        write!(
            f,
            "{path}: bytes {start} to {end} are damaged: records there that were not delivered are lost, the rest is read"
        )
    }
}

/// Opens or makes a spool; with the file that is written further, if there is one.
pub(super) fn open(directory: &Path, bytes_max: u64) -> Result<(Shared, Option<File>), DurableError> {
    let segments = directory.join("segments");
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700).create(&segments).map_err(DurableError::io("make", &segments))?;
    let lock = lock(directory)?;
    let numbers = numbers(&segments)?;
    let identity = identity(directory, !numbers.is_empty())?;
    let mut state = State::default();
    let (mut damages, mut last) = (Vec::new(), None);
    for (at, number) in numbers.iter().enumerate() {
        let path = segments.join(format!("{number:020}.spool"));
        if state.segments.back().is_some_and(|before| before.number + 1 < *number) {
            let missing = segments.join(format!("{:020}.spool", number - 1));
            damages.push(Damage { path: missing, bytes: 0..0 });
        }
        let is_last = at + 1 == numbers.len();
        let file = OpenOptions::new().read(true).write(true).open(&path).map_err(DurableError::io("open", &path))?;
        let bytes = std::fs::read(&path).map_err(DurableError::io("read", &path))?;
        state.segments.push_back(Segment { number: *number, ..Segment::default() });
        let end = scan(&bytes, identity.seed(*number), is_last, &mut state);
        damages.extend(
            state.segments.back().into_iter().flat_map(|segment| {
                segment.gaps.iter().map(|bytes| Damage { path: path.clone(), bytes: bytes.clone() })
            }),
        );
        if is_last && end <= SEGMENT_HEAD as u64 {
            // A crash left it before anything of it was durable.
            state.segments.pop_back();
            std::fs::remove_file(&path).map_err(DurableError::io("delete", &path))?;
            continue;
        }
        if (end as usize) < bytes.len() {
            let cut = || {
                file.set_len(end)?;
                file.sync_all()
            };
            cut().map_err(DurableError::io("cut", &path))?;
            let cut = bytes.len() as u64 - end;
            tracing::warn!(path = %path.display(), bytes = cut, "what a crash left unfinished is cut off");
        }
        // A segment that may have lost what it began with is not written further: the next one says it again.
        let is_sound = state.segments.back().is_some_and(|segment| segment.gaps.is_empty());
        last = Some(file).filter(|_| is_last && is_sound);
    }
    acknowledged(directory, &mut state)?;
    let (state, appended, freed) = (Mutex::new(state), watch::Sender::new(0), Notify::new());
    let directory = directory.to_owned();
    let recording = Mutex::new(());
    let shared = Shared { directory, bytes_max, identity, state, appended, freed, recording, damages, _lock: lock };
    Ok((shared, last))
}

/// Reads the frames of a segment into the state. Gives back where what is whole ends.
fn scan(bytes: &[u8], seed: u64, is_last: bool, state: &mut State) -> u64 {
    let number = state.segments.back().map_or(0, |segment| segment.number);
    let (mut at, mut gaps) = (0, Vec::new());
    if frame::is_segment(bytes, number) {
        at = SEGMENT_HEAD;
    }
    while at < bytes.len() || at == 0 {
        let rest = bytes.get(at..).unwrap_or_default();
        if at > 0
            && let Some((_, body, length)) = frame::read(rest, seed, at as u64)
        {
            apply(body, state);
            at += length;
            continue;
        }
        let found = frame::find(bytes, seed, at);
        // A write that began after this place was made after everything here was durable.
        let was_durable = !is_last || later_commit(bytes, seed, found, at);
        if !was_durable {
            break;
        }
        let end = found.unwrap_or(bytes.len());
        gaps.push(at as u64..end as u64);
        at = end;
        if at == 0 {
            break;
        }
    }
    if let Some(segment) = state.segments.back_mut() {
        (segment.bytes, segment.gaps) = (at as u64, gaps);
    }
    at as u64
}

/// Whether a frame from this one on belongs to a write that began after `place`.
fn later_commit(bytes: &[u8], seed: u64, first: Option<usize>, place: usize) -> bool {
    let mut next = first;
    while let Some(at) = next {
        let Some((commit, _, length)) = bytes.get(at..).and_then(|rest| frame::read(rest, seed, at as u64)) else {
            return false;
        };
        if commit > place as u64 {
            return true;
        }
        let after = at + length;
        let is_whole = bytes.get(after..).is_some_and(|rest| frame::read(rest, seed, after as u64).is_some());
        next = if is_whole { Some(after) } else { frame::find(bytes, seed, after) };
    }
    false
}

fn apply(body: &[u8], state: &mut State) {
    match frame::decode(body) {
        Some(Body::Parcel(head, positions, _)) => {
            state.apply(head.collector, head.first.saturating_add(head.numbers), positions);
        }
        Some(Body::Snapshot { positions, lanes }) => {
            state.take_positions(positions);
            for (collector, next) in lanes {
                let lane = state.lanes.entry(collector).or_default();
                lane.next = lane.next.max(next);
            }
        }
        // A checksum that holds over something else is a newer program's.
        None => tracing::error!("a frame of the spool is not understood; was it written by a newer program?"),
    }
}

fn lock(directory: &Path) -> Result<File, DurableError> {
    let path = directory.join("lock");
    let open = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = open.map_err(DurableError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let used = io::Error::new(io::ErrorKind::WouldBlock, "another process uses this spool");
            Err(DurableError::io("lock", &path)(used))
        }
        Err(TryLockError::Error(error)) => Err(DurableError::io("lock", &path)(error)),
    }
}

/// The numbers of the segments that are there, in order.
fn numbers(segments: &Path) -> Result<Vec<u64>, DurableError> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(segments).map_err(DurableError::io("read", segments))? {
        let name = entry.map_err(DurableError::io("read", segments))?.file_name();
        numbers.extend(name.to_str().and_then(|name| name.strip_suffix(".spool")?.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Which spool it is, as it stands in the file: hexadecimal digits.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    id: String,
    key: String,
}

impl Stored {
    fn read(&self) -> Option<Identity> {
        let (id, key) = (hex::decode(&self.id).ok()?, hex::decode(&self.key).ok()?);
        Some(Identity { id: id.try_into().ok()?, key: key.try_into().ok()? })
    }
}

/// Which spool it is. One that has segments must say it: under another name the server would record them again.
fn identity(directory: &Path, is_used: bool) -> Result<Identity, DurableError> {
    let path = directory.join(IDENTITY);
    if let Some(stored) = durable::read::<Stored>(&path)? {
        let not_ours = || DurableError::NotOurs { path: path.clone(), message: "its numbers are none".to_owned() };
        return stored.read().ok_or_else(not_ours);
    }
    if is_used {
        return Err(DurableError::NotOurs { path, message: "it is missing beside segments".to_owned() });
    }
    let (mut id, mut key) = ([0; 16], [0; 32]);
    let random = getrandom::fill(&mut id).and_then(|()| getrandom::fill(&mut key));
    random.map_err(|error| DurableError::io("make", &path)(io::Error::other(error.to_string())))?;
    durable::replace(&path, &Stored { id: hex::encode(id), key: hex::encode(key) })?;
    Ok(Identity { id, key })
}

/// How far everything is recorded at the server. Numbers that it knows are not used again, whatever is left of the segments.
fn acknowledged(directory: &Path, state: &mut State) -> Result<(), DurableError> {
    let stored: Option<BTreeMap<String, Acknowledged>> = durable::read(&directory.join(ACKNOWLEDGED))?;
    for (collector, Acknowledged { next, token }) in stored.unwrap_or_default() {
        let lane = state.lanes.entry(collector).or_default();
        lane.next = lane.next.max(next);
        (lane.acknowledged, lane.mark) = (next, token);
    }
    Ok(())
}

/// Writes how far everything is recorded.
pub(super) fn write_acknowledged(
    directory: &Path,
    acknowledged: &BTreeMap<String, Acknowledged>,
) -> Result<(), DurableError> {
    durable::replace(&directory.join(ACKNOWLEDGED), acknowledged)
}
