//! One agent as a row of the fleet: words, figures, and the strip of its last hour.

use std::fmt::Write as _;

use serde_json::Value;

use crate::ask::{list, number, some_text, text};
use crate::frame::Frame;
use crate::visit::segment;
use crate::{figures, shown};

/// A row of the table.
pub struct AgentRow {
    pub id: String,
    /// How much it needs a person: the list is in this order.
    pub attention: i64,
    pub address: String,
    pub state: String,
    pub state_word: &'static str,
    pub state_icon: &'static str,
    pub name: String,
    pub team: String,
    /// The shapes of those who told of its session.
    pub witnesses: Vec<&'static str>,
    /// The same in a sentence.
    pub told_by: String,
    /// The task, if it may be shown and is known.
    pub task: Option<String>,
    pub icon: &'static str,
    /// What it does now.
    pub now: String,
    pub repeats: i64,
    pub strip: String,
    pub denials: String,
    pub events_per_minute: i64,
    pub rate: String,
    pub spend: String,
    pub unpriced: i64,
    pub tests: String,
    pub tests_failed: bool,
    pub egress: String,
    /// `deny`, `warn`, or nothing.
    pub egress_role: &'static str,
    pub last: String,
}

/// The name by which people know an agent.
pub fn name_of(agent: &Value) -> &str {
    let names = ["workspace_name", "agent", "workspace", "session"];
    names.iter().find_map(|name| some_text(agent, name)).unwrap_or("unnamed")
}

/// The word of a state.
pub fn state_word(state: &str) -> &'static str {
    match state {
        "working" => "Working",
        "waiting" => "Waiting",
        "repeating" => "Repeating",
        "stuck" => "Stuck",
        "over_budget" => "Over budget",
        "done" => "Done",
        "failed" => "Failed",
        "lost" => "Lost",
        _ => "Quiet",
    }
}

/// The shape of a state.
pub fn state_icon(state: &str) -> &'static str {
    match state {
        "working" => "working",
        "waiting" => "waiting",
        "repeating" => "repeating",
        "stuck" => "stuck",
        "over_budget" => "budget",
        "done" => "check",
        "failed" => "cross",
        "lost" => "lost",
        _ => "quiet",
    }
}

/// The shape of what an event was.
pub fn kind_icon(kind: &str) -> &'static str {
    match kind {
        kind if kind.starts_with("egress") => "egress",
        kind if kind.starts_with("model") => "model",
        kind if kind.starts_with("tool") => "tool",
        kind if kind.starts_with("file") => "file",
        kind if kind.starts_with("check") => "test",
        "prompt" => "prompt",
        "command" => "command",
        "approval" => "key",
        _ => "life",
    }
}

/// The shapes of those who may tell of a session.
const WITNESSES: [(&str, &str); 5] = [
    ("firewall", "egress"),
    ("gateway", "model"),
    ("hooks", "tool"),
    ("telemetry", "life"),
    ("managed_settings", "key"),
];

/// Who told of its session, each with its shape.
fn witnesses(agent: &Value) -> impl Iterator<Item = (&'static str, &'static str)> {
    let told = list(agent, "witnesses");
    WITNESSES.into_iter().filter(|(word, _)| told.iter().any(|other| other.as_str() == Some(word)))
}

fn told_by(agent: &Value) -> String {
    let words: Vec<String> = witnesses(agent).map(|(word, _)| word.replace('_', " ")).collect();
    if words.is_empty() { "Told by nobody yet".to_owned() } else { format!("Told by {}", words.join(", ")) }
}

