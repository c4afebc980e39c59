//! `export render`: rows of a ledger as a sink would get them, for people who write the other side. Nothing is sent or recorded, and content
//! is left out, whatever the sink's field policy says.

use ledger::{ReadLimit, Reader, Seq};
use operations::filter;

use crate::config::SinkConfig;
use crate::limits::{READ_BYTES, READ_ROWS};
use crate::receipts::ReceiptsError;
use crate::record::Filter;
use crate::schemas::{SCHEMAS, SchemaSpec, names};
use crate::selection::Selection;
use crate::streams::renderer::{FieldPolicy, Renderer};

/// Which rows are rendered, and how.
pub struct Rendering {
    schema: &'static SchemaSpec,
    filter: Filter,
    policy: FieldPolicy,
    name: String,
    key: [u8; 32],
}

impl Rendering {
    /// Rows that a filter lets through, as `sink` would get them, or as a sink that changes nothing. The message says which schemas there are.
    pub fn new(
        schema: Option<&str>,
        sink: Option<&SinkConfig>,
        rows: filter::Filter,
        key: [u8; 32],
    ) -> Result<Self, String> {
        let schema = match (schema, sink) {
            (Some(name), _) => SCHEMAS.iter().copied().find(|schema| schema.name == name),
            (None, Some(sink)) => sink.schema(),
            (None, None) => SCHEMAS.first().copied(),
        };
        let schema = schema.ok_or_else(|| format!("the schema is one of {}", names(SCHEMAS)))?;
        let filter = sink.map_or_else(|| Filter::of_everything("render"), SinkConfig::filter);
        let filter = Filter { alerts_only: false, rows: filter.rows.clone().and(rows), ..filter };
        let policy = sink.map(|sink| sink.common.fields.clone()).unwrap_or_default();
        let name = sink.map_or("render", |sink| &sink.common.name).to_owned();
        Ok(Self { schema, filter, policy, name, key })
    }

    /// Says the rows of a ledger from a position on, one after the other, until `say` returns `false` or there are no more. Each
    /// is numbered and linked as if a new sink had been sent it.
    pub fn each(&self, reader: &Reader, from: Seq, mut say: impl FnMut(&str) -> bool) -> Result<(), ReceiptsError> {
        let chain = format!("{}/{}", reader.origin()?, self.name);
        let renderer = Renderer::new(self.policy.clone(), self.key);
        let selection = Selection::new(self.filter.clone(), renderer).said_in(self.schema, chain, String::new());
        let reader = selection.reader(reader.clone());
        let (mut next, mut export_seq, mut link) = (from, 0, None);
        loop {
            let rows = reader.read(next, false, ReadLimit { rows: READ_ROWS, bytes: READ_BYTES })?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in rows.iter() {
                let Some(record) = selection.record(&row, export_seq, link.as_ref()) else { continue };
                if !say(&record.said.text) {
                    return Ok(());
                }
                export_seq += 1;
                link = record.said.link;
            }
            next = rows.next_seq;
        }
    }
}
