//! What holds of every schema: each record is one line, says where it belongs, and has the print of a copy with its members in another order.

use serde_json::Value;

use super::*;
use crate::fixtures::every;
use crate::receipts::copy::print;

#[test]
fn every_record_in_every_schema_is_one_line_that_says_where_it_belongs() {
    for schema in SCHEMAS {
        assert!(schema.what.ends_with('.'), "{}", schema.name);
        for (block, records) in every::records(schema) {
            for record in records {
                let said = &record.said;
                assert!(!said.text.contains(['\n', '\r', '\0']), "{}: {block}", schema.name);
                assert_eq!(said.is_json, schema.is_json, "{}", schema.name);
                let place = Place { stream: record.stream(), export_seq: record.export_seq };
                assert_eq!((schema.place)(&said.text), Some(place), "{}: {block}: {}", schema.name, said.text);
                assert_eq!((schema.place)("{\"a\":1}"), None, "{}", schema.name);
                if schema.is_json {
                    let again: Value = serde_json::from_str(&said.text).unwrap();
                    assert_eq!(print(schema, &said.text), print(schema, &format!(" {again:#} ")), "{}", schema.name);
                }
            }
        }
    }
}
