//! Which rows a live tail sends, and how a row is written.

use chrono::DateTime;
use ledger::{Column, Kind, LedgerName, Part, Position, Row, Seq, Table, Timestamp};
use serde_json::{Map, Value};

use super::Problem;
use crate::limits;

/// Parameters that are no filters.
const RESERVED: [&str; 4] = ["ledger", "from", "content", "columns"];

/// What a live tail was asked for.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) ledger: LedgerName,
    /// Where to begin; `None` means with what is recorded from now on.
    pub(super) from: Option<Seq>,
    /// Whether content columns are sent.
    pub(super) content: bool,
    columns: Vec<&'static Column>,
    filters: Vec<Filter>,
}

/// One column or field of the record, and the values of which it must have one.
#[derive(Debug)]
struct Filter {
    subject: Subject,
    values: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Subject {
    Column(&'static Column),
    /// A field of the JSON in `record`.
    Record(String),
}

impl Wanted {
    /// Reads the parameters and the `Last-Event-ID` header.
    pub(super) fn parse(parameters: &[(String, String)], last_event_id: Option<&str>) -> Result<Self, Problem> {
        let one = |name: &str| parameters.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
        let ledger = match one("ledger").unwrap_or("events") {
            "events" => LedgerName::Events,
            "operations" => LedgerName::Operations,
            other => return Err(Problem::request(format!("ledger {other:?} is not one of events, operations"))),
        };
        let table = Table::of(ledger);
        let content = match one("content").unwrap_or("false") {
            "true" => true,
            "false" => false,
            other => return Err(Problem::request(format!("content {other:?} is not true or false"))),
        };
        let mut wanted = Self {
            ledger,
            from: start(ledger, one("from"), last_event_id)?,
            content,
            columns: Vec::new(),
            filters: Vec::new(),
        };
        wanted.columns = match one("columns") {
            Some(names) => {
                names.split(',').map(|name| column(table, name.trim(), content)).collect::<Result<_, _>>()?
            }
            None => table.columns.iter().filter(|column| content || column.part == Part::Facts).collect(),
        };
        for (name, value) in parameters.iter().filter(|(name, _)| !RESERVED.contains(&name.as_str())) {
            wanted.add(table, name, value)?;
        }
        Ok(wanted)
    }

    fn add(&mut self, table: &'static Table, name: &str, value: &str) -> Result<(), Problem> {
        let subject = match name.strip_prefix("record.") {
            Some(field) => Subject::Record(field.to_owned()),
            // What people filter alerts by stands in their record.
            None if name == "severity" && self.ledger == LedgerName::Operations => Subject::Record(name.to_owned()),
            None => Subject::Column(column(table, name.strip_prefix("column.").unwrap_or(name), self.content)?),
        };
        if self.filters.iter().map(|filter| filter.values.len()).sum::<usize>() == limits::TAIL_FILTERS_MAX {
            return Err(Problem::request(format!("more than {} filter values", limits::TAIL_FILTERS_MAX)));
        }
        match self.filters.iter_mut().find(|filter| filter.subject == subject) {
            Some(filter) => filter.values.push(value.to_owned()),
            None => self.filters.push(Filter { subject, values: vec![value.to_owned()] }),
        }
        Ok(())
    }

    /// Whether content is read, to send it or to filter by it.
    pub(super) fn content_columns(&self) -> Vec<String> {
        let sent = self.columns.iter().copied();
        let filtered = self
            .filters
            .iter()
            .filter_map(|filter| if let Subject::Column(column) = filter.subject { Some(column) } else { None });
        let mut names: Vec<String> = sent
            .chain(filtered)
            .filter(|column| column.part == Part::Content)
            .map(|column| format!("{}.{}", self.ledger, column.name))
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether every filter has a value that the row has.
    pub(super) fn matches(&self, row: &Row<'_>) -> bool {
        self.filters.iter().all(|filter| match &filter.subject {
            Subject::Column(column) => text_of(row, column).is_some_and(|text| filter.values.contains(&text)),
            Subject::Record(field) => {
                let record =
                    row.value(record_id(self.ledger)).and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok());
                let found = record.as_ref().and_then(|record| record.get(field));
                found.is_some_and(|found| plain_text(found).is_some_and(|text| filter.values.contains(&text)))
            }
        })
    }

    /// The row as one JSON object: where it stands, when it was recorded, and the columns that are not null.
    pub(super) fn render(&self, row: &Row<'_>) -> String {
        let mut object = Map::new();
        object.insert("position".to_owned(), row.position.to_string().into());
        object.insert("recorded".to_owned(), time_text(row.recorded).into());
        for column in &self.columns {
            if let Some(value) = value_of(row, column) {
                object.insert(column.name.to_owned(), value);
            }
        }
        Value::Object(object).to_string()
    }
}

fn start(ledger: LedgerName, from: Option<&str>, last_event_id: Option<&str>) -> Result<Option<Seq>, Problem> {
    let position = |text: &str| -> Result<Seq, Problem> {
        let at: Position = text.parse().map_err(|error| Problem::request(format!("{error}")))?;
        if at.ledger == ledger {
            Ok(at.seq)
        } else {
            Err(Problem::request(format!("{text} is not a position in {ledger}")))
        }
    };
    if let Some(last) = last_event_id.filter(|last| !last.is_empty()) {
        return Ok(Some(position(last)?.next()));
    }
    match from {
        None | Some("now") => Ok(None),
        Some("start") => Ok(Some(Seq::FIRST)),
        Some(text) => position(text).map(Some),
    }
}

fn column(table: &'static Table, name: &str, content: bool) -> Result<&'static Column, Problem> {
    let found = table
        .by_name(name)
        .ok_or_else(|| Problem::request(format!("{} has no column {name:?} to filter or select", table.ledger)))?;
    if found.part == Part::Content && !content {
        return Err(Problem::request(format!("column {name} holds content; add content=true")));
    }
    Ok(found)
}

fn record_id(ledger: LedgerName) -> u8 {
    match ledger {
        LedgerName::Events => ledger::events::column::RECORD.id(),
        LedgerName::Operations => ledger::operations::column::RECORD.id(),
    }
}

/// A field of the record as a filter writes it; lists and objects have no such form.
fn plain_text(found: &Value) -> Option<String> {
    match found {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(found.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A value as a filter writes it.
fn text_of(row: &Row<'_>, column: &Column) -> Option<String> {
    Some(match value_of(row, column)? {
        Value::String(text) => text,
        other => other.to_string(),
    })
}

/// A value as results of queries write it: see `output/json.rs`.
fn value_of(row: &Row<'_>, column: &Column) -> Option<Value> {
    let bytes = row.value(column.id)?;
    let integer = || bytes.try_into().ok().map(i64::from_be_bytes);
    Some(match column.kind {
        Kind::Text => Value::String(String::from_utf8_lossy(bytes).into_owned()),
        Kind::Integer => integer()?.into(),
        Kind::Time => time_text(Timestamp::from_unix_micros(integer()?)).into(),
        Kind::Fingerprint => bytes.try_into().ok().map(u64::from_be_bytes)?.to_string().into(),
        Kind::Bytes => hex::encode(bytes).into(),
        Kind::TextList => texts(bytes).into(),
    })
}

/// The texts of a list: each a length u32 and its bytes.
fn texts(mut bytes: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    while let Some((len, rest)) = bytes.split_first_chunk::<4>() {
        let Some((text, rest)) = rest.split_at_checked(u32::from_be_bytes(*len) as usize) else { break };
        texts.push(String::from_utf8_lossy(text).into_owned());
        bytes = rest;
    }
    texts
}

/// A moment as RFC 3339.
pub(super) fn time_text(moment: Timestamp) -> String {
    let micros = moment.unix_micros();
    let time = DateTime::from_timestamp_micros(micros);
    time.map_or_else(|| micros.to_string(), |time| time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
}
