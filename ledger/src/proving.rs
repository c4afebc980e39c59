//! The proof that one entry is in the log: from its parts over leaf, batch and shard log to a signed checkpoint. It is made of what is on
//! the disk now; whoever has it needs nothing of ours to check it (FORMAT.md, section 12).

use std::ops::Range;
use std::path::Path;

use proof::leaf;
use proof::note::Checkpoint;
use proof::{Digest, Header, tree};

use crate::batch::Secrets;
use crate::column::{Part, Table};
use crate::disk::LocalDisk;
use crate::error::LedgerError;
use crate::identity::Identity;
use crate::limits::{PROOF_READ_BYTES, PROOF_READ_ROWS, REFRESH_TRIES_MAX};
use crate::manifest::FileKind;
use crate::position::Position;
use crate::reader::{ReadLimit, Reader};
use crate::replay::{Depth, Replay};
use crate::segment::{self, sidecar};
use crate::segments::Segments;
use crate::seq::Seq;
use crate::wal::file::{WalFile, file_name};
use crate::wal::scan::Scanner;

/// A part with what its commitment is made of beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedPart {
    /// The salt.
    pub salt: leaf::Salt,
    /// The canonical bytes of the part.
    pub part: Vec<u8>,
}

/// What shows that an entry is in the log of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    /// The entry.
    pub position: Position,
    /// What the leaf hash is taken of.
    pub leaf_data: Vec<u8>,
    /// The facts part.
    pub facts: OpenedPart,
    /// The content part, if it was asked for and there is one.
    pub content: Option<OpenedPart>,
    /// Index of the leaf in its batch,
    pub leaf_index: u64,
    /// how many leaves that has,
    pub leaves: u64,
    /// and the nodes from the leaf to the batch's root, lowest first.
    pub leaf_path: Vec<Digest>,
    /// The encoded header of the batch, whose number is its index in the log.
    pub header: Vec<u8>,
    /// The batch.
    pub batch: u64,
    /// The nodes from the header to the root of the checkpoint.
    pub log_path: Vec<Digest>,
    /// Size of the log in that checkpoint.
    pub log_size: u64,
    /// The signed checkpoint.
    pub checkpoint: String,
    /// The public key that signed it, as the directory names it.
    pub key: String,
}

/// What can be said of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provable {
    /// Its proof.
    Proven(Box<InclusionProof>),
    /// It is durable, and no checkpoint covers its batch yet.
    NotYet,
    /// There is no such entry.
    Unknown,
}

/// A closed batch and its secrets.
struct Batch {
    header: Header,
    secrets: Secrets,
}

/// The headers of a log, and the batch that is sought, if it is closed.
struct Log {
    leaves: Vec<Digest>,
    batch: Option<Batch>,
}

impl Reader {
    /// Proves an entry; `content` says whether its content part is in the proof. It reads every header of the log, and the whole WAL if
    /// the entry is not sealed yet.
    pub fn prove(&self, seq: Seq, content: bool) -> Result<Provable, LedgerError> {
        if seq >= self.durable()?.next_seq {
            return Ok(Provable::Unknown);
        }
        let identity = Identity::read(self.data_directory())?;
        // Before the headers: the log only grows.
        let Some(note) = self.checkpoint()? else { return Ok(Provable::NotYet) };
        let wrong = |source| LedgerError::Key { path: self.data_directory().to_owned(), source };
        let checkpoint = Checkpoint::open(&note, &identity.verifier(self.data_directory())?).map_err(wrong)?;
        let log = self.log(seq.get(), 0..u64::MAX, &identity)?;
        let Some(batch) = log.batch.filter(|batch| batch.header.batch < checkpoint.size) else {
            return Ok(Provable::NotYet);
        };
        let corrupt =
            |what: &str| LedgerError::corrupt(self.data_directory(), format!("batch {}", batch.header.batch), what);
        let size = checkpoint.size as usize;
        let signed =
            log.leaves.get(..size).ok_or_else(|| corrupt("the checkpoint covers more batches than there are"))?;
        let log_path = tree::inclusion_proof(signed, batch.header.batch as usize);
        let log_path = log_path.ok_or_else(|| corrupt("it is not in the log"))?;
        let mut proof = self.batch_proof(seq, content, &batch)?;
        proof.log_path = log_path;
        proof.log_size = checkpoint.size;
        proof.checkpoint = note;
        proof.key = identity.key;
        Ok(Provable::Proven(Box::new(proof)))
    }

