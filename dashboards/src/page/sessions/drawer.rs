//! One record with everything about it: why it was flagged, what led to it, its columns, what stands around it, where else the same was
//! seen, and its proof. It is a page of its own, and the drawer beside a timeline.

use std::collections::HashMap;

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use ledger::{LedgerName, Part, Table};
use serde_json::Value;

use super::chain::{self, Step};
use crate::ask::{list, number, some_text, text};
use crate::frame::Frame;
use crate::page::alerts::baseline::Baseline;
use crate::page::record::{Line, is_denied, lane, of_answer};
use crate::trouble::{self, Trouble};
use crate::visit::{Visit, address, segment};
use crate::{figures, shown};

/// Columns that stand first, in this order; the others follow by name.
const FIRST: [&str; 20] = [
    "kind",
    "outcome",
    "rule",
    "action",
    "target",
    "method",
    "host",
    "path",
    "status",
    "command",
    "file",
    "exit_code",
    "duration_us",
    "bytes_in",
    "bytes_out",
    "source",
    "trust",
    "stream",
    "stream_seq",
    "session",
];
/// Columns without which a reader would wonder: where they are absent, the source does not tell them.
const EXPECTED: [&str; 4] = ["outcome", "duration_us", "source", "session"];
/// Lines of what stands around the record.
const NEIGHBOURS: usize = 14;

/// A record, for the template.
pub struct Drawer {
    pub position: String,
    pub permalink: String,
    pub hash: String,
    pub time: String,
    pub icon: &'static str,
    pub word: &'static str,
    pub summary: String,
    pub outcome: String,
    pub is_denied: bool,
    pub session: Option<String>,
    pub session_address: String,
    pub flagged: Vec<Flag>,
    pub chain: Vec<Step>,
    pub columns: Vec<Column>,
    pub more: Vec<Column>,
    /// Columns of content that the person may not read.
    pub hidden: Vec<&'static str>,
    pub raw: String,
    pub neighbours: Vec<Line>,
    pub elsewhere: Vec<Elsewhere>,
    pub proof: Proof,
    pub sql: String,
    pub curl: String,
    /// Where closing it leads.
    pub close: Option<String>,
}

/// An alert that names the record.
pub struct Flag {
    pub address: String,
    pub severity: String,
    pub rule: String,
    pub reason: String,
    pub status: String,
    pub baseline: Option<Baseline>,
}

/// A column with its value; without one the source does not tell it.
pub struct Column {
    pub name: String,
    pub value: Option<String>,
}

/// Where else something was seen.
pub struct Elsewhere {
    pub what: &'static str,
    pub value: String,
    pub text: String,
    pub denied: i64,
    pub last: String,
    pub address: String,
}

/// The proof in figures.
pub struct Proof {
    pub is_proven: bool,
    pub state: String,
    pub leaf: String,
    pub place: String,
    pub batch: String,
    pub batch_hashes: usize,
    pub log_size: String,
    pub log_hashes: usize,
    pub checkpoint: String,
    pub file: String,
    pub file_name: String,
    /// Where it is drawn.
    pub page: String,
}

#[derive(Template)]
#[template(path = "record.html")]
struct RecordPage {
    frame: Frame,
    record: Drawer,
}

/// The drawer alone, for a timeline that is there already.
#[derive(Template)]
#[template(path = "record_body.html")]
struct RecordPart {
    record: Drawer,
}

fn api(visit: &Visit, position: &str) -> String {
    let content = if visit.principal().content { "true" } else { "false" };
    address(&format!("/api/v1/records/{}", segment(position)), [("content", content)])
}

