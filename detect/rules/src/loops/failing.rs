//! Whether a step failed: by its outcome, its exit code, or by what intake read in its result, since many sources tell no
//! outcome, and a pipe hides the exit code of what feeds it. What comes of a failure stands elsewhere.

use detect_core::aspects::Aspects;
use detect_core::event::EventRow;
use ledger::events::column;

/// How intake marks an event whose result reads like a failure; behind it stands the class of the error.
const MARK: &str = "error:";

/// Programs that say by the code 1 that they found nothing, or a difference.
const SEEKERS: [&str; 12] =
    ["ack", "ag", "cmp", "diff", "egrep", "fgrep", "grep", "pgrep", "rg", "test", "type", "which"];

/// Whether a step failed. A search without a hit is none that fails.
pub fn fails(event: &EventRow<'_>) -> bool {
    (event.failure().is_some() && !finds_nothing(event)) || class(event).is_some()
}

/// The class of the error that intake read in the result of a step.
pub fn class<'a>(event: &EventRow<'a>) -> Option<&'a str> {
    if !event.aspects().meet(Aspects::MARKED) {
        return None;
    }
    event.list(column::MARKS).find_map(|mark| mark.strip_prefix(MARK))
}

fn finds_nothing(event: &EventRow<'_>) -> bool {
    event.integer(column::EXIT_CODE) == Some(1)
        && event.line().commands.last().is_some_and(|command| SEEKERS.contains(&command.name().as_str()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures;

    fn check(mut event: Value, failed: bool) {
        (event["second"], event["kind"], event["tool"]) = (json!(0), json!("command"), json!("Bash"));
        let rows = fixtures::rows(std::slice::from_ref(&event));
        let row = rows.get(0).unwrap();
        assert_eq!(fails(&EventRow::new(&row, false, fixtures::key())), failed, "{event}");
    }

    #[test]
    fn a_step_fails_by_its_outcome_its_code_or_its_words() {
        check(json!({"command": "make", "outcome": "error"}), true);
        check(json!({"command": "make", "exit_code": 2}), true);
        check(json!({"command": "make | tail", "outcome": "success", "marks": ["error:build"]}), true);
        check(json!({"command": "make", "outcome": "deny"}), true);
        check(json!({"command": "make", "outcome": "success", "marks": ["void:time"]}), false);
        check(json!({"command": "grep -rn cart src", "exit_code": 1, "outcome": "error"}), false);
        check(json!({"command": "ls | grep cart", "exit_code": 1}), false);
        check(json!({"command": "grep cart gone.rs", "exit_code": 2}), true);
        check(json!({"command": "grep cart a && make", "exit_code": 1}), true);
    }
}
