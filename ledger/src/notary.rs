//! What `operations` recorded of manifests: the hash of each, by which whoever reads the ledger knows that the files which a
//! manifest lists are those that were sealed.
//!
//! Only what a signed checkpoint covers counts. A crash can come between a manifest and its entry; then the files that no
//! recorded manifest lists are worth what their rows say, and everything about them is computed again.

use std::collections::BTreeMap;
use std::ops::Bound;

use proof::Digest;

use crate::appender::Appender;
use crate::blobs::Blobs;
use crate::column::Table;
use crate::entry::{Entry, Group};
use crate::error::{AppendError, LedgerError};
use crate::limits::{MANIFEST_READ_BYTES, MANIFEST_READ_ROWS, MANIFESTS_KEPT};
use crate::manifest::{self, Manifest};
use crate::operations::column;
use crate::position::{LedgerName, Position};
use crate::reader::{ReadLimit, Reader};
use crate::seq::Seq;

/// The kind of the entries.
const KIND: &str = "manifest";

/// Records a manifest's hash, durably.
pub(crate) fn record(manifest: &Manifest, operations: &Appender) -> Result<(), AppendError> {
    let (ledger, shard) = (manifest.ledger, manifest.shard);
    let position = |seq| Position { ledger, shard, seq: Seq::new(seq) }.to_string();
    let mut entry = Entry::new();
    entry.set_text(column::KIND, KIND);
    entry.set_text(column::SUBJECT, &format!("{ledger}/{shard}"));
    entry.set_integer(column::REVISION, manifest.number.cast_signed());
    entry.set_text(column::ACTOR, "sealer");
    entry.set_text(column::FROM, &position(manifest.segments.last().map_or(0, |segment| segment.first_seq)));
    entry.set_text(column::TO, &position(manifest.end_seq()));
    let record = serde_json::json!({ "number": manifest.number, "sha256": manifest.hash().to_string() });
    entry.set_text(column::RECORD, &record.to_string());
    let mut group = Group::new(Table::of(LedgerName::Operations));
    group.push(&entry)?;
    operations.append_of_sealer(group).map_err(|rejected| rejected.error)?.wait().map(|_| ())
}

/// The hashes of the newest manifests of each ledger as entries name them, by number.
#[derive(Debug, Default)]
pub(crate) struct Recorded(BTreeMap<LedgerName, BTreeMap<u64, Digest>>);

impl Recorded {
    /// Reads the entries of `operations`: from position `from` on, as far as `end`, where what is signed ends. With `until` it
    /// is done once it has the entry of that manifest.
    pub(crate) fn read(
        operations: &Reader,
        (mut from, end): (Seq, Seq),
        until: Option<&Manifest>,
    ) -> Result<Self, LedgerError> {
        let mut found = Self::default();
        while from < end && until.is_none_or(|manifest| !found.of(manifest.ledger).contains_key(&manifest.number)) {
            let rows =
                operations.read(from, false, ReadLimit { rows: MANIFEST_READ_ROWS, bytes: MANIFEST_READ_BYTES })?;
            if rows.is_empty() {
                break;
            }
            for row in rows.iter().filter(|row| row.position.seq < end && row.text(column::KIND) == Some(KIND)) {
                let subject = row.text(column::SUBJECT);
                let ledger = LedgerName::ALL.into_iter().find(|ledger| subject == Some(&format!("{ledger}/0")));
                let number = row.integer(column::REVISION).and_then(|number| u64::try_from(number).ok());
                let hash = row.text(column::RECORD).and_then(hash_in);
                if let Some((ledger, (number, hash))) = ledger.zip(number.zip(hash)) {
                    let hashes = found.0.entry(ledger).or_default();
                    hashes.insert(number, hash);
                    if hashes.len() as u64 > 2 * MANIFESTS_KEPT {
                        hashes.pop_first();
                    }
                }
            }
            from = rows.next_seq;
        }
        Ok(found)
    }

    /// The hashes of one ledger's manifests.
    fn of(&self, ledger: LedgerName) -> &BTreeMap<u64, Digest> {
        const NONE: &BTreeMap<u64, Digest> = &BTreeMap::new();
        self.0.get(&ledger).unwrap_or(NONE)
    }

    /// What the entries say about the newest manifest on the disk.
    /// In a torn copy it may be older than what is recorded.
    pub(crate) fn attestation(&self, blobs: &dyn Blobs, newest: &Manifest, may_be_torn: bool) -> Attestation {
        let hashes = self.of(newest.ledger);
        if let Some((number, _)) = hashes.range((Bound::Excluded(newest.number), Bound::Unbounded)).next()
            && !may_be_torn
        {
            return Attestation::Older { recorded: *number };
        }
        match hashes.get(&newest.number) {
            Some(hash) if *hash == newest.hash() => return Attestation::Recorded,
            Some(_) => return Attestation::Another,
            None => {}
        }
        // The newest one that is recorded vouches for the segments that it lists.
        let known = hashes.iter().rev().find_map(|(number, hash)| {
            let manifest = manifest::load(blobs, *number).ok().filter(|manifest| manifest.hash() == *hash)?;
            newest.segments.starts_with(&manifest.segments).then_some(manifest.segments.len())
        });
        Attestation::Unknown { segments: known.unwrap_or(0) }
    }
}

/// How the newest manifest on the disk stands to what `operations` recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attestation {
    /// It is recorded.
    Recorded,
    /// Another hash is recorded under its number.
    Another,
    /// A newer one is recorded.
    Older {
        /// The number of the newer one.
        recorded: u64,
    },
    /// It is not recorded, as a stop right behind it leaves it. The first so many segments are listed by one that is.
    Unknown {
        /// How many segments need no further look.
        segments: usize,
    },
}

fn hash_in(record: &str) -> Option<Digest> {
    let record: serde_json::Value = serde_json::from_str(record).ok()?;
    Digest::from_hex(record.get("sha256")?.as_str()?)
}