/// A record's page.
pub async fn show(
    visit: Visit,
    Path((ledger, shard, seq)): Path<(String, String, String)>,
) -> Result<Response, Trouble> {
    if ledger == LedgerName::Operations.as_str() {
        let sql = format!(
            "SELECT * FROM operations WHERE position = {}",
            crate::ask::literal(&format!("{ledger}/{shard}/{seq}"))
        );
        return Ok(Redirect::to(&address("/sql", [("sql", sql.as_str())])).into_response());
    }
    let position = format!("{ledger}/{shard}/{seq}");
    if visit.parameter("part").is_some() {
        let close = visit.parameter("close").filter(|close| close.starts_with("/sessions/")).map(str::to_owned);
        let record = Drawer::of(&visit, &position, close).await?;
        return trouble::page(&RecordPart { record });
    }
    let frame = Frame::of(&visit, &super::PAGE).await?;
    let record = Drawer::of(&visit, &position, None).await?;
    trouble::page(&RecordPage { frame, record })
}

/// A link that names a record by its number and the beginning of its hash, so that it cannot come to mean another.
pub async fn permalink(visit: Visit, Path(link): Path<String>) -> Result<Response, Trouble> {
    let found = visit.get(&format!("/api/v1/records/{}", segment(&link))).await?;
    Ok(Redirect::to(&format!("/records/{}", text(&found, "position"))).into_response())
}

impl Drawer {
    /// Of the record at a position.
    pub async fn of(visit: &Visit, position: &str, close: Option<String>) -> Result<Self, Trouble> {
        let found = visit.get(&api(visit, position)).await?;
        let chain = chain::of(visit, &found).await?;
        let (columns, line) = (&found["record"], of_answer(&found));
        let now = chrono::Utc::now();
        let (icon, word) = lane(text(&line, "lane"));
        let session = some_text(columns, "session").map(str::to_owned);
        let proof = Proof::of(&found["proof"], position);
        let since = figures::moment(text(&found, "time")).map_or(0, |moment| moment.timestamp_millis());
        let (first, more) = columns_of(columns);
        let outcome = text(columns, "outcome").to_owned();
        Ok(Self {
            permalink: text(&found, "permalink").to_owned(),
            hash: proof.leaf.chars().take(8).collect(),
            time: figures::time(text(&found, "time"), now),
            icon,
            word,
            summary: super::said(&line, word),
            is_denied: is_denied(&outcome),
            outcome,
            session_address: session.as_deref().map(|id| session_with(id, position)).unwrap_or_default(),
            session,
            flagged: list(&found, "flagged").iter().map(|alert| Flag::of(alert, now)).collect(),
            chain,
            columns: first,
            more,
            hidden: if visit.principal().content { Vec::new() } else { content_columns() },
            raw: pretty(text(&found, "raw")),
            neighbours: around(list(&found, "neighbours"), position, since),
            elsewhere: list(&found, "elsewhere").iter().filter_map(|seen| Elsewhere::of(seen, now)).collect(),
            proof,
            sql: address("/sql", [("sql", format!("SELECT * FROM events WHERE position = '{position}'").as_str())]),
            curl: format!(
                "curl -H \"Authorization: Bearer $TACHOGRAPH_TOKEN\" \"$TACHOGRAPH_SERVER/api/v1/records/{}\"",
                segment(position)
            ),
            close,
            position: position.to_owned(),
        })
    }

    /// The numbers of the chain by position.
    pub fn numbers(&self) -> HashMap<String, usize> {
        self.chain.iter().map(|step| (step.position.clone(), step.number)).collect()
    }
}

fn session_with(id: &str, position: &str) -> String {
    address(&format!("/sessions/{}", segment(id)), [("record", position)])
}

/// Lines from before and after the record, the nearest ones.
fn around(lines: &[Value], position: &str, since: i64) -> Vec<Line> {
    let own = lines.iter().position(|line| text(line, "position") == position).unwrap_or(lines.len() / 2);
    let from = own.saturating_sub(NEIGHBOURS / 2);
    lines
        .iter()
        .skip(from)
        .take(NEIGHBOURS)
        .map(|line| Line::of(line, since, text(line, "position") == position))
        .collect()
}

fn content_columns() -> Vec<&'static str> {
    let columns = Table::of(LedgerName::Events).columns.iter();
    columns.filter(|column| column.part != Part::Facts).map(|column| column.name).collect()
}

