//! The sealed segments of a ledger as the newest manifest lists them: what a query gets, what a reader reads, and where
//! the WAL goes on after them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proof::tree::Frontier;

use crate::batch::Chain;
use crate::blobs::{Blobs, LocalBlobs};
use crate::checkpoint::{parse_peer_value, peer_key};
use crate::column::Table;
use crate::error::LedgerError;
use crate::manifest::{self, FileKind, Manifest, SegmentEntry};
use crate::position::LedgerName;
use crate::reader::{ReadLimit, Wanted};
use crate::replay::{Replay, Statement, TreeHead};
use crate::rows::Rows;
use crate::segment::{self, RowGroupCache, SegmentReader};

/// A sealed segment: Parquet files over the rows `first_seq..end_seq`.
///
/// The facts file has the position columns and the facts columns; the content file has `seq` and the content columns,
/// with one row per event that has content, in the same row-group ranges. Inside a row group rows are sorted by (kind,
/// session, seq).
#[derive(Debug)]
pub struct Segment {
    /// First position.
    pub first_seq: u64,
    /// Position after the last.
    pub end_seq: u64,
    /// Smallest and largest `recorded`, in microseconds since 1970 UTC.
    pub recorded: (i64, i64),
    /// Smallest and largest event time, if any event has one.
    pub time: Option<(i64, i64)>,
    /// The facts file and its size in bytes.
    pub facts: (PathBuf, u64),
    /// The content file and its size, if any event has content.
    pub content: Option<(PathBuf, u64)>,
}

/// Where the WAL goes on after what is sealed.
#[derive(Debug)]
pub(crate) struct Start {
    /// Number of the first WAL file that is still needed.
    pub(crate) first_wal: u64,
    pub(crate) chain: Chain,
    pub(crate) positions: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Epoch of the process that wrote the last sealed batch.
    pub(crate) epoch: u64,
}

/// All sealed segments, in order of position.
#[derive(Debug)]
pub(crate) struct Segments {
    manifest: Option<Manifest>,
    list: Vec<Arc<Segment>>,
    reader: SegmentReader,
}

impl Segments {
    /// Reads the newest manifest, and from the files of its last segment where the WAL goes on.
    pub(crate) fn open(
        directory: &Path,
        ledger: LedgerName,
        shard: u32,
        origin: &str,
    ) -> Result<(Self, Start), LedgerError> {
        let blobs: Arc<dyn Blobs> = Arc::new(LocalBlobs::new(directory));
        let manifest = manifest::newest(blobs.as_ref())?;
        if let Some(other) = manifest.as_ref().filter(|manifest| manifest.origin != origin) {
            let path = blobs.path(&manifest::file_name(other.number));
            return Err(LedgerError::corrupt(path, "origin", format!("it is of the log {:?}", other.origin)));
        }
        let start = match &manifest {
            Some(manifest) => after(blobs.as_ref(), manifest, origin)?,
            None => Start { first_wal: 0, chain: Chain::new(origin), positions: BTreeMap::new(), epoch: 0 },
        };
        let reader = SegmentReader::new(Arc::clone(&blobs), Table::of(ledger), shard, Arc::new(RowGroupCache::new()));
        let list = list(blobs.as_ref(), manifest.as_ref());
        Ok((Self { manifest, list, reader }, start))
    }

    /// The same reader and cache over a newer manifest.
    pub(crate) fn with(&self, blobs: &dyn Blobs, manifest: Manifest) -> Self {
        Self { list: list(blobs, Some(&manifest)), manifest: Some(manifest), reader: self.reader.clone() }
    }

    /// The files.
    pub(crate) fn blobs(&self) -> Arc<dyn Blobs> {
        self.reader.blobs()
    }

    /// The newest manifest.
    pub(crate) fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    pub(crate) fn list(&self) -> &[Arc<Segment>] {
        &self.list
    }

    /// The position after the last sealed row.
    pub(crate) fn end_seq(&self) -> u64 {
        self.list.last().map_or(0, |segment| segment.end_seq)
    }

    /// Rows from `from` on, up to the end of their row group.
    pub(crate) fn read(&self, from: u64, wanted: Wanted, limit: ReadLimit) -> Result<Rows, LedgerError> {
        self.reader.read(self.segment(from)?, from, wanted, limit)
    }

    /// Rows of these kinds from `from` on, up to the end of their row group.
    pub(crate) fn read_kinds(&self, from: u64, kinds: &'static [&'static str]) -> Result<Rows, LedgerError> {
        self.reader.read_kinds(self.segment(from)?, from, kinds)
    }

    /// The segment that holds a position.
    fn segment(&self, seq: u64) -> Result<&SegmentEntry, LedgerError> {
        let segments = self.manifest.as_ref().map_or(&[] as &[SegmentEntry], |manifest| &manifest.segments);
        let at = segments.partition_point(|segment| segment.end_seq <= seq);
        let missing = || LedgerError::corrupt(manifest::FOLDER, "segments", format!("no segment holds position {seq}"));
        segments.get(at).ok_or_else(missing)
    }
}

