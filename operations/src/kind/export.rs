//! What exports wrote about themselves: the records of the kinds `export.receipt`, `export.intent`,
//! `export.rejected`, `export.retry` and `export.replayed`.

use serde::{Deserialize, Serialize};

use super::field::{Field, Shape};
use super::{Family, Info, Kind};
use ledger::Seq;

/// The operations kind of receipts: `from` and `to` are the range of the ledger that is done, `subject` is the sink.
pub const RECEIPT_KIND: &str = "export.receipt";
/// The operations kind of intents: the range that is about to be sent, so that a restart sends the same bytes.
pub const INTENT_KIND: &str = "export.intent";
/// The operations kind of records that a sink refused for ever.
pub const REJECTED_KIND: &str = "export.rejected";
/// The operations kind of retry requests: what a sink refused is to be sent to it once more; `actor` is who asks.
pub const RETRY_KIND: &str = "export.retry";
/// The operations kind of records that a sink refused and took later: `from` is the record.
pub const REPLAYED_KIND: &str = "export.replayed";

/// The kind of receipts.
pub const RECEIPT: Kind<ExportReceipt> = Kind::of(
    export(
        RECEIPT_KIND,
        "the range is done: `count` records acknowledged, `excluded` left out by the filter, `rejected` refused for ever; \
         `export_seq` and `export_seq_next`, the sink's gapless counter before and after; `sha256` and `bytes` of what was sent \
         before compression, one batch after the other; `batches` (1 if absent, 0 if nothing was sent) and `attempts`, which are \
         as many if each was taken at once; `ack`, the last answer; `checkpoint` (`origin`, `size`, `root`) of the exported \
         ledger. The receipts of a sink in a ledger tile it",
    )
    .shown_as(&RECEIPT_FIELDS),
);
/// The kind of intents.
pub const INTENT: Kind<Intended> = Kind::of(export(
    INTENT_KIND,
    "with `count`, `sha256`: this one batch is about to be sent; of what stands between the last receipt and `from` the receiver need \
     not hear; `hidden` (`seq`, `by`): alerts of which nobody is told. With `records_max`, `cut`: the range is about to be sent in \
     batches, and is as far as the next receipt says",
));
/// The kind of refused records.
pub const REJECTED: Kind<Rejected> =
    Kind::of(export(REJECTED_KIND, "the sink refused the record at `from` for ever: `export_seq`, `reason`"));
/// The kind of requests that what was refused is sent once more.
pub const RETRY: Kind<Retry> = Kind::of(
    Info::new(
        RETRY_KIND,
        Family::Exports,
        "a person",
        "everything that the sink refused is to be sent once more; `from` and `to` are absent",
    )
    .internal(),
);
/// The kind of records that were taken later.
pub const REPLAYED: Kind<Replayed> =
    Kind::of(export(REPLAYED_KIND, "the record at `from` was taken at last: `export_seq`, `ack`"));

const RECEIPT_FIELDS: [Field; 15] = [
    Field::column("sink", "subject", "Name of the sink in the configuration."),
    Field::column("first", "from", "First position of the range."),
    Field::column("end", "to", "Position after the last of the range."),
    Field::record("count", &["count"], Shape::Integer, "Records that the sink acknowledged."),
    Field::record("excluded", &["excluded"], Shape::Integer, "Records in the range that the filter left out."),
    Field::record("rejected", &["rejected"], Shape::Integer, "Records that the sink refused for ever."),
    Field::record(
        "batches",
        &["batches"],
        Shape::IntegerOr(1),
        "Batches that were sent; one receipt stands for many while nothing fails.",
    ),
    Field::record(
        "attempts",
        &["attempts"],
        Shape::Integer,
        "How often they were sent: once each if there are as many attempts as batches.",
    ),
    Field::record(
        "export_seq",
        &["export_seq"],
        Shape::Integer,
        "The sink's gapless counter at the first record of the range.",
    ),
    Field::record("bytes", &["bytes"], Shape::Integer, "Bytes that were sent, before compression."),
    Field::record("sha256", &["sha256"], Shape::Text, "SHA-256 of these bytes, in hexadecimal."),
    Field::record("ack", &["ack"], Shape::Text, "What the sink answered."),
    Field::record(
        "checkpoint_origin",
        &["checkpoint", "origin"],
        Shape::Text,
        "The log of the newest signed checkpoint at that moment.",
    ),
    Field::record("checkpoint_size", &["checkpoint", "size"], Shape::Integer, "Batches in that checkpoint."),
    Field::record("checkpoint_root", &["checkpoint", "root"], Shape::Text, "Root of that checkpoint in base64."),
];

