//! A cursor as the input of a group: it becomes durable together with the rows that it says were read.

use crate::event::Batch;
use crate::pipeline::PositionWriter;

/// The cursor of one list, once all rows before it are in the group.
pub struct Position {
    key: String,
    value: Option<Vec<u8>>,
    /// It must be durable even if nothing was recorded.
    force: bool,
    written: bool,
}

impl Position {
    /// That of the list with this key in the ledger's inputs.
    pub fn new(key: String) -> Self {
        Self { key, value: None, force: false, written: false }
    }

    /// All rows of a page were taken: this is the cursor after them.
    pub fn set(&mut self, value: Vec<u8>, force: bool) {
        self.value = Some(value);
        self.force = force;
    }

    /// Whether a cursor was written since this was asked last.
    pub fn take_written(&mut self) -> bool {
        self.value = None;
        std::mem::take(&mut self.written)
    }
}

impl PositionWriter for Position {
    fn write(&mut self, _position: u64, batch: &mut Batch) {
        if batch.events() == 0 && !self.force {
            return;
        }
        if let Some(value) = self.value.take() {
            batch.input(self.key.clone(), value);
            self.written = true;
        }
    }
}
