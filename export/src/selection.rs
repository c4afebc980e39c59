//! What a sink selects of a ledger: which rows it gets, and how each becomes a record. A pure function of the row, the configuration and the
//! record before, so whoever has the ledger and the configuration makes every record again.

use ledger::Row;
use operations::kind::export::Link;
use serde_json::Map;

use crate::record::{Body, Filter, Record};
use crate::schemas::{Context, SchemaSpec};
use crate::streams::fields::Renderer;

/// Which rows a sink gets, and how each becomes a record.
pub struct Selection {
    filter: Filter,
    renderer: Renderer,
    /// What the records of a receiver of everything are said in.
    schema: Option<InSchema>,
    /// Whether a record is kept only as it is said.
    said_only: bool,
    /// The backfill that numbers the records, if it is not the sink's own stream.
    backfill: Option<u64>,
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
        Self { filter, renderer, schema: None, said_only: false, backfill: None }
    }

    /// The same, said in a schema as records of this stream. `rendering` names everything in the configuration that the records follow from.
    #[must_use]
    pub fn said_in(self, schema: &'static SchemaSpec, chain: String, rendering: String) -> Self {
        Self { schema: Some(InSchema { schema, chain, rendering }), ..self }
    }

    /// The same, of which no more is kept than what is said: for receivers for whom many records wait.
    #[must_use]
    pub fn said_only(self) -> Self {
        Self { said_only: true, ..self }
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

    /// The record of a row, if the sink gets it. `export_seq` is the number that it will have, and `previous` the record before it.
    pub fn record(&self, row: &Row<'_>, export_seq: u64, previous: Option<&Link>) -> Option<Record> {
        let mut record = self.filter.select(row, export_seq, &self.renderer)?;
        record.backfill = self.backfill;
        self.say(&mut record, previous);
        if self.said_only {
            (record.fields, record.body) = (Map::new(), Body::Event);
            record.size = record.said.text.len() + size_of::<Record>();
        }
        Some(record)
    }

    /// Says a record in the schema of the sink, if it has one.
    pub fn say(&self, record: &mut Record, previous: Option<&Link>) {
        if let Some(InSchema { schema, chain, .. }) = &self.schema {
            record.said = (schema.say)(record, &Context { chain, previous });
            record.said.schema = schema.name;
            record.size += record.said.text.len();
        }
    }
}
