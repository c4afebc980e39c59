//! `plain`: the columns of the ledger by their own names, as one JSON object. What is lost in other schemas is here.

use serde_json::json;

use super::{Context, Said, SchemaSpec};
use crate::record::{Body, Record};

/// What the reference says.
pub static SPEC: SchemaSpec = SchemaSpec {
    name: "plain",
    what: "The columns of the ledger by their own names, as JSON; `tachograph` holds `stream`, `seq` and `export_seq`.",
    mapping: 1,
    is_json: true,
    say,
};

fn say(record: &Record, _context: &Context<'_>) -> Said {
    let mut fields = record.fields.clone();
    if let Body::Alert(_) = record.body {
        fields.insert("kind".to_owned(), "alert".into());
    }
    let counted = json!({"stream": record.stream(), "seq": record.position.seq, "export_seq": record.export_seq});
    fields.insert("tachograph".to_owned(), counted);
    Said::object(&fields)
}
