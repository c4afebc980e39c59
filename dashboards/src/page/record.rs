//! One record as a line: in lists of evidence and in the timeline of a session.

use serde_json::{Value, json};

use crate::ask::{list, number, some_text, text};
use crate::figures;

/// A line of a list.
pub struct Line {
    /// Where it stands.
    pub position: String,
    /// Its number in the ledger.
    pub number: String,
    /// The time from a moment that the list is about, signed.
    pub offset: String,
    /// The icon and the word of its lane.
    pub icon: &'static str,
    pub word: &'static str,
    /// What happened, in one line.
    pub summary: String,
    /// `deny`, `allow`, or nothing.
    pub outcome: String,
    /// Who says so.
    pub told_by: String,
    /// How many alike it stands for.
    pub times: i64,
    /// Whether an alert names it.
    pub is_named: bool,
}

impl Line {
    /// Of a record as the API tells it; times are told from `since` on, in Unix milliseconds.
    pub fn of(record: &Value, since: i64, is_named: bool) -> Self {
        let time = figures::moment(text(record, "time"));
        let offset = time.map_or(0, |time| time.timestamp_millis() - since);
        let (icon, word) = lane(text(record, "lane"));
        let position = text(record, "position").to_owned();
        Self {
            number: position
                .rsplit('/')
                .next()
                .and_then(|digits| digits.parse::<i64>().ok())
                .map(figures::count)
                .unwrap_or_default(),
            offset: format!("{}{:.1} s", if offset < 0 { '−' } else { '+' }, offset.unsigned_abs() as f64 / 1e3),
            icon,
            word,
            summary: super::sessions::said(record, word),
            outcome: text(record, "outcome").to_owned(),
            told_by: some_text(record, "told_by").unwrap_or("agent").to_owned(),
            times: number(&record["repeated"], "times").max(1),
            is_named,
            position,
        }
    }

    /// Whether it tells something in a short list: not that a model was asked, or that a request went where all go.
    pub fn matters(&self) -> bool {
        self.is_named || is_denied(&self.outcome) || !matches!(self.word, "Model" | "Egress" | "Life")
    }
}

/// Whether something was stopped.
pub fn is_denied(outcome: &str) -> bool {
    matches!(outcome, "deny" | "blocked")
}

/// A record as the API's lists tell it, of what the API tells about that record alone: what stands around it has it among its lines.
pub fn of_answer(answer: &Value) -> Value {
    let position = text(answer, "position");
    if let Some(line) = list(answer, "neighbours").iter().find(|line| text(line, "position") == position) {
        return line.clone();
    }
    // A record without a session has nothing around it.
    let columns = &answer["record"];
    let target = ["target", "path", "tool", "model", "action"].iter().find_map(|name| some_text(columns, name));
    let words = [text(columns, "kind"), text(columns, "method"), text(columns, "host"), target.unwrap_or_default()];
    let summary: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    json!({
        "position": position, "time": answer["time"], "kind": columns["kind"], "lane": lane_of(text(columns, "kind")), "summary": summary.join(" "),
        "outcome": columns["outcome"], "told_by": "source",
    })
}

/// The lane of a kind, as `query` names it.
fn lane_of(kind: &str) -> &'static str {
    query::sessions::LANES.get(query::sessions::lane(kind)).map_or("other", |lane| lane.word)
}

/// Whether a kind is the end of something that has a record for its beginning, too.
pub fn is_end(kind: &str) -> bool {
    kind.rsplit_once('.').is_some_and(|(_, last)| last == "end")
}

/// The icon and the word of a lane.
pub fn lane(name: &str) -> (&'static str, &'static str) {
    match name {
        "prompts" | "prompt" => ("prompt", "Prompt"),
        "model" => ("model", "Model"),
        "tools" | "tool" => ("tool", "Tool"),
        "commands" | "command" => ("command", "Command"),
        "files" | "file" => ("file", "File"),
        "egress" => ("egress", "Egress"),
        "tests" | "checks" | "check" => ("test", "Test"),
        "alerts" | "alert" => ("alerts", "Alert"),
        "people" | "person" => ("user", "Person"),
        "money" => ("budget", "Money"),
        _ => ("life", "Life"),
    }
}
