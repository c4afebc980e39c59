//! `plain`: the columns of the ledger by their own names, as one JSON object. What is lost in other schemas is here.

use ledger::Row;
use serde_json::Value;

use super::{Context, Place, Said, SchemaSpec};
use crate::record::{Body, Record};
use crate::streams::fields::Field;
use crate::streams::pack::ObjectWriter;
use crate::streams::renderer::Renderer;

/// Bytes that a record usually takes.
const BYTES_USUAL: usize = 768;
/// The column that says what it is; an alert is one by its revision.
const KIND: &str = "kind";
/// The member that says where it stands.
const COUNTED: &str = "tachograph";

/// What the reference says.
pub static SPEC: SchemaSpec = SchemaSpec {
    name: "plain",
    what: "The columns of the ledger by their own names, as JSON; `tachograph` holds `stream`, `seq` and `export_seq`.",
    mapping: 1,
    is_json: true,
    says_leaf: false,
    place,
    say,
    say_row: Some(say_row),
};

fn say(record: &Record, _context: &Context<'_>) -> Said {
    write(record, |put| record.fields.iter().for_each(|(name, field)| put(name, field)))
}

/// Says a record of a row whose fields are not kept.
fn say_row(row: &Row<'_>, renderer: &Renderer, record: &Record) -> Said {
    write(record, |put| renderer.visit(row, put))
}

/// The values are written where they stand: this is the schema of most records, and a copy of each would cost as much as writing it.
fn write(record: &Record, fields: impl FnOnce(&mut dyn FnMut(&'static str, Field<'_>))) -> Said {
    let mut bytes = Vec::with_capacity(BYTES_USUAL);
    let mut object = ObjectWriter::new(&mut bytes);
    let is_alert = matches!(record.body, Body::Alert(_));
    // What no column says stands in the order of the names, too.
    let (mut kind_due, mut counted_due) = (is_alert, true);
    fields(&mut |name, field| {
        if kind_due && KIND <= name {
            object.said(KIND, "\"alert\"");
            kind_due = false;
        }
        if counted_due && COUNTED <= name {
            counted(record, &mut object);
            counted_due = false;
        }
        if !(is_alert && name == KIND) {
            object.member(name, &field);
        }
    });
    if kind_due {
        object.said(KIND, "\"alert\"");
    }
    if counted_due {
        counted(record, &mut object);
    }
    object.end();
    // Only texts were added.
    Said { text: String::from_utf8(bytes).unwrap_or_default(), is_json: true, ..Said::default() }
}

/// Where the record stands in its streams.
fn counted(record: &Record, object: &mut ObjectWriter<'_>) {
    let mut counted = object.object(COUNTED);
    counted.member("export_seq", &record.export_seq);
    counted.member("seq", &record.position.seq);
    counted.member("stream", &record.stream());
    counted.end();
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
