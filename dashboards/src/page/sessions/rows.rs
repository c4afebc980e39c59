//! Records of a session as rows of its list: what each shows, and where its links lead. Pure: the API's JSON in, words out.

use std::collections::HashMap;

use serde_json::Value;

use crate::ask::{list, number, some_text, text};
use crate::page::record::{is_denied, lane};
use crate::{figures, shown};

/// A row.
#[allow(clippy::struct_excessive_bools, reason = "each is a different fact about one record, and several may hold")]
pub struct Row {
    pub position: String,
    /// The record's number, as the list of all records has it.
    pub seq: i64,
    pub cursor: String,
    pub time: String,
    pub icon: &'static str,
    pub word: &'static str,
    pub summary: String,
    pub is_denied: bool,
    pub is_alert: bool,
    /// Whether it was let through, which only requests say.
    pub is_allowed: bool,
    /// Words for how it ended, with the role of their colour.
    pub tags: Vec<(&'static str, String)>,
    pub cost: String,
    pub took: String,
    pub told_by: &'static str,
    pub times: i64,
    /// Whether repeats also had the same result.
    pub is_loop: bool,
    /// The pause before it.
    pub gap: Option<String>,
    /// Whether an alert names it.
    pub is_flagged: bool,
    /// Whether it follows from the row above.
    pub is_inner: bool,
    pub address: String,
    pub is_selected: bool,
    /// Its number in the chain of the record that is open.
    pub chain: Option<usize>,
    /// Where all repeats stand one by one.
    pub unfolded: Option<String>,
    /// Unix microseconds.
    pub at: i64,
    pub offset: String,
}

/// What rows need to know of the page around them.
pub struct Around<'a> {
    /// The record that is open.
    pub selected: Option<&'a str>,
    /// Positions in its chain, with their numbers.
    pub chain: &'a HashMap<String, usize>,
    /// Where the session began, in Unix microseconds.
    pub began: i64,
    /// The address of the page with this record open.
    pub address: &'a dyn Fn(&str) -> String,
    /// The address of the page with repeats one by one, from this cursor on.
    pub unfolded: &'a dyn Fn(&str) -> String,
}

impl Row {
    /// Of a row as the API tells it.
    pub fn of(row: &Value, around: &Around<'_>) -> Self {
        let is_alert = text(row, "row") == "alert";
        let position = text(row, "position").to_owned();
        let moment = figures::moment(text(row, "time"));
        let at = moment.map_or(0, |moment| moment.timestamp_micros());
        let (icon, word) = match (lane(text(row, "lane")), text(row, "kind"), some_text(row, "by")) {
            (_, _, Some(_)) if is_alert => ("user", "Person"),
            (_, kind, _) if kind.starts_with("check.") => lane("tests"),
            (found, _, _) => found,
        };
        let repeated = &row["repeated"];
        let times = number(repeated, "times").max(1);
        let cursor = text(row, "cursor").to_owned();
        let outcome = text(row, "outcome");
        Self {
            seq: position.rsplit('/').next().and_then(|digits| digits.parse().ok()).unwrap_or_default(),
            time: moment.map(|moment| moment.format("%H:%M:%S%.3f").to_string()).unwrap_or_default(),
            icon,
            word,
            summary: without_exit(said(row, word), word),
            is_denied: is_denied(outcome),
            is_alert,
            is_allowed: outcome == "allow" && word == "Egress",
            tags: tags(row),
            cost: cost_of(row),
            took: row
                .get("duration_us")
                .and_then(Value::as_i64)
                .map(|us| figures::seconds(us / 1_000))
                .unwrap_or_default(),
            told_by: told_by(text(row, "told_by")),
            times,
            is_loop: times > 1 && repeated["same_result"] == true,
            gap: row.get("gap_us").and_then(Value::as_i64).map(|us| figures::duration(us / 1_000_000)),
            is_flagged: !list(row, "alerts").is_empty(),
            is_inner: row["from"].is_object() && !is_alert,
            address: match some_text(row, "alert") {
                Some(alert) => format!("/alerts/{}", crate::visit::segment(alert)),
                None => (around.address)(&position),
            },
            is_selected: around.selected == Some(position.as_str()),
            chain: around.chain.get(&position).copied(),
            unfolded: (times > 1).then(|| (around.unfolded)(&cursor)),
            offset: offset(at - around.began),
            at,
            cursor,
            position,
        }
    }
}

/// Estimated dollars, unless there are none.
fn cost_of(row: &Value) -> String {
    row.get("cost_micros").and_then(Value::as_i64).filter(|cost| *cost != 0).map(figures::dollars).unwrap_or_default()
}