impl AgentRow {
    /// Of an agent as the API tells it.
    pub fn of(agent: &Value, frame: &Frame) -> Self {
        let state = text(agent, "state");
        // The icon says of which kind it was.
        let (kind, summary) = (text(agent, "last_kind"), text(agent, "last_summary"));
        let summary = summary.strip_prefix(kind).map(str::trim).filter(|rest| !rest.is_empty()).unwrap_or(summary);
        let now = some_text(agent, "command").or(some_text(agent, "file")).unwrap_or(summary);
        let now = if state == "waiting" {
            some_text(agent, "waiting_tool").map_or_else(|| now.to_owned(), |tool| format!("approval: {tool}"))
        } else {
            now.to_owned()
        };
        let (denied, new) = (number(agent, "denied"), number(agent, "new_domains"));
        let passed =
            agent.get("tests_passed").and_then(Value::as_i64).zip(agent.get("tests_total").and_then(Value::as_i64));
        let check = agent.get("check_passed").and_then(Value::as_bool);
        let (strip, denials) = strip(agent);
        Self {
            id: text(agent, "id").to_owned(),
            attention: number(agent, "attention"),
            address: some_text(agent, "session")
                .map_or_else(|| "/sessions".to_owned(), |session| format!("/sessions/{}", segment(session))),
            state_word: state_word(state),
            state_icon: state_icon(state),
            state: state.to_owned(),
            name: name_of(agent).to_owned(),
            team: text(agent, "team").to_owned(),
            witnesses: witnesses(agent).map(|(_, shape)| shape).collect(),
            told_by: told_by(agent),
            task: some_text(agent, "task").or(some_text(agent, "run")).map(str::to_owned),
            icon: if state == "waiting" { "key" } else { kind_icon(text(agent, "last_kind")) },
            now: if kind.starts_with("session") { now } else { shown::defanged(&now) },
            repeats: number(agent, "repeats"),
            strip,
            denials,
            events_per_minute: number(agent, "events_per_minute"),
            rate: figures::dollars(number(agent, "micros_per_minute")),
            spend: figures::dollars(number(agent, "micros_session")),
            unpriced: number(agent, "unpriced_calls"),
            tests: match (passed, check) {
                (Some((passed, total)), _) => format!("{passed}/{total}"),
                (None, Some(true)) => "pass".to_owned(),
                (None, Some(false)) => "fail".to_owned(),
                (None, None) => "–".to_owned(),
            },
            tests_failed: passed.map_or(check == Some(false), |(passed, total)| passed < total),
            egress: match (denied, new) {
                (1.., _) => format!("{denied} denied"),
                (_, 1..) => format!("{new} new"),
                _ => figures::short(number(agent, "allowed")),
            },
            egress_role: if denied > 0 {
                "deny"
            } else if new > 0 {
                "warn"
            } else {
                ""
            },
            last: frame.age(text(agent, "last_seen")),
        }
    }
}

/// The last hour as the path of a picture, sixty wide: a bar for each minute, as high as it was full; and where requests were denied.
fn strip(agent: &Value) -> (String, String) {
    let events: Vec<i64> = list(agent, "activity_events").iter().filter_map(Value::as_i64).collect();
    let highest = events.iter().copied().max().unwrap_or(0).max(1) as f64;
    let (mut bars, mut denials) = (String::new(), String::new());
    for (minute, count) in events.iter().enumerate().filter(|(_, count)| **count > 0) {
        let height = 2.0 + 8.0 * (*count as f64 / highest).sqrt();
        // Writing into a text cannot fail.
        let _ = write!(bars, "M{minute}.5 14v-{height:.1}");
    }
    let denied = list(agent, "activity_denied").iter().enumerate().filter(|(_, count)| count.as_i64().unwrap_or(0) > 0);
    for (minute, _) in denied {
        let _ = write!(denials, "M{minute}.5 14V0");
    }
    (bars, denials)
}

/// One agent's hour as a row of the picture of all.
pub struct HeatRow {
    /// Paths of one-minute cells: acting, thinking, waiting, repeating, other.
    pub cells: [String; 5],
    pub denied: String,
}

impl HeatRow {
    /// Of an agent as the API tells it.
    pub fn of(agent: &Value) -> Self {
        let mut cells: [String; 5] = Default::default();
        for (minute, what) in text(agent, "activity").chars().enumerate() {
            let Some(cell) = "atwro".find(what).and_then(|index| cells.get_mut(index)) else { continue };
            let _ = write!(cell, "M{minute} 0h.8v.8h-.8z");
        }
        let mut denied = String::new();
        for (minute, count) in list(agent, "activity_denied").iter().enumerate() {
            if count.as_i64().unwrap_or(0) > 0 {
                let _ = write!(denied, "M{minute} 0h.8v.8h-.8z");
            }
        }
        Self { cells, denied }
    }
}
