//! What a sink selects of a ledger: which rows it gets, and how each becomes a record. A pure function of the row, the configuration and the
//! record before, so whoever has the ledger and the configuration makes every record again.

use ledger::{Reader, Row};
use operations::kind::export::Link;

use crate::record::{Body, Filter, Record};
use crate::schemas::{Context, Said, SchemaSpec};
use crate::streams::fields::Fields;
use crate::streams::renderer::Renderer;

/// Which rows a sink gets, and how each becomes a record.
pub struct Selection {
    filter: Filter,
    renderer: Renderer,
    /// What the records of a receiver of everything are said in.
    schema: Option<InSchema>,
    /// What of a record is kept.
    retained: Retained,
    /// The backfill that numbers the records, if it is not the sink's own stream.
    backfill: Option<u64>,
}

/// What of a record is kept once it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Retained {
    /// Everything.
    Whole,
    /// Everything but its columns.
    NoColumns,
    /// Nothing else.
    Said,
}

/// Records of one stream in one schema.
struct InSchema {
    schema: &'static SchemaSpec,
    /// The name of the stream.
    chain: String,
    /// What the records are said by.
    rendering: String,
}

impl Selection {
    /// The rows that pass, as records of people's alerts.
    pub fn new(filter: Filter, renderer: Renderer) -> Self {
        Self { filter, renderer, schema: None, retained: Retained::Whole, backfill: None }
    }

    /// The same, said in a schema as records of this stream. `rendering` names everything in the configuration that the records follow from.
    #[must_use]
    pub fn said_in(self, schema: &'static SchemaSpec, chain: String, rendering: String) -> Self {
        Self { schema: Some(InSchema { schema, chain, rendering }), ..self }
    }

    /// The same, of which no more is kept than what is said: for receivers for whom many records wait.
    #[must_use]
    pub fn said_only(self) -> Self {
        Self { retained: Retained::Said, ..self }
    }

    /// The same, whose columns are not kept: for receivers that need no more of them than what is said.
    #[must_use]
    pub fn without_columns(self) -> Self {
        Self { retained: Retained::NoColumns, ..self }
    }

    /// The same with the numbers of a backfill.
    #[must_use]
    pub fn numbered_by(self, backfill: u64) -> Self {
        Self { backfill: Some(backfill), ..self }
    }

    /// What the records of a receiver of everything are said by, as its receipts name it.
    pub fn rendering(&self) -> Option<&str> {
        self.schema.as_ref().map(|schema| schema.rendering.as_str())
    }

    fn says_leaf(&self) -> bool {
        self.schema.as_ref().is_some_and(|said| said.schema.says_leaf)
    }

    /// A reader of the rows that knows what the schema says of them.
    pub fn reader(&self, reader: Reader) -> Reader {
        if self.says_leaf() { reader.with_leaves() } else { reader }
    }

    /// The record of a row, if the sink gets it. `export_seq` is the number that it will have, and `previous` the record before it.
    pub fn record(&self, row: &Row<'_>, export_seq: u64, previous: Option<&Link>) -> Option<Record> {
        let say_row =
            self.schema.as_ref().filter(|_| self.retained != Retained::Whole).and_then(|schema| schema.schema.say_row);
        let Some(say_row) = say_row else {
            let mut record = self.filter.select(row, export_seq, Some(&self.renderer))?;
            record.backfill = self.backfill;
            record.leaf = self.says_leaf().then(|| row.leaf()).flatten();
            self.say(&mut record, previous);
            self.forget(&mut record);
            return Some(record);
        };
        let mut record = self.filter.select(row, export_seq, None)?;
        record.backfill = self.backfill;
        let said = say_row(row, &self.renderer, &record);
        self.take(&mut record, said);
        self.forget(&mut record);
        Some(record)
    }

    /// Leaves out of a record what is not kept.
    fn forget(&self, record: &mut Record) {
        if self.retained != Retained::Whole {
            record.fields = Fields::default();
        }
        if self.retained == Retained::Said {
            record.body = Body::Event;
            record.size = record.said.text.len() + size_of::<Record>();
        }
    }

    /// What a record says in the schema of the sink.
    fn take(&self, record: &mut Record, said: Said) {
        record.size += said.text.len();
        record.said = Said { schema: self.schema.as_ref().map_or("", |schema| schema.schema.name), ..said };
    }

    /// Says a record in the schema of the sink, if it has one.
    pub fn say(&self, record: &mut Record, previous: Option<&Link>) {
        if let Some(InSchema { schema, chain, .. }) = &self.schema {
            let said = (schema.say)(record, &Context { chain, previous });
            self.take(record, said);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FieldPolicy;
    use crate::fixtures::every;
    use crate::schemas::SCHEMAS;

    #[test]
    fn a_record_says_the_same_whatever_of_it_is_kept() {
        let policy: FieldPolicy =
            serde_json::from_str(r#"{"command": "hash", "content": "full", "host": "drop"}"#).unwrap();
        for schema in SCHEMAS {
            let selection = || {
                let renderer = Renderer::new(policy.clone(), [3; 32]);
                Selection::new(Filter::of_everything("siem"), renderer).said_in(
                    schema,
                    "chain".into(),
                    "rendering".into(),
                )
            };
            let (whole, no_columns, said) = (selection(), selection().without_columns(), selection().said_only());
            for (block, rows) in every::blocks() {
                for row in rows.iter() {
                    let of = |selection: &Selection| selection.record(&row, 7, None);
                    let (Some(record), Some(other), Some(short)) = (of(&whole), of(&no_columns), of(&said)) else {
                        assert!(of(&whole).is_none() && of(&no_columns).is_none() && of(&said).is_none(), "{block}");
                        continue;
                    };
                    assert!(record.said == other.said && other.said == short.said, "{block} in {}", schema.name);
                    assert!(!record.fields.is_empty() && other.fields.is_empty() && short.fields.is_empty(), "{block}");
                    let fields = record.fields.clone();
                    assert!(
                        record.body == other.body && Record { fields, size: record.size, ..other } == record,
                        "{block}"
                    );
                }
            }
        }
    }
}
