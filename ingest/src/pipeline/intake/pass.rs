//! What becomes of records that another machine records: each is kept as it came, in order, until its parcel is in the spool.

use std::collections::BTreeMap;

use super::{Intake, Lineage, PositionWriter};
use crate::pipeline::{Parcel, PipelineError};
use crate::relay::{Loss, Piece};

/// The parcel that is being filled.
#[derive(Debug, Default)]
pub(super) struct Passing {
    /// The frame that says what these records continue; empty if nothing.
    lineage: Vec<u8>,
    frames: Vec<u8>,
    numbers: u64,
}

impl Passing {
    /// What comes from now on continues the first of these.
    pub fn carry(&mut self, lineages: &[Lineage<'_>]) {
        self.lineage.clear();
        let names = lineages.iter().map(|lineage| (lineage.is_continued, lineage.name)).collect();
        Piece::Lineage(names).encode(&mut self.lineage);
    }

    fn push(&mut self, piece: &Piece<'_>) {
        if self.frames.is_empty() {
            self.frames.extend_from_slice(&self.lineage);
        }
        piece.encode(&mut self.frames);
        self.numbers += piece.numbers();
    }

    /// Its size in bytes.
    pub fn size(&self) -> usize {
        self.frames.len()
    }

    /// The parcel of what was passed, with the positions after it.
    pub fn take(&mut self, collector: &str, positions: BTreeMap<Vec<u8>, Vec<u8>>) -> Parcel {
        let (frames, numbers) = (std::mem::take(&mut self.frames), std::mem::take(&mut self.numbers));
        Parcel { collector: collector.to_owned(), frames, numbers, positions }
    }
}

impl<P: PositionWriter> Intake<P> {
    /// Takes something of the source, if another machine records it. Says whether it does.
    pub(super) fn pass_on(&mut self, piece: &Piece<'_>) -> bool {
        let Some(passing) = &mut self.passing else { return false };
        passing.push(piece);
        self.filling.batch.pass();
        let tally = &mut self.filling.tally;
        match piece {
            Piece::Kept(_, reason, _) => {
                tally.unparsed += 1;
                self.channel.metrics.unparsed.inc();
                self.reason = Some((*reason).to_owned());
            }
            _ => tally.accepted += 1,
        }
        tally.events += 1;
        true
    }

    /// Takes a record that another machine told apart, as [`Intake::record_seen`] but for its marks and parts, which were read there.
    pub async fn relayed(&mut self, raw: &[u8], seen: i64, received: i64, position: u64) -> Result<(), PipelineError> {
        self.read = position;
        let seen = self.believed(Some(seen), received);
        self.line(raw, seen, received, position).await
    }

    /// Keeps something that another machine kept, as [`Intake::keep`].
    pub async fn relayed_kept(
        &mut self,
        raw: &[u8],
        reason: &str,
        seen: i64,
        received: i64,
        position: u64,
    ) -> Result<(), PipelineError> {
        let seen = self.believed(Some(seen), received);
        self.keep(raw, reason, seen, position).await
    }

    /// Records a loss that the transport reports, as an event of its own. The source's position stays.
    pub async fn lose(&mut self, loss: Loss<'_>, seen: Option<i64>, received: i64) -> Result<(), PipelineError> {
        let seen = self.believed(seen, received);
        if !self.pass_on(&Piece::Loss(seen, loss)) {
            self.told(loss, seen)?;
        }
        self.append().await
    }
}
