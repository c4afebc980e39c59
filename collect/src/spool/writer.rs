//! The one thread that writes: takes what is queued, writes it at once, syncs once, answers.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::sync::Arc;

use ingest::pipeline::Parcel;
use ledger::AppendError;
use tokio::sync::{mpsc, oneshot};

use super::frame::{self, ParcelHead, SEGMENT_HEAD};
use super::state::Segment;
use super::{Reservation, Shared};
use crate::durable::sync_directory;
use crate::limits;

/// A parcel on its way.
pub(super) struct Job {
    pub parcel: Parcel,
    pub answer: oneshot::Sender<Result<(), AppendError>>,
    /// Its room, until it is written.
    pub _room: Reservation,
}

/// Writes the last segment.
pub(super) struct Writer {
    shared: Arc<Shared>,
    file: Option<File>,
}

impl Writer {
    /// Goes on after the last segment's frames, if there is one.
    pub fn new(shared: Arc<Shared>, file: Option<File>) -> Self {
        Self { shared, file }
    }

    /// Writes until nobody can send any more.
    pub fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let is_new = self.shared.lock().segments.is_empty();
        if self.file.is_none() && !is_new {
            // Else positions that only older segments hold would go with them. If it fails, the first parcel tries again.
            if let Err(error) = self.rotate() {
                tracing::error!(%error, "the spool cannot begin a segment");
            }
        }
        while let Some(job) = jobs.blocking_recv() {
            let mut taken = vec![job];
            while taken.len() < limits::PARCELS_MAX
                && let Ok(job) = jobs.try_recv()
            {
                taken.push(job);
            }
            let outcome = self.commit(&taken);
            if let Err(error) = &outcome {
                tracing::error!(%error, "the spool did not take what was read");
            }
            for job in taken {
                // Whoever does not wait any more need not know.
                let _ = job.answer.send(outcome.clone());
            }
        }
    }

    /// Makes parcels durable, all or none.
    fn commit(&mut self, jobs: &[Job]) -> Result<(), AppendError> {
        if let Some(reason) = self.shared.lock().poisoned.clone() {
            return Err(AppendError::Poisoned { reason });
        }
        let full = self.shared.lock().segments.back().is_none_or(|last| last.bytes >= self.shared.segment_bytes());
        if full || self.file.is_none() {
            self.rotate().map_err(|error| refused(&error))?;
        }
        let shared = Arc::clone(&self.shared);
        let Some(file) = &self.file else { return Err(AppendError::Stopped) };
        let (bytes, ends, at) = encode(&shared, jobs);
        if let Err(error) = file.write_all_at(&bytes, at) {
            // What was written of it would be found by the next start.
            return Err(match file.set_len(at) {
                Ok(()) => refused(&error),
                Err(error) => self.poison(&error),
            });
        }
        if let Err(error) = file.sync_data() {
            return Err(self.poison(&error));
        }
        {
            let mut state = shared.lock();
            if let Some(last) = state.segments.back_mut() {
                last.bytes = at + bytes.len() as u64;
            }
            for (job, end) in jobs.iter().zip(ends) {
                state.apply(&job.parcel.collector, end, job.parcel.positions.clone());
            }
        }
        shared.appended.send_modify(|commits| *commits += 1);
        Ok(())
    }

    /// Begins a new segment, with what must be known when those before it are gone.
    fn rotate(&mut self) -> io::Result<()> {
        let (number, body) = {
            let state = self.shared.lock();
            let lanes = state.lanes.iter().map(|(name, lane)| (name, lane.next));
            (state.segments.back().map_or(1, |last| last.number + 1), frame::snapshot(&state.positions, lanes))
        };
        let mut bytes = frame::segment_head(number);
        frame::write(&mut bytes, self.shared.identity.seed(number), SEGMENT_HEAD as u64, 0, &body);
        let path = self.shared.segment(number);
        let create = || {
            let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all_at(&bytes, 0)?;
            file.sync_all()?;
            sync_directory(&path)?;
            Ok(file)
        };
        match create() {
            Ok(file) => {
                self.file = Some(file);
                let segment = Segment { number, bytes: bytes.len() as u64, ..Segment::default() };
                self.shared.lock().segments.push_back(segment);
                Ok(())
            }
            Err(error) => {
                // A file that is there all the same is empty or the next start's.
                let _ = std::fs::remove_file(&path);
                Err(error)
            }
        }
    }

    /// Nobody knows what is on the disk now.
    fn poison(&self, error: &io::Error) -> AppendError {
        let reason = error.to_string();
        self.shared.lock().poisoned = Some(reason.clone());
        AppendError::Poisoned { reason }
    }
}

fn refused(error: &io::Error) -> AppendError {
    AppendError::WriteRefused { reason: format!("the spool: {error}") }
}

/// The frames of parcels, the number after each, and where they are written.
fn encode(shared: &Shared, jobs: &[Job]) -> (Vec<u8>, Vec<u64>, u64) {
    let state = shared.lock();
    let (number, at) = state.segments.back().map_or((0, 0), |last| (last.number, last.bytes));
    let (seed, mut bytes, mut ends) = (shared.identity.seed(number), Vec::new(), Vec::new());
    let mut next: BTreeMap<&str, u64> = BTreeMap::new();
    for Job { parcel, .. } in jobs {
        let known = state.lanes.get(&parcel.collector).map_or(0, |lane| lane.next);
        let first = next.entry(&parcel.collector).or_insert(known);
        let head = ParcelHead { collector: &parcel.collector, first: *first, numbers: parcel.numbers };
        let body = frame::parcel(head, &parcel.positions, &parcel.frames);
        let place = at + bytes.len() as u64;
        frame::write(&mut bytes, seed, place, at, &body);
        *first += parcel.numbers;
        ends.push(*first);
    }
    (bytes, ends, at)
}