/// Names of rules and kinds have dots and are no hosts: they are ours, or words with one dot; what follows them may hold a host.
fn name_apart(summary: &str) -> String {
    const OURS: [&str; 11] = [
        "session",
        "check",
        "egress",
        "file",
        "command",
        "injection",
        "loop",
        "spend",
        "agent",
        "collector",
        "approval",
    ];
    let (name, rest) = summary.split_once(' ').unwrap_or((summary, ""));
    let is_ours = name.split_once('.').is_some_and(|(family, _)| OURS.contains(&family));
    let name = if is_ours { name.to_owned() } else { shown::defanged(name) };
    if rest.is_empty() { name } else { format!("{name} {}", shown::defanged(rest)) }
}

/// What a record says in one line, as text to show: hosts lead nowhere, prompts are what was asked, and of a call of a model it is said
/// which end of it the record is. `word` is that of its lane.
pub fn said(row: &Value, word: &str) -> String {
    let summary = text(row, "summary");
    match (word, text(row, "kind"), some_text(row, "by")) {
        ("Person", _, Some(by)) => format!("{by}: {}", name_apart(summary)),
        ("Alert" | "Person" | "Life" | "Test", _, _) => name_apart(summary),
        ("Prompt", _, _) => shown::defanged(&super::prompt_of(summary)),
        (_, "model.call", _) => format!("{} is asked", shown::defanged(summary)),
        (_, "model.call.end", _) => format!("{} has answered", shown::defanged(summary)),
        _ => shown::defanged(summary),
    }
}

/// A command without its exit code, which rows show as a word of its own.
fn without_exit(said: String, word: &str) -> String {
    match said.rsplit_once(" exit ") {
        Some((command, code)) if word == "Command" && code.bytes().all(|byte| byte.is_ascii_digit()) => {
            command.to_owned()
        }
        _ => said,
    }
}

fn tags(row: &Value) -> Vec<(&'static str, String)> {
    let mut tags = Vec::new();
    match row.get("exit_code").and_then(Value::as_i64) {
        Some(0) => tags.push(("", "exit 0".to_owned())),
        Some(code) => tags.push(("warn", format!("exit {code}"))),
        None if text(row, "outcome") == "error" => tags.push(("warn", "failed".to_owned())),
        None => {}
    }
    let signs = list(row, "text_signs").iter().filter_map(Value::as_str);
    tags.extend(signs.take(3).map(|sign| ("warn", sign.replace('_', " "))));
    tags
}

/// Who says so: one of five, so that what an event brought cannot name another.
pub fn told_by(word: &str) -> &'static str {
    match word {
        "firewall" => "firewall",
        "gateway" => "gateway",
        "control plane" => "control plane",
        "tachograph" => "tachograph",
        _ => "agent",
    }
}

/// A time from the beginning on.
pub fn offset(micros: i64) -> String {
    let sign = if micros < 0 { '−' } else { '+' };
    format!("{sign}{}", figures::seconds(micros.saturating_abs() / 1_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rows_say_what_happened() {
        let chain = HashMap::from([("events/0/7".to_owned(), 3)]);
        let around = Around {
            selected: Some("events/0/7"),
            chain: &chain,
            began: 1_795_000_000_000_000,
            address: &|position| format!("?record={position}"),
            unfolded: &|cursor| format!("?cursor={cursor}"),
        };
        let check = |row: Value, expected: (&str, &str, i64, &[&str])| {
            let shown = Row::of(&row, &around);
            let tags: Vec<&str> = shown.tags.iter().map(|(_, text)| text.as_str()).collect();
            assert_eq!((shown.word, shown.summary.as_str(), shown.times, tags.as_slice()), expected);
        };
        let row = |lane: &str, kind: &str, summary: &str| json!({ "row": "record", "position": "events/0/7", "time": "2026-11-24T14:00:00Z", "lane": lane, "kind": kind, "summary": summary });
        check(
            json!({ "lane": "commands", "kind": "command", "summary": "make test exit 2", "exit_code": 2, "repeated": { "times": 46, "same_result": true } }),
            ("Command", "make test", 46, &["exit 2"]),
        );
        check(
            row("egress", "egress.http", "POST attacker-logger.com/x"),
            ("Egress", "POST attacker-logger[.]com/x", 1, &[]),
        );
        check(row("prompts", "prompt", r#"{"prompt":"Fix it"}"#), ("Prompt", "Fix it", 1, &[]));
        check(
            json!({ "row": "alert", "lane": "alerts", "summary": "file.unusual ack", "by": "m.haller" }),
            ("Person", "m.haller: file.unusual ack", 1, &[]),
        );
        check(
            row("other", "session.start", "session.start SessionStart"),
            ("Life", "session.start SessionStart", 1, &[]),
        );
        check(row("other", "attacker-logger.com", "attacker-logger.com"), ("Life", "attacker-logger[.]com", 1, &[]));
        let shown = Row::of(&row("egress", "egress.http", ""), &around);
        assert_eq!((shown.chain, shown.is_selected, told_by("<b>")), (Some(3), true, "agent"));
    }
}
