//! What a start believes of a directory and what it does not: the two ledgers' statements about each other, what a torn copy
//! lost, and manifests that `operations` does not know.

use std::time::Instant;

use super::{Ledger, Opening};
use crate::appender::Appender;
use crate::checkpoint::CheckpointCell;
use crate::column::Table;
use crate::error::LedgerError;
use crate::gap::Gap;
use crate::limits::{SIGNED_WAIT_MAX, SIGNED_WAIT_STEP};
use crate::manifest::{self, Manifest};
use crate::notary::{self, Attestation, Recorded};
use crate::position::LedgerName;
use crate::replay::{Statement, TreeHead};
use crate::seal::prove;
use crate::segments::{last_statement, mark_of};
use crate::seq::Seq;
use crate::timestamp::Timestamp;

/// What was found before anything was started, and is to be settled before events are taken.
pub(super) struct Trust {
    /// What a torn copy lost.
    gaps: Vec<(LedgerName, Gap)>,
    /// The newest manifests, with the files that they list.
    manifests: Vec<(Manifest, std::sync::Arc<dyn crate::blobs::Blobs>)>,
    /// The position in `operations` after the last entry that a signed checkpoint covers.
    signed_seq: Seq,
    may_be_torn: bool,
}

impl Trust {
    /// Compares what was recovered of both ledgers. What contradicts itself is corrupt.
    pub(super) fn of(events: &Opening, operations: &Opening) -> Result<Self, LedgerError> {
        let mut gaps = Vec::new();
        for (own, peer) in [(events, operations), (operations, events)] {
            gaps.extend(own.lost(peer, operations)?.map(|gap| (own.context.table.ledger, gap)));
        }
        let manifests = [events, operations].into_iter().filter_map(|opening| {
            opening.segments.manifest().map(|manifest| (manifest.clone(), opening.segments.blobs()))
        });
        let signed_seq = operations.signed()?.map_or(Seq::FIRST, |head| Seq::new(head.next_seq));
        Ok(Self { gaps, manifests: manifests.collect(), signed_seq, may_be_torn: events.context.may_be_torn })
    }

    /// Records what was lost and which manifests were proved anew. `operations` is started and `events` is not.
    pub(super) fn settle(
        self,
        operations: &Ledger,
        appender: &Appender,
        signed: &CheckpointCell,
    ) -> Result<(), LedgerError> {
        let batches = operations.view.durable().batches;
        for (ledger, gap) in &self.gaps {
            tracing::error!(
                %ledger, kept_batches = gap.kept, signed_batches = gap.signed,
                "this directory is a torn copy: batches that were signed are not in it; goes on without them and records the loss"
            );
            gap.record(*ledger, 0, appender)?;
        }
        if !self.gaps.is_empty() {
            // A loss that is not signed yet is not believed, should this process die now.
            let since = Instant::now();
            while signed.get().is_none_or(|(size, _)| size <= batches) && since.elapsed() < SIGNED_WAIT_MAX {
                std::thread::sleep(SIGNED_WAIT_STEP);
            }
        }
        self.manifests
            .iter()
            .try_for_each(|(manifest, blobs)| self.settle_manifest(manifest, blobs.as_ref(), operations, appender))
    }

    fn settle_manifest(
        &self,
        manifest: &Manifest,
        blobs: &dyn crate::blobs::Blobs,
        operations: &Ledger,
        appender: &Appender,
    ) -> Result<(), LedgerError> {
        let reader = operations.reader();
        // The entry came right behind the manifest, so it is looked for from the seal before on.
        let before = manifest.segments.iter().rev().nth(1).map_or(i64::MIN, |segment| segment.recorded.1);
        let from = reader.seq_at(Timestamp::from_unix_micros(before))?;
        let recorded = Recorded::read(&reader, (from, self.signed_seq), Some(manifest))?;
        let corrupt =
            |what: String| Err(LedgerError::corrupt(blobs.path(&manifest::file_name(manifest.number)), "hash", what));
        match recorded.attestation(blobs, manifest, self.may_be_torn) {
            Attestation::Recorded => Ok(()),
            Attestation::Another => corrupt("the operations ledger recorded another one for this number".to_owned()),
            Attestation::Older { recorded } => {
                corrupt(format!("it is the newest, and the operations ledger recorded number {recorded}"))
            }
            Attestation::Unknown { segments } => {
                let ledger = manifest.ledger;
                tracing::warn!(%ledger, number = manifest.number, "proves a manifest that the last stop left unrecorded");
                prove(blobs, Table::of(ledger), manifest, segments)?;
                Ok(notary::record(manifest, appender)?)
            }
        }
    }
}

impl Opening {
    /// The log at a size, if the directory holds so much of it.
    fn head(&self, size: u64) -> Result<Option<TreeHead>, LedgerError> {
        mark_of(&self.replay, self.segments.blobs().as_ref(), self.segments.manifest(), size)
    }

    /// The log where the signed checkpoint covers it, `None` without a checkpoint or if the checkpoint is ahead of it.
    fn signed(&self) -> Result<Option<TreeHead>, LedgerError> {
        let Some(checkpoint) = &self.recovered.checkpoint else { return Ok(None) };
        let head = self.head(checkpoint.size)?;
        if head.is_some_and(|head| head.root != checkpoint.root) {
            let path = self.context.directory.join(crate::checkpoint::CHECKPOINT_FILE);
            return Err(LedgerError::corrupt(path, "root", "it was signed over other batches than those on the disk"));
        }
        Ok(head)
    }

    /// What is missing of this log although it was signed: its checkpoint or the other ledger says so. Only a torn copy may
    /// miss anything, and nothing may contradict what is there.
    fn lost(&self, peer: &Self, operations: &Self) -> Result<Option<Gap>, LedgerError> {
        let kept = self.replay.chain.next_batch;
        let peer_batches = peer.replay.chain.next_batch;
        let mut lost: Option<Gap> = None;
        let mut miss = |size: u64, root: proof::Digest| {
            if lost.is_none_or(|gap| gap.signed < size) {
                lost = Some(Gap { kept, signed: size, root, peer_batches });
            }
        };
        if let (Some(checkpoint), None) = (&self.recovered.checkpoint, self.signed()?) {
            miss(checkpoint.size, checkpoint.root);
        }
        for statement in peer.statements()? {
            if operations.gaps_of(self.context.table.ledger).any(|gap| gap.explains(&statement)) {
                continue;
            }
            match self.head(statement.size)? {
                Some(head) if head.root == statement.root => {}
                None if self.context.may_be_torn => miss(statement.size, statement.root),
                _ => {
                    let what = format!(
                        "the {} ledger saw {} batches of it and the disk has {kept}, or other ones: it was rolled back alone",
                        peer.context.table.ledger, statement.size
                    );
                    return Err(LedgerError::corrupt(&self.context.directory, "log", what));
                }
            }
        }
        Ok(lost)
    }

    /// What this ledger says of the other one.
    fn statements(&self) -> Result<Vec<Statement>, LedgerError> {
        let sealed = self.segments.manifest().map_or(Ok(None), |manifest| {
            last_statement(self.segments.blobs().as_ref(), manifest, &self.sealed.positions)
        })?;
        Ok(sealed.into_iter().chain(self.replay.statements.iter().copied()).collect())
    }

    /// What torn copies lost of a ledger earlier, as far as this ledger's checkpoint covers it.
    fn gaps_of(&self, of: LedgerName) -> impl Iterator<Item = &Gap> {
        self.replay.gaps_of(of, self.recovered.checkpoint.as_ref())
    }
}
