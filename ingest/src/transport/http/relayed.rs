//! A body of records that another machine told apart: what each frame becomes here.

use super::body::{Chunks, End, Reading};
use super::problem::Problem;
use super::producer::Offset;
use crate::clock;
use crate::limits;
use crate::pipeline::{Intake, Lineage};
use crate::relay::{Frames, Piece};

/// A record that the sender set aside, since it was refused here.
const SKIP_SET_ASIDE: &str = "set_aside_by_collector";

impl Reading {
    /// Reads frames; those whose numbers are before `next` are known.
    pub(super) async fn read_relayed(
        &self,
        chunks: &mut Chunks,
        next: u64,
        intake: &mut Intake<Option<Offset>>,
    ) -> Result<(), End> {
        let Some((producer, mut number)) = self.form.producer.clone() else {
            return Err(Problem::producer_headers().into());
        };
        let (mut frames, mut size, mut lineage) = (Frames::default(), 0, Vec::new());
        while let Some(chunk) = chunks.next_or_append(intake, &self.stop).await? {
            size += chunk.len() as u64;
            if size > limits::BODY_BYTES_MAX {
                return Err(Problem::body_too_large().into());
            }
            frames.push(&chunk);
            while let Some(frame) = frames.next_frame().map_err(|defect| Problem::relay(&defect).at(number))? {
                if let Some(lineages) = take(frame, &mut number, next, intake).await?
                    && lineages != lineage
                {
                    // What was told before must be known when the next record asks what it continues.
                    intake.finish().await?;
                    let name = |(_, name): &(bool, String)| format!("{producer}/{name}");
                    let names: Vec<String> = lineages.iter().map(name).collect();
                    intake.carry_on(&named(&names, &lineages));
                    lineage = lineages;
                }
            }
        }
        if !frames.is_whole() {
            return Err(Problem::cut_off().at(number).into());
        }
        Ok(())
    }
}

/// What records continue, under the names that it has here.
fn named<'a>(names: &'a [String], lineages: &[(bool, String)]) -> Vec<Lineage<'a>> {
    let pairs = names.iter().zip(lineages);
    pairs.map(|(name, (is_continued, _))| Lineage { name, is_continued: *is_continued }).collect()
}

/// Takes one frame, unless it is known, and moves the number past it. What the records after it continue is given back.
async fn take(
    frame: &[u8],
    number: &mut u64,
    next: u64,
    intake: &mut Intake<Option<Offset>>,
) -> Result<Option<Vec<(bool, String)>>, End> {
    let piece = Piece::decode(frame).map_err(|defect| Problem::relay(&defect).at(*number))?;
    let (received, position) = (clock::now(), number.saturating_add(piece.numbers()));
    if position > limits::OFFSET_MAX {
        return Err(Problem::producer_headers().at(*number).into());
    }
    let is_known = position <= next;
    match piece {
        Piece::Lineage(names) => {
            let owned = |(is_continued, name): (bool, &str)| (is_continued, name.to_owned());
            return Ok(Some(names.into_iter().map(owned).collect()));
        }
        Piece::Void(_) if is_known => {}
        _ if is_known => intake.known(1),
        Piece::Record(seen, raw) => intake.relayed(raw, seen, received, position).await?,
        Piece::Kept(seen, reason, raw) => intake.relayed_kept(raw, reason, seen, received, position).await?,
        Piece::Loss(seen, loss) => {
            intake.pass(position);
            intake.lose(loss, Some(seen), received).await?;
        }
        Piece::Void(1) => intake.skip(SKIP_SET_ASIDE, b"", received, position).await?,
        Piece::Void(_) => intake.pass(position),
    }
    *number = position;
    Ok(None)
}

#[cfg(test)]
mod tests;
