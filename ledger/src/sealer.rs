//! The sealer thread.
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use crate::appender::Appender;
use crate::queue::Queue;
use crate::segments::Start;
use crate::view::View;
use crate::wal::file::WalFile;
use crate::writer::Place;

pub(crate) struct Sealer { place: Arc<Place>, view: Arc<View>, queue: Arc<Queue>, seals: Appender, start: Start }

impl Sealer {
    pub(crate) fn new(place: Arc<Place>, view: Arc<View>, queue: Arc<Queue>, seals: Appender, start: Start) -> Self {
        Self { place, view, queue, seals, start }
    }
    pub(crate) fn run(self, files: Receiver<Arc<WalFile>>) {
        let mut kept = Vec::new();
        for file in files { self.queue.hold(false); kept.push(file); }
        let _ = (self.place, self.view, self.seals, self.start);
    }
}
