//! `plain`: the columns of the ledger by their own names, as one JSON object. What is lost in other schemas is here.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Context, Place, Said, SchemaSpec};
use crate::record::{Body, Record};

/// What the reference says.
pub static SPEC: SchemaSpec = SchemaSpec {
    name: "plain",
    what: "The columns of the ledger by their own names, as JSON; `tachograph` holds `stream`, `seq` and `export_seq`.",
    mapping: 1,
    is_json: true,
    says_leaf: false,
    place,
    say,
};

fn say(record: &Record, _context: &Context<'_>) -> Said {
    let alert = Value::from("alert");
    let counted = json!({"stream": record.stream(), "seq": record.position.seq, "export_seq": record.export_seq});
    // The values are written where they stand: this is the schema of most records, and a copy of each would cost as much as writing it.
    let mut fields: BTreeMap<&str, &Value> = record.fields.iter().map(|(name, value)| (name.as_str(), value)).collect();
    if let Body::Alert(_) = record.body {
        fields.insert("kind", &alert);
    }
    fields.insert("tachograph", &counted);
    Said::object(&fields)
}

fn place(text: &str) -> Option<Place> {
    let value: Value = serde_json::from_str(text).ok()?;
    let counted = value.get("tachograph")?;
    Some(Place {
        stream: counted.get("stream")?.as_str()?.to_owned(),
        export_seq: counted.get("export_seq")?.as_u64()?,
    })
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
