//! The columns of objects in Parquet. They follow from the schema of the records and from nothing in them, so every file of a kind has the same.
//!
//! What of a record fits no column is not lost: it stands as JSON in the last column, `unmapped`.

use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use chrono::DateTime;
use ledger::{Kind, LedgerName, Table};
use serde_json::{Map, Value};

use super::ocsf;

/// The column with what fits no other.
pub const UNMAPPED: &str = "unmapped";

/// The columns of one kind of record.
pub struct Columns(Fields);

impl Columns {
    /// Those of records like this one: by the class of OCSF or those that every class has, by the ledger of plain records, or else the record as
    /// JSON.
    pub fn of(record: &Value, by_class: bool) -> Self {
        let stream = record["tachograph"]["stream"].as_str().unwrap_or_default();
        let own = match (record["class_uid"].as_u64(), stream.split('/').next()) {
            (Some(class), _) => ocsf::fields(if by_class { class } else { 0 }),
            (None, Some("events")) if record.get("position").is_some() => plain(LedgerName::Events),
            (None, Some("operations")) if record.get("position").is_some() => plain(LedgerName::Operations),
            _ => vec![counters()],
        };
        Self(own.into_iter().chain([Field::new(UNMAPPED, DataType::Utf8, true)]).collect())
    }

    /// The columns as Arrow has them.
    pub fn fields(&self) -> Fields {
        self.0.clone()
    }

    /// A record as a row: what the columns hold, with their types.
    pub fn row(&self, record: Value) -> Value {
        let Value::Object(mut record) = record else {
            return Value::Object([(UNMAPPED.to_owned(), Value::String(record.to_string()))].into_iter().collect());
        };
        let own = record.remove(UNMAPPED);
        let (mut row, mut rest) = take(record, &self.0);
        match own {
            Some(Value::Object(own)) => own.into_iter().for_each(|(name, value)| {
                rest.entry(name).or_insert(value);
            }),
            Some(other) => rest.extend([(UNMAPPED.to_owned(), other)]),
            None => {}
        }
        if !rest.is_empty() {
            row.insert(UNMAPPED.to_owned(), Value::String(Value::Object(rest).to_string()));
        }
        Value::Object(row)
    }
}

/// The columns of a ledger, as plain records have them.
fn plain(ledger: LedgerName) -> Vec<Field> {
    let column = |(name, kind): (&str, DataType)| Field::new(name, kind, true);
    let first = [("position", DataType::Utf8), ("recorded", moment())].map(column);
    let own = Table::of(ledger).columns.iter().map(|own| column((own.name, kind(own.kind))));
    let others =
        own.filter(|field| !matches!(field.name().as_str(), "position" | "recorded" | "tachograph" | UNMAPPED));
    first.into_iter().chain(others).chain([counters()]).collect()
}

/// How records of a sink are counted: `tachograph.stream`, `tachograph.seq`, `tachograph.export_seq`.
fn counters() -> Field {
    let long = |name: &str| Field::new(name, DataType::Int64, true);
    let members = vec![Field::new("stream", DataType::Utf8, true), long("seq"), long("export_seq")];
    Field::new("tachograph", DataType::Struct(members.into()), true)
}

/// UTC by its offset: Arrow knows names of zones only with their data base.
fn moment() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()))
}

/// What records as JSON have for a kind of column.
fn kind(kind: Kind) -> DataType {
    match kind {
        Kind::Integer => DataType::Int64,
        Kind::Time => moment(),
        Kind::TextList => DataType::List(Field::new_list_field(DataType::Utf8, true).into()),
        Kind::Text | Kind::Fingerprint | Kind::Bytes => DataType::Utf8,
    }
}

/// Takes from an object what fields hold; the second is the rest.
fn take(mut object: Map<String, Value>, fields: &Fields) -> (Map<String, Value>, Map<String, Value>) {
    let (mut taken, mut rest) = (Map::new(), Map::new());
    for field in fields {
        let Some((name, value)) = object.remove_entry(field.name()) else { continue };
        let (value, left) = fit(value, field.data_type());
        if !value.is_null() {
            taken.insert(name.clone(), value);
        }
        rest.extend(left.map(|left| (name, left)));
    }
    rest.extend(object);
    (taken, rest)
}

/// What a type holds of a value, or nothing; the second is what it does not hold.
fn fit(value: Value, kind: &DataType) -> (Value, Option<Value>) {
    match (kind, value) {
        (_, Value::Null) => (Value::Null, None),
        (DataType::Utf8, Value::String(text)) => (Value::String(text), None),
        // Records of our own in a column of text are JSON.
        (DataType::Utf8, value @ (Value::Object(_) | Value::Array(_))) => (Value::String(value.to_string()), None),
        (DataType::Boolean, Value::Bool(value)) => (Value::Bool(value), None),
        (DataType::Int64, value) if value.is_i64() => (value, None),
        (DataType::Int32, value) if value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()) => (value, None),
        (DataType::Timestamp(..), Value::String(text)) if is_moment(&text) => (Value::String(text), None),
        (DataType::List(item), Value::Array(items)) => {
            let fitted: Vec<_> = items.into_iter().map(|value| fit(value, item.data_type())).collect();
            let left = fitted.iter().any(|(_, left)| left.is_some());
            let (items, rest): (Vec<_>, Vec<_>) = fitted.into_iter().unzip();
            (Value::Array(items), left.then(|| rest.into_iter().map(Option::unwrap_or_default).collect()))
        }
        (DataType::Struct(fields), Value::Object(object)) => {
            let (taken, rest) = take(object, fields);
            (Value::Object(taken), (!rest.is_empty()).then_some(Value::Object(rest)))
        }
        (_, other) => (Value::Null, Some(other)),
    }
}

/// Whether a text is a moment that a column holds.
fn is_moment(text: &str) -> bool {
    DateTime::parse_from_rfc3339(text).is_ok_and(|moment| (1..=9_999).contains(&chrono::Datelike::year(&moment)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use serde_json::json;

    #[test]
    fn what_fits_no_column_is_in_the_last_one() {
        let record = json!({"class_uid": 4002, "time": 1_763_750_000_123_i64, "severity_id": "high",
            "metadata": {"version": "1.9.0", "sequence": 7, "x": 1}, "unmapped": {"cost": 3}, "new_in_ocsf": [1]});
        let row = Columns::of(&record, true).row(record);
        assert_eq!(row["metadata"], json!({"version": "1.9.0", "sequence": 7}));
        assert_eq!((&row["class_uid"], &row["severity_id"]), (&json!(4002), &Value::Null));
        let rest: Value = serde_json::from_str(row[UNMAPPED].as_str().unwrap()).unwrap();
        assert_eq!(rest, json!({"severity_id": "high", "metadata": {"x": 1}, "cost": 3, "new_in_ocsf": [1]}));
    }

    #[test]
    fn every_column_of_a_plain_record_has_its_own() {
        let event = json!({"kind": "egress.http", "status": 403, "time": 1_763_750_000_123_456_i64, "redactions": ["a"], "action_fp": 255});
        for rows in
            [fixtures::events(&[event]), fixtures::operations(&[fixtures::alert(1, operations::alert::Severity::Low)])]
        {
            let said = fixtures::records(&rows).remove(0).said.text;
            let record: Value = serde_json::from_str(&said).unwrap();
            let row = Columns::of(&record, true).row(record.clone());
            assert!(row.get(UNMAPPED).is_none(), "{row}");
            assert_eq!(row["tachograph"], record["tachograph"]);
            assert_eq!(row.as_object().unwrap().len(), record.as_object().unwrap().len());
        }
    }
}
