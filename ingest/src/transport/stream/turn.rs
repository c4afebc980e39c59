//! What one connection said in one turn, until it is durable.

use super::Piece;
use crate::pipeline::{Intake, PipelineError, PositionWriter};

/// Pieces with the time at which each arrived.
pub(super) struct Turn {
    /// Pieces of the connection before these.
    before: u64,
    pieces: Vec<(Piece, i64)>,
}

impl Turn {
    /// An empty turn of a connection that said so many pieces before.
    pub fn after(before: u64) -> Self {
        Self { before, pieces: Vec::new() }
    }

    /// Adds a piece that arrived at that time.
    pub fn add(&mut self, piece: Piece, received: i64) {
        self.pieces.push((piece, received));
    }

    /// Pieces of the connection up to the end of the turn.
    pub fn end(&self) -> u64 {
        self.before + self.pieces.len() as u64
    }

    /// Records what is not durable yet, and waits until all is. After an error the intake is not to be used again; what is
    /// durable, its position tells.
    pub async fn record<P: PositionWriter>(&self, intake: &mut Intake<P>) -> Result<(), PipelineError> {
        let known = intake.position().saturating_sub(self.before) as usize;
        for (number, (piece, received)) in self.pieces.iter().enumerate().skip(known) {
            let position = self.before + number as u64 + 1;
            match piece {
                Piece::Record(raw, seen) => intake.record_seen(raw, *seen, *received, position).await?,
                Piece::Kept(raw, reason) => intake.keep(raw, reason, *received, position).await?,
            }
        }
        intake.finish().await
    }
}
