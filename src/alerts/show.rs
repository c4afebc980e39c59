//! Alerts on a terminal. Every text in them is attacker-written, so each passes through `visible`.

use serde_json::Value;

use crate::output::{self, Table};

/// A value as text; nothing for null.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// The list.
pub fn table(alerts: &[Value]) -> String {
    let headings = ["alert", "severity", "status", "rule", "who", "opened", "count", "assignee", "hidden by", "title"];
    let mut table = Table::new(&headings);
    for alert in alerts {
        let hidden: Vec<String> = hidden(alert).map(|hiding| text(&hiding["by"])).collect();
        let who = &alert["who"];
        let who = [&who["user"], &who["workspace_name"], &who["workspace"], &who["team"]];
        let who = who.into_iter().map(text).find(|name| !name.is_empty()).unwrap_or_default();
        let cells = [
            short(&text(&alert["id"])),
            text(&alert["severity"]),
            text(&alert["status"]),
            text(&alert["rule"]),
            who,
            text(&alert["opened"]),
            text(&alert["count"]),
            text(&alert["assignee"]),
            hidden.join(" "),
            text(&alert["title"]),
        ];
        table.row(cells.iter().map(String::as_str));
    }
    table.render()
}

/// As much of an id as tells alerts apart in practice; commands take it in place of the whole one.
fn short(id: &str) -> String {
    let digits = id.strip_prefix("alert-").unwrap_or(id);
    digits.chars().take(12).collect()
}

fn hidden(alert: &Value) -> impl Iterator<Item = &Value> {
    alert["hidden"].as_array().into_iter().flatten()
}

/// The numbers behind the reason, on one line; nothing if there are none.
fn measured(measured: &Value) -> String {
    let unit = match measured["unit"].as_str() {
        None => return String::new(),
        Some("count") => "",
        Some(unit) => unit,
    };
    let number = |value: &Value| format!("{} {}", text(value), unit.replace('_', " ")).trim_end().to_owned();
    let usual = &measured["usual"];
    let last: Vec<String> =
        measured["last"].as_array().into_iter().flatten().map(|point| text(&point["value"])).collect();
    let parts = [
        Some(format!("{}: {}", text(&measured["what"]), number(&measured["observed"]))),
        measured["window_seconds"].as_i64().map(|seconds| format!(" in {seconds} s")),
        measured["limit"].is_i64().then(|| format!(", limit {}", number(&measured["limit"]))),
        usual.is_object().then(|| format!(", usually {} to {}", text(&usual["low"]), number(&usual["high"]))),
        measured["observations"].as_u64().map(|observations| format!(" over {observations} observations")),
        (!last.is_empty()).then(|| format!(", before: {}", last.join(" "))),
    ];
    parts.into_iter().flatten().collect()
}

/// One alert with everything about it.
pub fn whole(alert: &Value) -> String {
    let mut lines = Vec::new();
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            lines.push(format!("{:<14}{}", format!("{name}:"), output::visible(&value)));
        }
    };
    for name in ["id", "title", "severity", "status", "rule", "reason"] {
        line(name, text(&alert[name]));
    }
    line("measured", measured(&alert["measured"]));
    for name in ["who", "what"] {
        let members = alert[name].as_object().into_iter().flatten();
        line(name, members.map(|(name, value)| format!("{name}={}", text(value))).collect::<Vec<_>>().join("  "));
    }
    for name in ["count", "first_seen", "last_seen", "opened", "revised", "version", "assignee", "reopened"] {
        line(name, text(&alert[name]));
    }
    for (name, more) in [("acknowledged", ""), ("closed", "reason")] {
        let done = &alert[name];
        if done.is_object() {
            let words = [text(&done[more]), format!("by {} at {}", text(&done["by"]), text(&done["at"]))];
            line(name, words.join(" ").trim().to_owned());
        }
    }
    for hiding in hidden(alert) {
        let until = match text(&hiding["until"]) {
            until if until.is_empty() => "while that alert lasts".to_owned(),
            until => format!("until {until}"),
        };
        line(
            "hidden",
            format!("{} by {} {until}: {}", text(&hiding["kind"]), text(&hiding["by"]), text(&hiding["reason"])),
        );
    }
    for step in alert["escalation"].as_array().into_iter().flatten() {
        let to: Vec<String> = step["receivers"].as_array().into_iter().flatten().map(text).collect();
        let to = if to.is_empty() { "those to whom routes lead".to_owned() } else { to.join(", ") };
        let (name, at) = (text(&step["step"]), text(&step["at"]));
        line(
            "escalation",
            match step["happened"].as_bool() {
                Some(true) => format!("{name} told {to} at {at}"),
                _ => format!("{name} tells {to} at {at}, if nobody acknowledges it"),
            },
        );
    }
    for name in ["evidence", "tags"] {
        line(name, alert[name].as_array().into_iter().flatten().map(text).collect::<Vec<_>>().join(" "));
    }
    for step in alert["steps"].as_array().into_iter().flatten() {
        let words = ["at", "by", "action", "assignee", "reason"].map(|name| text(&step[name]));
        let mut said = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        match step.get("note") {
            Some(Value::String(note)) => said = format!("{said}: {note}"),
            Some(_) => said.push_str(" (with a note)"),
            None => {}
        }
        line("step", said);
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_an_attacker_wrote_stays_on_its_line() {
        let alert = json!({"id": "alert-0123456789abcdef", "title": "a\nb\u{1b}[2J", "severity": "high", "status": "closed", "rule": "r",
            "measured": {"what": "spend\u{1b}", "unit": "micro_usd", "observed": 9, "window_seconds": 600, "limit": null, "usual": {"low": 1, "high": 3},
                "observations": 40, "last": [{"time": "t", "value": 2}, {"time": "u", "value": 4}]},
            "who": {"user": "x\u{202e}y"}, "count": 3, "hidden": [{"kind": "silence", "by": "silence-1", "reason": "r", "until": null}],
            "closed": {"by": "ada", "at": "now", "reason": "benign"}, "evidence": ["events/0/1", "events/0/2"],
            "escalation": [{"step": "manager\u{1b}", "receivers": ["boss"], "at": "then", "happened": true}, {"step": "chief", "receivers": [], "at": "soon", "happened": false}],
            "steps": [{"by": "ada", "at": "then", "action": "close", "reason": "benign", "note": "l1\nl2"}]});
        let shown = whole(&alert);
        assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown}");
        assert!(shown.contains("evidence:     events/0/1 events/0/2\n"), "{shown}");
        let numbers =
            "spend\\u{1b}: 9 micro usd in 600 s, usually 1 to 3 micro usd over 40 observations, before: 2 4\n";
        assert!(shown.contains(numbers), "{shown}");
        assert!(shown.contains("closed:       benign by ada at now\n"), "{shown}");
        assert!(shown.contains("step:         then ada close benign: l1\\nl2\n"), "{shown}");
        assert!(shown.contains("told boss at then\n"), "{shown}");
        assert!(
            shown.contains("chief tells those to whom routes lead at soon, if nobody acknowledges it\n"),
            "{shown}"
        );
        let listed = table(&[alert]);
        assert_eq!(listed.lines().count(), 2, "{listed}");
        assert!(listed.contains("0123456789ab ") && !listed.contains('\u{1b}'), "{listed}");
    }
}
