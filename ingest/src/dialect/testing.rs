//! What the tests of all dialects share: a record through dialect and finisher, with every column as text.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use ledger::column::Kind;
use ledger::events::TABLE;

use super::{Decoded, Dialect};
use crate::encoding::Json;
use crate::event::finish::Finisher;
use crate::event::{Draft, Drafts, ReadColumns, Record, Redacted};
use crate::price::PriceTable;

/// When the records of tests arrive.
pub const RECEIVED: i64 = 1_800_000_000_000_000;

/// The finisher of the tests.
pub static FINISHER: LazyLock<Finisher> =
    LazyLock::new(|| Finisher::new(std::array::from_fn(|at| at as u8), PriceTable::embedded()));

/// The columns that are set, as text: numbers in decimal, bytes in hexadecimal, lists with line breaks.
pub type Columns = BTreeMap<&'static str, String>;

/// The events of a record that must be understood.
pub fn events(dialect: &dyn Dialect, raw: &str) -> Vec<Columns> {
    let mut drafts = Drafts::new();
    let bytes = bytes(dialect, raw);
    let decoded = dialect.decode(record(dialect, &bytes), RECEIVED, &mut drafts);
    assert_eq!(decoded, Decoded::Events, "{}: {raw}", dialect.name());
    drafts
        .iter_mut()
        .enumerate()
        .map(|(at, draft)| {
            draft.limit_trust(dialect.trust());
            columns(&finish(record(dialect, &bytes), draft, at == 0))
        })
        .collect()
}

/// The bytes of an example.
pub fn bytes(dialect: &dyn Dialect, example: &str) -> Vec<u8> {
    match dialect.encoding().transcoder() {
        Some(transcoder) => transcoder.bytes(example).expect(example),
        None => example.as_bytes().to_vec(),
    }
}

/// A record of this dialect.
pub fn record<'a>(dialect: &dyn Dialect, raw: &'a [u8]) -> Record<'a> {
    Record::new(raw, dialect.encoding())
}

/// What the finisher makes of a draft of this record.
pub fn finish(record: Record<'_>, draft: &mut Draft, carries_record: bool) -> Redacted {
    let mut event = Redacted::default();
    FINISHER.finish(record, draft, carries_record, &mut event);
    event
}

/// What the finisher makes of a record that was not understood.
pub fn unparsed(raw: &[u8], reason: &str) -> Redacted {
    let mut event = Redacted::default();
    FINISHER.unparsed(Record::new(raw, &Json), &mut Draft::default(), reason, &mut event);
    event
}

/// The columns of an event.
pub fn columns(event: &impl ReadColumns) -> Columns {
    TABLE
        .columns
        .iter()
        .filter_map(|column| {
            let value = event.value(column.id)?;
            let text = match column.kind {
                Kind::Text => std::str::from_utf8(value).expect("text is UTF-8").to_owned(),
                Kind::Integer | Kind::Time => i64::from_be_bytes(value.try_into().expect("8 bytes")).to_string(),
                Kind::Fingerprint | Kind::Bytes => hex::encode(value),
                Kind::TextList => proof_list(value).join("\n"),
            };
            Some((column.name, text))
        })
        .collect()
}

/// The texts of a list: each a length and its bytes.
fn proof_list(mut value: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    while let Some((len, rest)) = value.split_first_chunk::<4>() {
        let (text, rest) = rest.split_at(u32::from_be_bytes(*len) as usize);
        texts.push(String::from_utf8(text.to_vec()).expect("text is UTF-8"));
        value = rest;
    }
    texts
}

/// Asserts that columns have these values; `None` is a column that must not be set.
pub fn check(columns: &Columns, expected: &[(&str, Option<&str>)]) {
    for (name, value) in expected {
        assert!(TABLE.by_name(name).is_some(), "{name} is a column");
        assert_eq!(columns.get(name).map(String::as_str), *value, "{name} in {columns:#?}");
    }
}

/// What a record decodes to that is not to be events.
pub fn decoded(dialect: &dyn Dialect, raw: &[u8]) -> Decoded {
    dialect.decode(record(dialect, raw), RECEIVED, &mut Drafts::new())
}
