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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::every;

    #[test]
    fn every_row_is_one_line_that_says_its_kind_and_where_it_stands() {
        for (block, records) in every::records(&SPEC) {
            assert!(!records.is_empty(), "{block}");
            for record in records {
                let said: serde_json::Value = serde_json::from_str(&record.said.text).unwrap();
                assert_eq!(said["tachograph"]["seq"], record.position.seq.get(), "{block}");
                assert_eq!(said["kind"].as_str().unwrap_or_default(), record.kind(), "{block}");
                assert!(!record.said.text.contains(['\n', '\r', '\0']), "{block}");
            }
        }
    }
}
