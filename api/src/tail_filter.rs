//! Which rows a live tail sends, and how a row is written.

use ledger::{Column, Kind, LedgerName, Part, Position, Row, Seq, SystemClock, Table, TimeSource, Timestamp};
use operations::filter::{Filter, Pattern, Place, Subject, Term, Test};
use serde_json::{Map, Value};

use super::Problem;
use crate::limits;
pub(super) use operations::filter::time_text;

/// Parameters that are no filters.
const RESERVED: [&str; 5] = ["ledger", "from", "content", "columns", "filter"];

/// What a live tail was asked for.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) ledger: LedgerName,
    /// Where to begin; `None` means with what is recorded from now on.
    pub(super) from: Option<Seq>,
    /// Whether content columns are sent.
    pub(super) content: bool,
    columns: Vec<&'static Column>,
    filter: Filter,
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
            filter: Filter::default(),
        };
        wanted.columns = match one("columns") {
            Some(names) => {
                names.split(',').map(|name| column(table, name.trim(), content)).collect::<Result<_, _>>()?
            }
            None => table.columns.iter().filter(|column| content || column.part == Part::Facts).collect(),
        };
        if let Some(text) = one("filter") {
            let subject = match ledger {
                LedgerName::Events => Subject::Events,
                LedgerName::Operations => Subject::Operations,
            };
            wanted.filter = Filter::parse_for(subject, text).map_err(|error| Problem::request(error.to_string()))?;
            for name in wanted.filter.content_columns(ledger) {
                column(table, name, content)?;
            }
        }
        let given: Vec<&(String, String)> =
            parameters.iter().filter(|(name, _)| !RESERVED.contains(&name.as_str())).collect();
        if given.len() > limits::TAIL_FILTERS_MAX {
            return Err(Problem::request(format!("more than {} filter values", limits::TAIL_FILTERS_MAX)));
        }
        let named = wanted.named(table, &given)?;
        wanted.filter = std::mem::take(&mut wanted.filter).and(named);
        Ok(wanted)
    }

    /// The filter of parameters that are names of columns: each must have one of the values that are given for it.
    fn named(&self, table: &'static Table, given: &[&(String, String)]) -> Result<Filter, Problem> {
        let mut places: Vec<(Place, Vec<Pattern>)> = Vec::new();
        for (name, value) in given {
            let place = match name.strip_prefix("record.") {
                Some(field) => Place::Record(field.to_owned()),
                // What people filter alerts by stands in their record.
                None if name == "severity" && self.ledger == LedgerName::Operations => Place::Record(name.clone()),
                None => {
                    let name = name.strip_prefix("column.").unwrap_or(name);
                    let found = column(table, name, self.content)?;
                    Place::column(found.name).ok_or_else(|| Problem::request(format!("there is no column {name:?}")))?
                }
            };
            match places.iter_mut().find(|(other, _)| *other == place) {
                Some((_, values)) => values.push(Pattern::literal(value)),
                None => places.push((place, vec![Pattern::literal(value)])),
            }
        }
        let terms = places.into_iter().map(|(place, values)| Term { negated: false, test: Test::Is(place, values) });
        Ok(Filter::of(terms.collect()))
    }

    /// Whether content is read, to send it or to filter by it.
    pub(super) fn content_columns(&self) -> Vec<String> {
        let sent = self.columns.iter().copied();
        let table = Table::of(self.ledger);
        let filtered = self.filter.content_columns(self.ledger).into_iter().filter_map(|name| table.by_name(name));
        let mut names: Vec<String> = sent
            .chain(filtered)
            .filter(|column| column.part == Part::Content)
            .map(|column| format!("{}.{}", self.ledger, column.name))
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether the filter holds for a row.
    pub(super) fn matches(&self, row: &Row<'_>) -> bool {
        self.filter.matches(row, SystemClock.now())
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
