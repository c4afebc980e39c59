//! One record as a line: its lane, who told it, and what happened in a few words. Pure functions of the columns.
//!
//! Everything in a record is attacker-written text: whoever shows it makes it harmless.

use serde::{Deserialize, Serialize};

use crate::limits;

/// A lane: its word, and the kinds in it as patterns of LIKE.
pub struct Lane {
    /// The word.
    pub word: &'static str,
    /// The kinds: a name, or the beginning of names that ends in a dot.
    pub kinds: &'static [&'static str],
}

/// The lanes in the order of pages; what belongs to none is in the last.
pub const LANES: &[Lane] = &[
    Lane { word: "prompts", kinds: &["prompt", "prompt."] },
    Lane { word: "model", kinds: &["model."] },
    Lane { word: "tools", kinds: &["tool."] },
    Lane { word: "commands", kinds: &["command"] },
    Lane { word: "files", kinds: &["file."] },
    Lane { word: "egress", kinds: &["egress.", "dns."] },
    Lane { word: "other", kinds: &[] },
];

/// The lane of a kind, by its number in [`LANES`].
pub fn lane(kind: &str) -> usize {
    let is_in = |lane: &Lane| {
        lane.kinds.iter().any(|name| if name.ends_with('.') { kind.starts_with(name) } else { kind == *name })
    };
    LANES.iter().position(is_in).unwrap_or(LANES.len() - 1)
}

/// The same in SQL.
pub(super) fn lane_sql() -> String {
    let mut sql = "CASE".to_owned();
    for (number, lane) in LANES.iter().enumerate() {
        for name in lane.kinds {
            let condition =
                if name.ends_with('.') { format!("starts_with(kind, '{name}')") } else { format!("kind = '{name}'") };
            sql = format!("{sql} WHEN {condition} THEN {number}");
        }
    }
    format!("{sql} ELSE {} END", LANES.len() - 1)
}

/// The columns of a record that a line is made of. Texts are previews of at most [`limits::PREVIEW_CHARS_MAX`] characters.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// Where it stands in `events`.
    pub seq: u64,
    /// When it happened, in microseconds since 1970 UTC.
    pub at: i64,
    /// What happened.
    pub kind: Option<String>,
    /// Which feed told it,
    pub source: Option<String>,
    /// of which family,
    pub family: Option<String>,
    /// and how far that is from the agent's reach.
    pub trust: Option<String>,
    /// How it ended.
    pub outcome: Option<String>,
    /// The verb, in the source's words.
    pub action: Option<String>,
    /// What it was on.
    pub target: Option<String>,
    /// The policy rule that decided.
    pub rule: Option<String>,
    /// Status code.
    pub status: Option<i64>,
    /// Duration in microseconds.
    pub duration_us: Option<i64>,
    /// HTTP method.
    pub method: Option<String>,
    /// Host.
    pub host: Option<String>,
    /// Registrable domain.
    pub domain: Option<String>,
    /// Path and redacted query.
    pub path: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Id of the model request.
    pub interception: Option<String>,
    /// Input tokens that were not cached,
    pub tokens_in: Option<i64>,
    /// output tokens,
    pub tokens_out: Option<i64>,
    /// and tokens read from the cache.
    pub tokens_cache_read: Option<i64>,
    /// Estimated cost in micro-USD.
    pub cost_micros: Option<i64>,
    /// Tool.
    pub tool: Option<String>,
    /// Id of the call.
    pub tool_call: Option<String>,
    /// Exit code.
    pub exit_code: Option<i64>,
    /// What a call does, as a keyed hash in decimal digits.
    pub action_fp: Option<String>,
    /// What came of it.
    pub result_fp: Option<String>,
    /// Words for what it does.
    pub effects: Option<Vec<String>>,
    /// What was noticed about its text.
    pub text_signs: Option<Vec<String>>,
    /// Length of its content in bytes.
    pub content_len: Option<i64>,
    /// Command line; content.
    pub command: Option<String>,
    /// File; content.
    pub file: Option<String>,
    /// Content, cut.
    pub content: Option<String>,
}

/// The columns of [`Record`] in SQL.
pub(super) fn columns(content: bool) -> String {
    const FACTS: [&str; 18] = [
        "kind",
        "source",
        "family",
        "trust",
        "outcome",
        "rule",
        "status",
        "duration_us",
        "method",
        "host",
        "domain",
        "model",
        "interception",
        "tokens_in",
        "tokens_out",
        "tokens_cache_read",
        "cost_micros",
        "tool",
    ];
    const MORE: [&str; 7] =
        ["tool_call", "exit_code", "action_fp", "result_fp", "effects", "text_signs", "content_len"];
    let long: &[&str] = if content {
        &["action", "target", "path", "command", "file", "content"]
    } else {
        &["action", "target", "path"]
    };
    let mut columns = vec!["seq".to_owned(), format!("{} AS at", super::AT)];
    columns.extend(FACTS.iter().chain(&MORE).map(|name| format!("\"{name}\"")));
    columns.extend(long.iter().map(|name| format!("left(\"{name}\", {}) AS \"{name}\"", limits::PREVIEW_CHARS_MAX)));
    columns.join(", ")
}

