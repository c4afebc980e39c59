//! Rows as the fields of records, under the field policy of the sink. A pure function of the row: no clock, no counter.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use ledger::{Column, Kind, LedgerName, Part, Row, Table, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::fields::{Field, Fields, MomentText};
use crate::limits::VALUE_BYTES_MAX;

/// Columns that a row usually has, and bytes of their texts: room for them is made at once.
const FIELDS_USUAL: usize = 24;
const TEXT_BYTES_USUAL: usize = 512;

/// What happens to one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// It is sent.
    Full,
    /// A keyed hash of it is sent: equal values stay equal, and nobody without the key can guess them.
    Hash,
    /// It is not sent.
    Drop,
}

/// What happens to the columns of `events`. Columns that are not named: content and what is made from it is dropped, the
/// raw `record` is dropped (its fields are columns already), everything else is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct FieldPolicy(BTreeMap<String, Policy>);

impl FieldPolicy {
    /// The first name that is no column of `events`.
    pub fn unknown_column(&self) -> Option<&str> {
        let table = Table::of(LedgerName::Events);
        self.0.keys().map(String::as_str).find(|name| table.by_name(name).is_none())
    }

    /// Whether the content part must be read at all.
    pub fn needs_content(&self) -> bool {
        Table::of(LedgerName::Events).part(Part::Content).any(|column| self.of(column) != Policy::Drop)
    }

    fn of(&self, column: &Column) -> Policy {
        let unnamed = match column.name {
            "record" | "cuts" => Policy::Drop,
            _ if column.part == Part::Content => Policy::Drop,
            _ => Policy::Full,
        };
        self.0.get(column.name).copied().unwrap_or(unnamed)
    }
}

/// Renders rows for one sink.
#[derive(Clone)]
pub struct Renderer {
    policy: FieldPolicy,
    key: [u8; 32],
    events: Arc<[Step]>,
    operations: Arc<[Step]>,
}

/// What is rendered of a row, in the order of the names.
#[derive(Debug, Clone, Copy)]
enum Step {
    Position,
    Recorded,
    Column(&'static Column, Policy),
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Position => "position",
            Self::Recorded => "recorded",
            Self::Column(column, _) => column.name,
        }
    }
}

impl Renderer {
    /// A renderer with the installation's key for hashed columns.
    pub fn new(policy: FieldPolicy, key: [u8; 32]) -> Self {
        let steps = |ledger, of: &dyn Fn(&Column) -> Policy| {
            let columns = Table::of(ledger).columns.iter().map(|column| (column, of(column)));
            let columns = columns.filter(|(_, policy)| *policy != Policy::Drop);
            let columns = columns.map(|(column, policy)| Step::Column(column, policy));
            let mut steps: Vec<Step> = [Step::Position, Step::Recorded].into_iter().chain(columns).collect();
            steps.sort_by_key(|step| step.name());
            steps.into()
        };
        let events = steps(LedgerName::Events, &|column| policy.of(column));
        let operations = steps(LedgerName::Operations, &|column| match column.part {
            Part::Content => Policy::Drop,
            Part::Facts => Policy::Full,
        });
        Self { policy, key, events, operations }
    }

    /// The row's position and its columns by name.
    pub fn row(&self, row: &Row<'_>) -> Fields {
        let mut fields = Fields::with_capacity(FIELDS_USUAL, TEXT_BYTES_USUAL);
        self.visit(row, |name, field| fields.push(name, field));
        fields
    }

    /// Shows the row's position and its columns, in the order of their names.
    pub fn visit(&self, row: &Row<'_>, mut put: impl FnMut(&'static str, Field<'_>)) {
        let is_operation = row.position.ledger == LedgerName::Operations;
        let steps = if is_operation { &self.operations } else { &self.events };
        for step in steps.iter() {
            let (column, policy) = match step {
                Step::Position => {
                    put(step.name(), Field::Text(&row.position.to_string()));
                    continue;
                }
                Step::Recorded => {
                    put(step.name(), MomentText::of(row.recorded).field(row.recorded));
                    continue;
                }
                Step::Column(column, policy) => (*column, *policy),
            };
            let Some(bytes) = row.value(column.id) else { continue };
            match policy {
                Policy::Drop => {}
                Policy::Hash => put(column.name, Field::Text(&self.hash(column, bytes))),
                Policy::Full if is_operation && column.name == "record" => {
                    if let Some(record) = json_record(bytes) {
                        put(column.name, Field::Json(&record));
                    }
                }
                Policy::Full => plain(column, bytes, &mut put),
            }
        }
    }

