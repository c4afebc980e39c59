//! A session as text to read and print, and as the records themselves. Neither needs a module.

use std::collections::HashMap;

use serde_json::Value;

use super::rows::{Around, Row};
use crate::ask::{list, literal, number, some_text, text};
use crate::trouble::Trouble;
use crate::visit::{Visit, address, segment};
use crate::{figures, shown};

/// Rows of one page of the story,
const STORY_ROWS: &str = "500";
/// and of the records themselves.
const RAW_ROWS: usize = 100;

/// One page of either.
pub struct Story {
    pub is_raw: bool,
    pub paragraphs: Vec<Paragraph>,
    pub raw: Vec<Raw>,
    pub next: Option<String>,
}

/// What happened until the next prompt or pause.
pub struct Paragraph {
    pub heading: String,
    pub lines: Vec<Row>,
}

/// A record as its source sent it.
pub struct Raw {
    pub position: String,
    pub kind: String,
    pub time: String,
    pub text: String,
}

impl Story {
    /// Of the session, from the cursor in the address on.
    pub async fn of(visit: &Visit, id: &str, is_raw: bool) -> Result<Self, Trouble> {
        let view = if is_raw { "raw" } else { "story" };
        let page = |cursor: &str| address(&format!("/sessions/{}", segment(id)), [("view", view), ("cursor", cursor)]);
        let cursor = visit.parameter("cursor").unwrap_or_default();
        if is_raw {
            let (raw, next) = raw(visit, id, cursor).await?;
            return Ok(Self { is_raw, paragraphs: Vec::new(), raw, next: next.map(|seq| page(&seq.to_string())) });
        }
        let content = if visit.principal().content { "true" } else { "false" };
        let asked = [("limit", STORY_ROWS), ("fold", "true"), ("content", content)];
        let path = format!("/api/v1/sessions/{}/records", segment(id));
        let asked = asked.into_iter().chain((!cursor.is_empty()).then_some(("cursor", cursor)));
        let found = visit.get(&address(&path, asked)).await?;
        let next = some_text(&found, "next").map(page);
        Ok(Self { is_raw, paragraphs: paragraphs(list(&found, "records")), raw: Vec::new(), next })
    }
}

fn paragraphs(rows: &[Value]) -> Vec<Paragraph> {
    let chain = HashMap::new();
    let address = |position: &str| format!("/records/{position}");
    let around = Around { selected: None, chain: &chain, began: 0, address: &address, unfolded: &|_| String::new() };
    let mut paragraphs: Vec<Paragraph> = Vec::new();
    for value in rows {
        let row = Row::of(value, &around);
        // The parts of a call of a model say the same three times; its cost stands in one of them.
        if matches!(text(value, "kind"), "model.call" | "model.call.end") {
            continue;
        }
        let is_prompt = row.word == "Prompt";
        if let Some(last) = paragraphs.last_mut().filter(|_| !is_prompt && row.gap.is_none()) {
            last.lines.push(row);
            continue;
        }
        let heading = match (&row.gap, is_prompt) {
            (_, true) => format!("{} A person asks", row.time),
            (Some(gap), _) => format!("{} After {gap} without an event", row.time),
            (None, _) => row.time.clone(),
        };
        paragraphs.push(Paragraph { heading, lines: vec![row] });
    }
    paragraphs
}

/// Records in the order of the ledger, and the number of the last one if there are more.
async fn raw(visit: &Visit, id: &str, cursor: &str) -> Result<(Vec<Raw>, Option<i64>), Trouble> {
    let after = cursor.parse::<u64>().map(|seq| format!(" AND seq > {seq}")).unwrap_or_default();
    let sql = format!(
        "SELECT position, seq, time, kind, record FROM events WHERE session = {}{after} ORDER BY seq LIMIT {}",
        literal(id),
        RAW_ROWS + 1
    );
    let rows = visit.rows(&sql).await?;
    let next = rows.get(RAW_ROWS).and(rows.get(RAW_ROWS - 1)).map(|row| number(row, "seq"));
    let shown = rows.iter().take(RAW_ROWS).map(|row| Raw {
        position: text(row, "position").to_owned(),
        kind: text(row, "kind").to_owned(),
        time: figures::time(text(row, "time"), chrono::Utc::now()),
        text: shown::defanged(text(row, "record")),
    });
    Ok((shown.collect(), next))
}
