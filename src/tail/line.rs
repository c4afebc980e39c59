//! One row as one line for people.

use ledger::LedgerName;
use serde_json::{Map, Value};

use crate::output::visible;

/// The columns that a line shows, in order; several names mean the first that is there.
type Shown = &'static [&'static [&'static str]];

const EVENTS: Shown = &[
    &["kind"],
    &["outcome"],
    &["user", "agent"],
    &["workspace_name", "workspace"],
    &["method", "action"],
    &["host", "tool", "model", "target"],
    &["path", "command", "file"],
];
const OPERATIONS: Shown = &[&["kind"], &["subject"], &["revision"], &["actor"], &["from"], &["to"]];

/// Time, position and the columns that say most.
pub fn render(ledger: LedgerName, row: &Map<String, Value>) -> String {
    let shown = match ledger {
        LedgerName::Events => EVENTS,
        LedgerName::Operations => OPERATIONS,
    };
    let text = |name: &&str| match row.get(*name) {
        Some(Value::String(text)) => Some(visible(text)),
        Some(Value::Null) | None => None,
        Some(other) => Some(visible(&other.to_string())),
    };
    let fields = shown.iter().filter_map(|names| names.iter().find_map(text));
    let place = ["recorded", "position"].iter().filter_map(text);
    place.chain(fields).collect::<Vec<_>>().join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_what_happened_and_obey_nothing() {
        let check = |ledger, row: &str, expected: &str| {
            assert_eq!(render(ledger, &serde_json::from_str(row).unwrap()), expected);
        };
        check(
            LedgerName::Events,
            r#"{"position":"events/0/7","recorded":"2026-11-09T08:17:04Z","kind":"egress.http","outcome":"deny","user":"tobias",
                "method":"POST","host":"attacker-logger.com","path":"/collect\u001b[2J"}"#,
            "2026-11-09T08:17:04Z  events/0/7  egress.http  deny  tobias  POST  attacker-logger.com  /collect\\u{1b}[2J",
        );
        check(
            LedgerName::Operations,
            r#"{"position":"operations/0/1","kind":"token","subject":"tok_1","revision":2,"to":"revoked"}"#,
            "operations/0/1  token  tok_1  2  revoked",
        );
    }
}
