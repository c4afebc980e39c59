//! Rows of a ledger as filters see them. Content is there if the row was read with it.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat};
use ledger::events::column as event;
use ledger::{Column, Kind, LedgerName, Row, Table, Timestamp};

use super::{Fields, Place, Source, Value, words};

impl Fields for Row<'_> {
    fn any(&self, place: &Place, holds: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        let is_events = self.position.ledger == LedgerName::Events;
        match place {
            Place::Word(word) => match if is_events { word.events } else { word.operations } {
                Source::None => false,
                Source::One(id) => any_in(self, id, holds),
                Source::Any(ids) => ids.into_iter().any(|id| any_in(self, id, holds)),
                Source::First(ids) => {
                    ids.into_iter().find(|id| self.has(*id)).is_some_and(|id| any_in(self, id, holds))
                }
                Source::Record(field) => any_in_record(self, field, holds),
            },
            Place::Column { events, operations, .. } => {
                (if is_events { events } else { operations }).is_some_and(|id| any_in(self, id, holds))
            }
            Place::Record(field) => any_in_record(self, field, holds),
        }
    }

    fn any_text(&self, holds: &mut dyn FnMut(&str) -> bool) -> bool {
        let ids: &[u8] = match self.position.ledger {
            LedgerName::Events => &words::SEARCHED_EVENTS,
            LedgerName::Operations => &words::SEARCHED_OPERATIONS,
        };
        ids.iter().filter_map(|id| self.value(*id)).any(|bytes| holds(&String::from_utf8_lossy(bytes)))
    }

    fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let time = match self.position.ledger {
            LedgerName::Events => self.time(event::TIME),
            LedgerName::Operations => Some(self.recorded),
        };
        time.map(|time| (time, time))
    }
}

/// Whether one of the values of a column satisfies `holds`.
fn any_in(row: &Row<'_>, id: u8, holds: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
    let Some(column) = Table::of(row.position.ledger).by_id(id) else { return false };
    let Some(bytes) = row.value(id) else { return false };
    if column.kind == Kind::TextList {
        return column.as_text_list().is_some_and(|list| row.list(list).any(|text| holds(Value::Text(text))));
    }
    match (column.kind, bytes.try_into().map(i64::from_be_bytes)) {
        (Kind::Integer, Ok(number)) => holds(Value::Number(number)),
        _ => holds(Value::Text(&text(column, bytes))),
    }
}

/// A value of another kind as text.
fn text<'a>(column: &Column, bytes: &'a [u8]) -> Cow<'a, str> {
    let integer = bytes.try_into().map(i64::from_be_bytes);
    match (column.kind, integer) {
        (Kind::Time, Ok(micros)) => time_text(Timestamp::from_unix_micros(micros)).into(),
        (Kind::Fingerprint, Ok(number)) => number.cast_unsigned().to_string().into(),
        (Kind::Bytes, _) => hex::encode(bytes).into(),
        _ => String::from_utf8_lossy(bytes),
    }
}

/// A field of the record; lists and objects have no form in a filter.
fn any_in_record(row: &Row<'_>, field: &str, holds: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
    let id = match row.position.ledger {
        LedgerName::Events => event::RECORD.id(),
        LedgerName::Operations => ledger::operations::column::RECORD.id(),
    };
    let record: Option<serde_json::Value> = row.value(id).and_then(|bytes| serde_json::from_slice(bytes).ok());
    match record.as_ref().and_then(|record| record.get(field)) {
        Some(serde_json::Value::String(text)) => holds(Value::Text(text)),
        Some(found @ (serde_json::Value::Bool(_) | serde_json::Value::Number(_))) => {
            holds(Value::Text(&found.to_string()))
        }
        _ => false,
    }
}

/// A moment as RFC 3339, as the API writes it.
pub fn time_text(moment: Timestamp) -> String {
    let micros = moment.unix_micros();
    let time = DateTime::from_timestamp_micros(micros);
    time.map_or_else(|| micros.to_string(), |time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}