    /// The part of the proof up to the batch's root, which is compared with the header.
    fn batch_proof(&self, seq: Seq, content: bool, batch: &Batch) -> Result<InclusionProof, LedgerError> {
        let header = &batch.header;
        let corrupt = |what: &str| LedgerError::corrupt(self.data_directory(), format!("batch {}", header.batch), what);
        let end = Seq::new(header.first_seq + u64::from(header.count));
        let limit = ReadLimit { rows: PROOF_READ_ROWS, bytes: PROOF_READ_BYTES };
        let (mut leaves, mut found, mut next) = (Vec::new(), None, Seq::new(header.first_seq));
        while next < end {
            let rows = self.read(next, true, limit)?;
            if rows.is_empty() {
                return Err(corrupt("its rows cannot be read"));
            }
            for row in rows.iter().filter(|row| row.position.seq < end) {
                let leaf = row.leaf_salted(&batch.secrets);
                leaves.push(leaf.hash());
                if row.position.seq == seq {
                    let (facts, contents) = (row.part(Part::Facts), row.part(Part::Content));
                    let salted = |secret: &[u8; 32], part| OpenedPart { salt: leaf::salt(secret, seq.get()), part };
                    let opened = (content && !contents.is_empty()).then(|| salted(&batch.secrets.content, contents));
                    found = Some((row.position, leaf, salted(&batch.secrets.facts, facts), opened));
                }
            }
            next = rows.next_seq;
        }
        if tree::root(&leaves) != header.root {
            return Err(corrupt("its rows do not lead to the root in its header"));
        }
        let (position, leaf, facts, content) = found.ok_or_else(|| corrupt("it does not hold the entry"))?;
        let leaf_index = seq.get() - header.first_seq;
        let leaf_path = tree::inclusion_proof(&leaves, leaf_index as usize);
        let (data, len) = leaf.data();
        Ok(InclusionProof {
            position,
            leaf_data: data.get(..len).unwrap_or(&data).to_vec(),
            facts,
            content,
            leaf_index,
            leaves: leaves.len() as u64,
            leaf_path: leaf_path.ok_or_else(|| corrupt("it does not hold the entry"))?,
            header: header.encode().to_vec(),
            batch: header.batch,
            log_path: Vec::new(),
            log_size: 0,
            checkpoint: String::new(),
            key: String::new(),
        })
    }

    /// The size of the log in the newest checkpoint, if there is one.
    pub(crate) fn signed(&self) -> Result<Option<u64>, LedgerError> {
        let identity = Identity::read(self.data_directory())?;
        let Some(note) = self.checkpoint()? else { return Ok(None) };
        let wrong = |source| LedgerError::Key { path: self.data_directory().to_owned(), source };
        let checkpoint = Checkpoint::open(&note, &identity.verifier(self.data_directory())?).map_err(wrong)?;
        Ok(Some(checkpoint.size))
    }

    /// Leaf hashes of the closed batches with these numbers, in order, as many as there are.
    pub(crate) fn leaves(&self, batches: Range<u64>) -> Result<Vec<Digest>, LedgerError> {
        let identity = Identity::read(self.data_directory())?;
        Ok(self.log(u64::MAX, batches, &identity)?.leaves)
    }

    /// The headers of the closed batches with these numbers. Files may vanish meanwhile: then a newer manifest holds their rows.
    fn log(&self, seq: u64, batches: Range<u64>, identity: &Identity) -> Result<Log, LedgerError> {
        for _ in 0..REFRESH_TRIES_MAX {
            match read_log(self.directory(), self.table(), self.shard(), seq, &batches, identity) {
                Err(LedgerError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
                other => return other,
            }
        }
        let vanishing = std::io::Error::other("its files kept vanishing while they were read");
        Err(LedgerError::io("read", self.directory())(vanishing))
    }
}

fn read_log(
    directory: &Path,
    table: &'static Table,
    shard: u32,
    seq: u64,
    batches: &Range<u64>,
    identity: &Identity,
) -> Result<Log, LedgerError> {
    let holds = |header: &Header| (header.first_seq..header.first_seq + u64::from(header.count)).contains(&seq);
    let (segments, start) = Segments::open(directory, table.ledger, shard, &identity.origin(table.ledger, shard))?;
    let blobs = segments.blobs();
    let mut log = Log { leaves: Vec::new(), batch: None };
    let mut sealed = 0;
    for entry in segments.manifest().map_or(&[][..], |manifest| &manifest.segments) {
        sealed = entry.end_batch;
        if entry.end_batch <= batches.start || entry.first_batch >= batches.end {
            continue;
        }
        let headers = segment::headers(&*blobs, entry)?;
        let asked = headers.iter().filter(|header| batches.contains(&header.batch));
        log.leaves.extend(asked.map(Header::leaf_hash));
        if let Some((at, header)) = headers.iter().enumerate().find(|(_, header)| holds(header)) {
            let file = segment::entry_of(&*blobs, entry, FileKind::Secrets)?;
            let bytes = segment::read_sidecar(&*blobs, file)?;
            let secrets = sidecar::decode_secrets(&blobs.path(&file.name), &bytes)?;
            log.batch = secrets.get(at).map(|secrets| Batch { header: header.clone(), secrets: secrets.clone() });
        }
    }
    if batches.end <= sealed {
        return Ok(log);
    }
    let mut replay = Replay::new(Depth::Rows, table, shard, start.chain, start.positions).keep_closed();
    let mut number = start.first_wal;
    loop {
        let file = match WalFile::open(&LocalDisk, &directory.join("wal").join(file_name(number)), false) {
            Err(LedgerError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => break,
            other => other?,
        };
        let Some(file) = file else { break };
        if file.is_empty()? {
            break;
        }
        let file = std::sync::Arc::new(file);
        let mut scanner = Scanner::new(std::sync::Arc::clone(&file));
        while let Some(commit) = scanner.next_commit()? {
            replay.apply(&file, &commit, None)?;
        }
        number += 1;
    }
    for closed in replay.closed {
        if batches.contains(&closed.header.batch) {
            log.leaves.push(closed.header.leaf_hash());
        }
        if holds(&closed.header) {
            log.batch = Some(Batch { header: closed.header, secrets: closed.secrets });
        }
    }
    Ok(log)
}
