//! What became of a batch that was sent.

use std::time::Duration;

/// The outcome of one request, as a sink judges it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// The receiver has the whole batch.
    Acked(Ack),
    /// It has nothing of it and may take it later, not before `after`.
    Retry {
        /// The shortest wait, from `Retry-After`.
        after: Option<Duration>,
        /// What it said.
        reason: String,
    },
    /// It takes no batch like this one, but perhaps its halves. A batch of one record is refused for ever.
    Split {
        /// What it said.
        reason: String,
    },
    /// It will never take the record with this number in the batch; whether it has others is not known.
    Reject {
        /// Number of the record, from 0.
        index: usize,
        /// What it said.
        reason: String,
    },
    /// It may or may not have the batch: the same bytes are sent again.
    Uncertain {
        /// What happened.
        reason: String,
    },
    /// It takes nothing until somebody changes the configuration: the sink is parked and tries again from time to time.
    Park {
        /// What it said.
        reason: String,
    },
}

/// That a receiver has a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ack {
    /// What it said.
    pub said: String,
    /// What it calls the message, if later messages refer to it.
    pub handle: Option<String>,
    /// The body that it took, if it took another form than the message's own.
    pub body: Option<Vec<u8>>,
}

impl Ack {
    /// A receiver that says this, and calls the message nothing.
    pub fn new(said: impl Into<String>) -> Self {
        Self { said: said.into(), ..Self::default() }
    }
}