/// Columns that have a value, and those of which one says that the source tells none; what stands elsewhere is left out.
fn columns_of(record: &Value) -> (Vec<Column>, Vec<Column>) {
    let value = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(shown::defanged(text)),
        Value::Array(items) if items.is_empty() => None,
        other => Some(other.to_string()),
    };
    let of = |name: &str| Column { name: name.to_owned(), value: record.get(name).and_then(value) };
    let first = FIRST
        .iter()
        .map(|name| of(name))
        .filter(|column| column.value.is_some() || EXPECTED.contains(&column.name.as_str()));
    let others = record.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    let others = others.filter(|name| !FIRST.contains(name) && !matches!(*name, "record" | "content" | "cuts"));
    (first.collect(), others.map(of).filter(|column| column.value.is_some()).collect())
}

/// JSON over several lines; what is none stands as it is.
fn pretty(raw: &str) -> String {
    let parsed = serde_json::from_str::<Value>(raw).ok();
    let text = parsed.and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or_else(|| raw.to_owned());
    shown::defanged(&text)
}

impl Flag {
    fn of(alert: &Value, now: chrono::DateTime<chrono::Utc>) -> Self {
        Self {
            address: format!("/alerts/{}", segment(text(alert, "id"))),
            severity: text(alert, "severity").to_owned(),
            rule: text(alert, "rule").to_owned(),
            reason: shown::defanged(text(alert, "reason")),
            status: text(alert, "status").to_owned(),
            baseline: Baseline::of(&alert["measured"], |moment| figures::time(moment, now)),
        }
    }
}

impl Elsewhere {
    fn of(seen: &Value, now: chrono::DateTime<chrono::Utc>) -> Option<Self> {
        let (column, value) = (text(seen, "column"), some_text(seen, "value")?);
        let what = match column {
            "domain" => "This domain",
            "file" => "This file",
            _ => "The same call",
        };
        let condition = match column {
            "action_fp" => format!("action_fp = {}", value.parse::<u64>().ok()?),
            column => format!("{column} = {}", crate::ask::literal(value)),
        };
        let sql = format!(
            "SELECT time, team, workspace_name, session, outcome, position FROM events WHERE {condition} ORDER BY time DESC LIMIT 200"
        );
        let records = number(seen, "records");
        let text = if records == 0 {
            "in no other session, 30 days".to_owned()
        } else {
            let (sessions, workspaces) = (number(seen, "sessions"), number(seen, "workspaces"));
            format!(
                "{} records in {} other sessions, {} workspaces",
                figures::count(records),
                figures::count(sessions),
                figures::count(workspaces)
            )
        };
        Some(Self {
            what,
            value: if column == "action_fp" { String::new() } else { shown::defanged(value) },
            text,
            denied: number(seen, "denied"),
            last: some_text(seen, "last").map(|last| figures::time(last, now)).unwrap_or_default(),
            address: address("/sql", [("sql", sql.as_str())]),
        })
    }
}

impl Proof {
    fn of(proof: &Value, position: &str) -> Self {
        let (batch, log) = (&proof["batch"], &proof["log"]);
        Self {
            is_proven: text(proof, "state") == "proven",
            state: text(proof, "state").to_owned(),
            leaf: text(proof, "leaf").to_owned(),
            place: format!(
                "leaf {} of {}",
                figures::count(number(batch, "index") + 1),
                figures::count(number(batch, "size"))
            ),
            batch: figures::count(number(batch, "number")),
            batch_hashes: list(batch, "path").len(),
            log_size: figures::count(number(log, "size")),
            log_hashes: list(log, "path").len(),
            checkpoint: text(proof, "checkpoint").to_owned(),
            file: address("/integrity/proof", [("position", position)]),
            file_name: format!("proof-{}.json", position.replace('/', "-")),
            page: address("/integrity", [("position", position)]),
        }
    }
}