/// Who says so.
pub fn told_by(source: Option<&str>, family: Option<&str>, trust: Option<&str>) -> &'static str {
    match (trust, family, source) {
        (Some("control_plane"), _, _) => "control plane",
        (_, Some("boundary"), _) => "firewall",
        (_, Some("gateway"), _) | (Some("gateway"), _, _) => "gateway",
        (_, _, Some(source)) if source.ends_with("audit") || source.ends_with("audit_log") => "control plane",
        _ => "agent",
    }
}

impl Record {
    fn text(&self, of: impl Fn(&Self) -> Option<&String>) -> &str {
        of(self).map_or("", String::as_str)
    }
}

/// What happened, in one line without a time, an outcome or a cost, which have columns of their own.
pub fn summary(record: &Record) -> String {
    let kind = record.text(|record| record.kind.as_ref());
    let words: Vec<String> = match LANES.get(lane(kind)).map(|lane| lane.word) {
        Some("egress") => {
            let (host, path) = (record.text(|r| r.host.as_ref()), record.text(|r| r.path.as_ref()));
            vec![record.text(|r| r.method.as_ref()).to_owned(), format!("{host}{path}")]
        }
        Some("model") => {
            let tokens = [("in", record.tokens_in), ("cached", record.tokens_cache_read), ("out", record.tokens_out)];
            let mut words = vec![record.text(|r| r.model.as_ref()).to_owned()];
            words.extend(tokens.iter().filter_map(|(word, count)| count.map(|count| format!("{count} {word}"))));
            words
        }
        Some("commands") => {
            let mut words =
                vec![record.command.clone().or_else(|| effects(record)).unwrap_or_else(|| "command".to_owned())];
            words.extend(record.exit_code.map(|code| format!("exit {code}")));
            words
        }
        Some("tools") => {
            let what = record.command.clone().or_else(|| record.file.clone()).or_else(|| record.target.clone());
            let word = if kind == "tool.result" { "result" } else { "" };
            vec![
                record.text(|r| r.tool.as_ref()).to_owned(),
                word.to_owned(),
                what.or_else(|| effects(record)).unwrap_or_default(),
            ]
        }
        Some("files") => {
            let verb = kind.strip_prefix("file.").unwrap_or(kind);
            vec![verb.to_owned(), record.file.clone().unwrap_or_default()]
        }
        Some("prompts") => match &record.content {
            Some(text) => vec![text.clone()],
            None => {
                vec!["prompt".to_owned(), record.content_len.map(|len| format!("of {len} bytes")).unwrap_or_default()]
            }
        },
        _ => vec![
            kind.to_owned(),
            record.text(|r| r.action.as_ref()).to_owned(),
            record.text(|r| r.target.as_ref()).to_owned(),
        ],
    };
    let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(limits::PREVIEW_CHARS_MAX).collect()
}

fn effects(record: &Record) -> Option<String> {
    record.effects.as_ref().filter(|effects| !effects.is_empty()).map(|effects| effects.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_say_what_happened() {
        let check = |record: serde_json::Value, expected: (&str, &str)| {
            let record: Record = serde_json::from_value(record).unwrap();
            let kind = record.kind.clone().unwrap_or_default();
            assert_eq!((LANES[lane(&kind)].word, summary(&record).as_str()), expected);
        };
        check(
            json!({"kind": "egress.http", "method": "POST", "host": "a.example", "path": "/x"}),
            ("egress", "POST a.example/x"),
        );
        check(
            json!({"kind": "model.tokens", "model": "m", "tokens_in": 1, "tokens_out": 2}),
            ("model", "m 1 in 2 out"),
        );
        check(json!({"kind": "command", "command": "make test", "exit_code": 2}), ("commands", "make test exit 2"));
        check(
            json!({"kind": "command", "effects": ["read", "send"], "exit_code": 0}),
            ("commands", "read, send exit 0"),
        );
        check(json!({"kind": "tool.result", "tool": "Bash"}), ("tools", "Bash result"));
        check(json!({"kind": "file.write", "file": "/a"}), ("files", "write /a"));
        check(json!({"kind": "prompt", "content_len": 7}), ("prompts", "prompt of 7 bytes"));
        check(json!({"kind": "session.start"}), ("other", "session.start"));
        check(json!({}), ("other", ""));
        let long = json!({"kind": "prompt", "content": "x".repeat(5_000)});
        assert_eq!(summary(&serde_json::from_value(long).unwrap()).len(), limits::PREVIEW_CHARS_MAX);
        let told = |trust, family| told_by(Some("coder.x"), Some(family), Some(trust));
        assert_eq!(
            [told("workspace", "boundary"), told("gateway", "gateway"), told("control_plane", "x")],
            ["firewall", "gateway", "control plane"]
        );
        assert_eq!(told_by(None, None, None), "agent");
    }
}
