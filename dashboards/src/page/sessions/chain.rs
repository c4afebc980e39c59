//! What led to a record: links by id are followed back, then what was close in time, then what an alert about it names.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::ask::{list, number, some_text, text};
use crate::page::record::{is_end, lane};
use crate::trouble::Trouble;
use crate::visit::{Visit, address, segment};
use crate::{figures, shown};

/// Records before the record that are looked at.
const BEFORE_MAX: &str = "400";
/// The longest chain, the record itself included.
const STEPS_MAX: usize = 6;

/// One step of a chain.
pub struct Step {
    pub number: usize,
    pub position: String,
    pub address: String,
    pub word: &'static str,
    pub summary: String,
    pub offset: String,
    /// Whether an id leads here from the step before; otherwise both are only close in time.
    pub is_linked: bool,
    pub is_self: bool,
    pub is_denied: bool,
    /// What was noticed about its text.
    pub signs: String,
}

/// The chain of a record of a session, the earliest first, with the alerts that name it at the end.
pub async fn of(visit: &Visit, record: &Value) -> Result<Vec<Step>, Trouble> {
    let columns = &record["record"];
    let (Some(session), Some(moment)) = (some_text(columns, "session"), figures::moment(text(record, "time"))) else {
        return Ok(Vec::new());
    };
    let at = moment.timestamp_micros();
    let seq = number(columns, "seq");
    // The place after the record: what comes back ends with the record itself.
    let before = format!("{at}.{}", seq + 1);
    let content = if visit.principal().content { "true" } else { "false" };
    let path = format!("/api/v1/sessions/{}/records", segment(session));
    let asked = [("before", before.as_str()), ("limit", BEFORE_MAX), ("content", content)];
    let found = visit.get(&address(&path, asked)).await?;
    let rows = list(&found, "records");
    let mut chosen = walk(rows, text(record, "position"));
    named(rows, list(record, "flagged"), &mut chosen);
    Ok(steps(&chosen, record, at))
}

/// The records of the chain in order of time and position.
type Chosen<'a> = BTreeMap<(i64, String), &'a Value>;

fn key(row: &Value) -> (i64, String) {
    let at = figures::moment(text(row, "time")).map_or(0, |moment| moment.timestamp_micros());
    (at, text(row, "position").to_owned())
}

/// Follows back what each record says it comes from.
fn walk<'a>(rows: &'a [Value], position: &str) -> Chosen<'a> {
    let by_position: HashMap<&str, &Value> = rows.iter().map(|row| (text(row, "position"), row)).collect();
    let mut chosen = BTreeMap::new();
    let mut next = by_position.get(position).copied();
    // A record only ever names one before it, so this ends.
    while let Some(row) = next.filter(|_| chosen.len() < STEPS_MAX) {
        // The end of a call of a model says no more than its beginning, which it is linked to.
        if !is_end(text(row, "kind")) || chosen.is_empty() {
            chosen.insert(key(row), row);
        }
        let before = by_position.get(text(&row["from"], "position")).copied();
        next = before.filter(|before| key(before) < key(row));
    }
    chosen
}

/// Adds the records that an alert about this one names, the nearest first.
fn named<'a>(rows: &'a [Value], alerts: &[Value], chosen: &mut Chosen<'a>) {
    let evidence: Vec<&str> =
        alerts.iter().flat_map(|alert| list(alert, "evidence")).filter_map(Value::as_str).collect();
    for row in rows.iter().rev().filter(|row| evidence.contains(&text(row, "position"))) {
        if chosen.len() >= STEPS_MAX {
            return;
        }
        chosen.entry(key(row)).or_insert(row);
    }
    // What agents obey comes in a prompt or in the result of a tool: the nearest suspicious one belongs to the story.
    let signs = |row: &&Value| !list(row, "text_signs").is_empty();
    if let Some(row) = rows.iter().rev().find(signs).filter(|_| chosen.len() < STEPS_MAX && !alerts.is_empty()) {
        chosen.entry(key(row)).or_insert(row);
    }
}

fn steps(chosen: &Chosen<'_>, record: &Value, at: i64) -> Vec<Step> {
    let own = text(record, "position");
    // A record's link is told from its cause to it: it stands at the later of the two.
    let mut links = Vec::with_capacity(chosen.len());
    let mut before: Option<&Value> = None;
    for row in chosen.values() {
        let from = &row["from"];
        let cause = before.is_some_and(|before| text(before, "position") == text(from, "position"));
        links.push(cause && text(from, "how") == "linked");
        before = Some(row);
    }
    let mut steps: Vec<Step> = chosen
        .iter()
        .zip(links)
        .map(|(((moment, position), row), is_linked)| {
            let (_, word) = lane(text(row, "lane"));
            let signs: Vec<&str> = list(row, "text_signs").iter().filter_map(Value::as_str).collect();
            Step {
                number: 0,
                address: format!("/records/{position}"),
                word,
                summary: super::said(row, word),
                offset: super::rows::offset(moment - at),
                is_linked,
                is_self: position == own,
                is_denied: crate::page::record::is_denied(text(row, "outcome")),
                signs: signs.join(", ").replace('_', " "),
                position: position.clone(),
            }
        })
        .collect();
    steps.extend(list(record, "flagged").iter().take(2).map(|alert| {
        let opened = figures::moment(text(alert, "opened")).map_or(at, |moment| moment.timestamp_micros());
        Step {
            number: 0,
            position: text(alert, "id").to_owned(),
            address: format!("/alerts/{}", segment(text(alert, "id"))),
            word: "Alert",
            summary: shown::defanged(text(alert, "title")),
            offset: super::rows::offset(opened - at),
            is_linked: true,
            is_self: false,
            is_denied: false,
            signs: String::new(),
        }
    }));
    for (index, step) in steps.iter_mut().enumerate() {
        step.number = index + 1;
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn chains_follow_links_and_name_what_is_only_near() {
        let row = |seq: i64, lane: &str, from: Value| json!({ "position": format!("events/0/{seq}"), "time": format!("2026-11-24T14:00:0{seq}Z"), "lane": lane, "summary": lane, "from": from });
        let from = |seq: i64, how: &str| json!({ "position": format!("events/0/{seq}"), "how": how });
        let rows = [
            row(1, "prompts", Value::Null),
            row(2, "files", Value::Null),
            row(3, "tools", from(1, "adjacent")),
            row(4, "commands", from(3, "linked")),
        ];
        let record = json!({ "position": "events/0/4", "flagged": [{ "id": "a", "title": "t", "opened": "2026-11-24T14:00:05Z", "evidence": ["events/0/2"] }] });
        let at = figures::moment("2026-11-24T14:00:04Z").unwrap().timestamp_micros();
        let mut chosen = walk(&rows, "events/0/4");
        named(&rows, list(&record, "flagged"), &mut chosen);
        let steps = steps(&chosen, &record, at);
        let told: Vec<_> = steps.iter().map(|step| (step.number, step.word, step.is_linked, step.is_self)).collect();
        let expected = [
            (1, "Prompt", false, false),
            (2, "File", false, false),
            (3, "Tool", false, false),
            (4, "Command", true, true),
            (5, "Alert", true, false),
        ];
        assert_eq!(told, expected);
    }
}
