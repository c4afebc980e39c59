//! Messages: what records become on their way to a receiver, and how many go together.

use std::time::Duration;

use operations::kind::delivery::{SentAlert, SentThread};

/// What one batch may hold, and how often a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// Records in one batch.
    pub records: usize,
    /// Messages that may follow one another at once: the size of the token bucket.
    pub burst: u32,
    /// The time in which the bucket gets one token back; zero if the receiver counts nothing.
    pub interval: Duration,
}

/// The messages of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The messages in the order in which they are sent. Records that stand in none of them need no message.
    pub messages: Vec<Message>,
    /// How many records the batch holds, from the first on.
    pub taken: usize,
    /// Alerts that are over and of which the receiver need not be told, because it knows them from a digest only.
    pub silent: Vec<SentAlert>,
}

/// One message to a receiver: the unit that is sent, acknowledged and repeated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// What it is.
    pub kind: MessageKind,
    /// Its name, from what it says: the same for each attempt. Empty if it is the whole batch, unless that is an object, which has a name.
    pub key: String,
    /// The sink's own word for where it goes, if there are several places.
    pub to: &'static str,
    /// The rest of the address, where that depends on what it tells of; empty otherwise.
    pub path: String,
    /// Numbers in the batch of the records that it tells of.
    pub records: Vec<usize>,
    /// The revisions of alerts that it tells of.
    pub alerts: Vec<SentAlert>,
    /// The thread that it belongs to, if alerts are grouped.
    pub thread: Option<SentThread>,
    /// The body before compression.
    pub body: Vec<u8>,
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MessageKind {
    /// The whole batch, which the receiver takes or refuses by parts.
    #[default]
    Batch,
    /// What happened to one alert or to a few that are told together.
    Alerts,
    /// A digest of many alerts.
    Digest,
    /// Dead letters of a receiver of everything that are sent once more.
    Letter,
    /// The end of a digest or a thread. No record stands for it, so no dead letter can.
    End,
}

impl Rendered {
    /// A batch that is one message.
    pub fn whole(body: Vec<u8>, taken: usize) -> Self {
        let message = Message { records: (0..taken).collect(), body, ..Message::default() };
        Self { messages: vec![message], taken, silent: Vec::new() }
    }
}

impl Message {
    /// The end of a digest or a thread by its name, where it is not the end of one of its alerts that says so.
    pub fn end_of(name: &str, to: &'static str, body: Vec<u8>) -> Self {
        Self { key: format!("{name}/over"), to, kind: MessageKind::End, body, ..Self::default() }
    }
}