/// The number of the newest manifest in a shard's directory, `None` before the first seal.
pub(crate) fn newest_manifest(directory: &Path) -> Result<Option<u64>, LedgerError> {
    let names = LocalBlobs::new(directory).list(manifest::FOLDER)?;
    Ok(names.iter().filter_map(|name| manifest::number_of(name)).max())
}

fn list(blobs: &dyn Blobs, manifest: Option<&Manifest>) -> Vec<Arc<Segment>> {
    let segments = manifest.map_or(&[] as &[SegmentEntry], |manifest| &manifest.segments);
    let file = |segment: &SegmentEntry, kind| segment.file(kind).map(|file| (blobs.path(&file.name), file.size));
    let with_rows = segments.iter().filter(|segment| segment.rows() > 0);
    with_rows
        .filter_map(|segment| {
            Some(Arc::new(Segment {
                first_seq: segment.first_seq,
                end_seq: segment.end_seq,
                recorded: segment.recorded,
                time: segment.time,
                facts: file(segment, FileKind::Facts)?,
                content: file(segment, FileKind::Content),
            }))
        })
        .collect()
}

/// The log at one of its sizes, whether its batches were replayed or are sealed; `None` if it has no such size.
pub(crate) fn mark_of(
    replay: &Replay,
    blobs: &dyn Blobs,
    manifest: Option<&Manifest>,
    size: u64,
) -> Result<Option<TreeHead>, LedgerError> {
    match (replay.heads.get(&size), manifest) {
        (Some(head), _) => Ok(Some(*head)),
        (None, Some(manifest)) => head_at(blobs, manifest, size),
        (None, None) => Ok(None),
    }
}

/// The log at one of the sizes that the segments of a manifest hold; `None` if they hold no such size. It reads the
/// headers of one segment and the state of the one before.
pub(crate) fn head_at(blobs: &dyn Blobs, manifest: &Manifest, size: u64) -> Result<Option<TreeHead>, LedgerError> {
    let (mut frontier, mut next_seq) = (Frontier::default(), 0);
    let at = manifest.segments.partition_point(|segment| segment.end_batch < size);
    let Some(segment) = manifest.segments.get(at) else { return Ok(None) };
    if let Some(before) = at.checked_sub(1).and_then(|at| manifest.segments.get(at)) {
        (frontier, next_seq) = (segment::state(blobs, before)?.frontier, before.end_seq);
    }
    for header in segment::headers(blobs, segment)? {
        if frontier.size() >= size {
            break;
        }
        frontier.push(header.leaf_hash());
        next_seq = header.first_seq.saturating_add(u64::from(header.count));
    }
    Ok((frontier.size() == size).then(|| TreeHead { root: frontier.root(), next_seq }))
}

/// What the newest sealed batch that says anything of the other ledger says of it, as far as the last segment knows.
pub(crate) fn last_statement(
    blobs: &dyn Blobs,
    manifest: &Manifest,
    positions: &BTreeMap<Vec<u8>, Vec<u8>>,
) -> Result<Option<Statement>, LedgerError> {
    let key = peer_key(manifest.ledger.peer(), manifest.shard);
    let said = positions.get(key.as_bytes()).and_then(|value| parse_peer_value(value));
    let Some(((size, root), segment)) = said.zip(manifest.segments.last()) else { return Ok(None) };
    let lists = segment::inputs(blobs, segment)?;
    let says = |list: &Vec<crate::Input>| list.iter().any(|input| input.key == key.as_bytes());
    let batch = segment.first_batch + lists.iter().rposition(says).unwrap_or(0) as u64;
    Ok(Some(Statement { batch, size, root }))
}

/// Where the WAL goes on after the last segment of a manifest.
fn after(blobs: &dyn Blobs, manifest: &Manifest, origin: &str) -> Result<Start, LedgerError> {
    let Some(last) = manifest.segments.last() else {
        let chain = Chain::new(origin);
        return Ok(Start { first_wal: manifest.wal.file, chain, positions: BTreeMap::new(), epoch: 0 });
    };
    let state = segment::state(blobs, last)?;
    let headers = segment::headers(blobs, last)?;
    let corrupt =
        |what: &str| LedgerError::corrupt(blobs.path(&manifest::file_name(manifest.number)), "last segment", what);
    let header = headers.last().ok_or_else(|| corrupt("it has no batch"))?;
    let next_batch = header.batch.saturating_add(1);
    let next_seq = header.first_seq.saturating_add(u64::from(header.count));
    if next_batch != last.end_batch || next_seq != last.end_seq || state.frontier.size() != next_batch {
        return Err(corrupt("its headers, its state and the manifest do not end at the same batch"));
    }
    let chain = Chain {
        next_batch,
        next_seq,
        previous: header.hash(),
        frontier: state.frontier,
        recorded: header.recorded_max,
    };
    Ok(Start { first_wal: manifest.wal.file, chain, positions: state.positions, epoch: header.epoch })
}
