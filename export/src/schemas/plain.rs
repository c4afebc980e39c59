//! `plain`: the columns of the ledger by their own names, as one JSON object. What is lost in other schemas is here.

use serde_json::Value;

use super::{Context, Place, Said, SchemaSpec};
use crate::record::{Body, Record};
use crate::streams::pack::ObjectWriter;

/// What the reference says.
pub static SPEC: SchemaSpec = SchemaSpec {
    name: "plain",
    what: "The columns of the ledger by their own names, as JSON; `tachograph` holds `stream`, `seq` and `export_seq`.",
    mapping: 1,
    is_json: true,
    place,
    say,
};

fn say(record: &Record, _context: &Context<'_>) -> Said {
    // The values are written where they stand: this is the schema of most records, and a copy of each would cost as much as writing it.
    let mut object = ObjectWriter::with_capacity(record.size + 512);
    let counted = format!(
        "{{\"export_seq\":{},\"seq\":{},\"stream\":\"{}\"}}",
        record.export_seq,
        record.position.seq,
        record.stream()
    );
    // What no column says, in the order of the names.
    let is_alert = matches!(record.body, Body::Alert(_));
    let kind = is_alert.then_some(("kind", "\"alert\""));
    let mut made = kind.into_iter().chain([("tachograph", counted.as_str())]).peekable();
    for (name, field) in record.fields.iter() {
        while let Some((made_name, json)) = made.next_if(|(made_name, _)| *made_name <= name) {
            object.said(made_name, json);
        }
        if !(is_alert && name == "kind") {
            object.member(name, &field);
        }
    }
    made.for_each(|(name, json)| object.said(name, json));
    Said { text: object.end(), is_json: true, ..Said::default() }
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