    fn hash(&self, column: &Column, bytes: &[u8]) -> String {
        let digest = Sha256::new()
            .chain_update(b"tachograph export field v1\n")
            .chain_update(self.key)
            .chain_update(column.id.to_be_bytes())
            .chain_update(bytes)
            .finalize();
        format!("hash:{}", hex::encode(&digest[..16]))
    }
}

impl std::fmt::Debug for Renderer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Renderer").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// The record of an operations entry is JSON of ours; it is sent as such.
fn json_record(bytes: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(bytes).ok()?;
    Some(serde_json::from_str(text).unwrap_or_else(|_| Value::from(&*bounded(text))))
}

/// Shows a column as it is; nothing if its bytes are none of its kind.
fn plain(column: &Column, bytes: &[u8], put: &mut impl FnMut(&'static str, Field<'_>)) {
    let integer = || bytes.try_into().ok().map(i64::from_be_bytes);
    match column.kind {
        Kind::Text => {
            if let Ok(text) = std::str::from_utf8(bytes) {
                put(column.name, Field::Text(&bounded(text)));
            }
        }
        Kind::Integer => {
            if let Some(number) = integer() {
                put(column.name, Field::Integer(number));
            }
        }
        Kind::Time => {
            if let Some(moment) = integer().map(Timestamp::from_unix_micros) {
                put(column.name, MomentText::of(moment).field(moment));
            }
        }
        // A receiver that reads numbers as doubles would round a fingerprint.
        Kind::Fingerprint | Kind::Bytes => put(column.name, Field::Text(&bounded(&hex::encode(bytes)))),
        Kind::TextList => put(column.name, Field::Json(&Value::Array(list(bytes)))),
    }
}

/// The texts of a list: each a length u32 and its bytes.
fn list(mut bytes: &[u8]) -> Vec<Value> {
    let mut texts = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let Some((text, rest)) = rest.split_at_checked(u32::from_be_bytes(*length) as usize) else { break };
        texts.extend(std::str::from_utf8(text).ok().map(|text| Value::from(&*bounded(text))));
        bytes = rest;
    }
    texts
}

/// Cuts a text that is too long and says how much is missing.
fn bounded(text: &str) -> Cow<'_, str> {
    if text.len() <= VALUE_BYTES_MAX {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(VALUE_BYTES_MAX);
    Cow::Owned(format!("{}… [{} bytes cut]", &text[..end], text.len() - end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use serde_json::json;

    fn render(policy: &str, event: &Value) -> Value {
        let renderer = Renderer::new(serde_json::from_str(policy).unwrap(), [3; 32]);
        let rows = fixtures::events(std::slice::from_ref(event));
        let fields = renderer.row(&rows.get(0).unwrap());
        fields.iter().map(|(name, field)| (name.to_owned(), field.to_value())).collect()
    }

    #[test]
    fn content_never_leaves_unless_the_policy_says_so() {
        let event = json!({"host": "acme.example", "command": "cat .env", "content": "s3cret", "record": "{}", "status": 403,
            "action_fp": 255, "redactions": ["a", "b"], "time": 1_763_750_000_123_456_i64});
        assert_eq!(
            render("{}", &event),
            json!({"position": "events/0/0", "recorded": "2025-11-21T00:00:00.000000Z", "host": "acme.example", "status": 403,
                "time": "2025-11-21T18:33:20.123456Z", "action_fp": "00000000000000ff", "redactions": ["a", "b"]})
        );
        let hashed = render(r#"{"command": "hash", "host": "drop", "content": "full"}"#, &event);
        assert!(hashed["command"].as_str().unwrap().starts_with("hash:") && hashed["host"].is_null());
        assert_eq!(hashed["content"], "s3cret");
        assert!(!hashed.to_string().contains("cat .env"));
        assert_eq!(hashed["command"], render(r#"{"command": "hash"}"#, &event)["command"], "equal values stay equal");
    }

    #[test]
    fn long_values_are_cut_at_a_character() {
        let value = render("{}", &json!({"target": "ä".repeat(VALUE_BYTES_MAX)}));
        let text = value["target"].as_str().unwrap();
        assert!(text.len() < VALUE_BYTES_MAX + 64 && text.ends_with("bytes cut]"), "{}", &text[text.len() - 40..]);
    }

    #[test]
    fn unknown_columns_are_named() {
        let policy: FieldPolicy = serde_json::from_str(r#"{"command": "hash", "comand": "drop"}"#).unwrap();
        assert_eq!(policy.unknown_column(), Some("comand"));
        assert!(policy.needs_content());
        assert!(!FieldPolicy::default().needs_content());
    }
}