const fn export(word: &'static str, doc: &'static str) -> Info {
    Info::new(word, Family::Exports, "`export`", doc).internal()
}

/// The record of an `export.rejected`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rejected {
    /// The sink's number of the record.
    pub export_seq: u64,
    /// What the sink said.
    pub reason: String,
    /// The record before it, if the sink's schema links records: it is said the same once more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<Link>,
}

/// The record of an `export.retry`: its envelope says all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {}

/// The record of an `export.replayed`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Replayed {
    /// The sink's number of the record.
    pub export_seq: u64,
    /// What the sink answered.
    pub ack: String,
}

/// The record of an `export.receipt`: one range of a ledger that is done. It may stand for many batches that were sent one
/// after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportReceipt {
    /// The sink's gapless counter of what it was sent: the first number of this range.
    pub export_seq: u64,
    /// The counter after this range.
    pub export_seq_next: u64,
    /// Records that the sink acknowledged.
    pub count: u64,
    /// Records in the range that the filter left out.
    pub excluded: u64,
    /// Records that the sink refused for ever. Each has an `export.rejected` entry, unless the sink did not say which they were, as `ack` tells then.
    pub rejected: u64,
    /// SHA-256 of the bytes that were sent, before compression, one batch after the other, in hexadecimal; absent if nothing
    /// was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// How many bytes these were.
    pub bytes: u64,
    /// Batches that the receipt stands for.
    #[serde(default = "one_batch")]
    pub batches: u64,
    /// How often they were sent: as often as there are batches if each was taken at once.
    pub attempts: u32,
    /// What the sink answered to the last of them.
    pub ack: String,
    /// The newest signed checkpoint of the exported ledger at that moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Checkpoint>,
    /// The last record of the range, if the sink's schema links records: the next one refers to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
}

/// A record that the next one of the same stream refers to, so that the receiver's copy is a chain that anybody can check.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The record's id at the receiver.
    pub uid: String,
    /// What it is there.
    pub type_uid: u64,
    /// The hash of it there, in hexadecimal.
    pub fingerprint: String,
}

/// A receipt that does not say it stands for one batch.
fn one_batch() -> u64 {
    1
}

/// Size and root of a signed checkpoint, as its note states them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Origin of the log.
    pub origin: String,
    /// Number of batches.
    pub size: u64,
    /// Root in base64.
    pub root: String,
}

impl Checkpoint {
    /// Reads the first three lines of a checkpoint's note. The signature is not checked.
    pub fn from_note(note: &str) -> Option<Self> {
        let mut lines = note.lines();
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        Some(Self { origin: origin.to_owned(), size: size.parse().ok()?, root: root.to_owned() })
    }
}

/// The record of an `export.intent`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Intended {
    /// One batch that is about to be sent.
    Batch(ExportIntent),
    /// A range that is about to be sent in batches, each of which follows from the ledger.
    Window(ExportWindow),
}

/// The intent to send the batches of a range one after the other, as long as nothing fails. The next receipt of the sink
/// takes its place, also if that says that only the first part of the range is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportWindow {
    /// The sink's gapless counter at the first record of the range.
    pub export_seq: u64,
    /// Records in the first batch, at most. The bound doubles with each batch up to the sink's own.
    pub records_max: u64,
    /// Where its batches end. With the bounds of the sink it says which records go together, so that whoever repeats the range
    /// after a crash makes the same batches.
    pub cut: Cut,
}

/// Where the batches of a range end, other than by the bounds of the sink and at the end of the range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// Nowhere: the range was durable when the intent was written, and every batch is as full as the sink takes it.
    Full,
    /// Where a batch of the exported ledger ends.
    LedgerBatch,
}

/// The intent to send one batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportIntent {
    /// The sink's gapless counter at the first record of the range.
    pub export_seq: u64,
    /// Records in the range that will be sent.
    pub count: u64,
    /// SHA-256 of the bytes, before compression, in hexadecimal.
    pub sha256: String,
    /// What was hidden when it was decided to send: whoever repeats the range decides the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<HiddenAt>,
}

/// A record of a range of which nobody is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HiddenAt {
    /// Its sequence number.
    pub seq: Seq,
    /// What hides it.
    pub by: String,
}
