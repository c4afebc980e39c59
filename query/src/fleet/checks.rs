//! Whether an event tells how a test run ended, and how many tests passed. What a command printed is only searched for numbers.

use ledger::Timestamp;
use ledger::events::column;
use serde::{Deserialize, Serialize};

use super::observation::Observation;
use crate::limits::FLEET_CONTENT_BYTES_MAX;

/// How a test run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Check {
    /// When.
    pub(super) moment: Timestamp,
    /// Whether nothing failed.
    pub(super) is_passed: bool,
    /// How many tests passed, where it is told.
    pub(super) passed: Option<u32>,
    /// Of how many.
    pub(super) total: Option<u32>,
}

/// Programs with the word behind them that makes a call a test run; an empty word is none that is needed.
const RUNNERS: [(&str, &str); 21] = [
    ("cargo", "test"),
    ("cargo", "nextest"),
    ("go", "test"),
    ("npm", "test"),
    ("pnpm", "test"),
    ("yarn", "test"),
    ("bun", "test"),
    ("make", "test"),
    ("make", "check"),
    ("mvn", "test"),
    ("gradle", "test"),
    ("dotnet", "test"),
    ("mix", "test"),
    ("pytest", ""),
    ("py.test", ""),
    ("tox", ""),
    ("jest", ""),
    ("vitest", ""),
    ("rspec", ""),
    ("phpunit", ""),
    ("ctest", ""),
];

/// What the event says of a test run; `None` if it is about none.
pub(super) fn check(event: &Observation<'_>) -> Option<Check> {
    let is_run = match event.kind {
        "check.result" => true,
        "command" | "tool.result" => event.text(column::COMMAND).is_some_and(is_test_run),
        _ => false,
    };
    if !is_run {
        return None;
    }
    let is_passed = match (event.text(column::OUTCOME), event.integer(column::EXIT_CODE)) {
        (_, Some(code)) => code == 0,
        (Some("success" | "allow"), None) => true,
        (Some("error" | "deny" | "blocked"), None) => false,
        // Neither told by this source.
        _ => return None,
    };
    let stated = (event.kind == "check.result").then(|| stated(event.text(column::RECORD))).flatten();
    let counted = || event.text(column::CONTENT).and_then(counted);
    let (passed, total) = stated.or_else(counted).unzip();
    Some(Check { moment: event.moment, is_passed, passed, total })
}

/// Whether a command line runs tests: one of its parts begins with a runner, behind assignments and a wrapper.
fn is_test_run(command: &str) -> bool {
    let command = super::clip(command);
    command.split(['&', ';', '|', '\n']).any(|part| {
        let words =
            part.split_whitespace().skip_while(|word| word.contains('=') || matches!(*word, "env" | "time" | "nice"));
        let mut words = words.filter(|word| !word.starts_with(['-', '+']));
        let program = words.next().and_then(|word| word.rsplit('/').next()).unwrap_or_default();
        let mut argument = words.next().unwrap_or_default();
        if argument == "run" {
            argument = words.next().unwrap_or_default();
        }
        RUNNERS.iter().any(|(runner, word)| {
            program == *runner
                && (word.is_empty()
                    || argument == *word
                    || argument.strip_prefix(*word).is_some_and(|rest| rest.starts_with(':')))
        })
    })
}

/// How many passed and of how many, as the record of a check says.
fn stated(record: Option<&str>) -> Option<(u32, u32)> {
    #[derive(Deserialize)]
    struct Counts {
        passed: u32,
        #[serde(default)]
        failed: Option<u32>,
        #[serde(default)]
        total: Option<u32>,
    }
    let record = record.filter(|record| record.len() <= FLEET_CONTENT_BYTES_MAX)?;
    let Counts { passed, failed, total } = serde_json::from_str(record).ok()?;
    Some((passed, total.or(failed.map(|failed| passed.saturating_add(failed))).unwrap_or(passed)))
}

/// How many passed and of how many, by the numbers before `passed` and `failed` in what a runner printed: cargo prints them for
/// each of its programs, others once at the end.
fn counted(content: &str) -> Option<(u32, u32)> {
    let from = content.ceil_char_boundary(content.len().saturating_sub(FLEET_CONTENT_BYTES_MAX));
    let content = content.get(from..)?;
    // Content is JSON: its line breaks are written as `\n`.
    let lines = || content.split(['\n', '\r']).flat_map(|line| line.split("\\n"));
    let is_of_cargo = |line: &&str| line.contains("test result: ");
    let mut cargo = lines().filter(is_of_cargo).map(numbers).peekable();
    let (passed, failed) = if cargo.peek().is_some() {
        cargo.fold((None, None), |(passed, failed), (more, worse)| (plus(passed, more), plus(failed, worse)))
    } else {
        lines().map(numbers).filter(|(passed, failed)| passed.is_some() || failed.is_some()).last()?
    };
    let (passed, failed) = (passed.unwrap_or(0), failed.unwrap_or(0));
    Some((passed, passed.saturating_add(failed)))
}

fn plus(sum: Option<u32>, more: Option<u32>) -> Option<u32> {
    match (sum, more) {
        (Some(sum), Some(more)) => Some(sum.saturating_add(more)),
        (sum, more) => sum.or(more),
    }
}

/// The numbers before `passed` and `failed` in a line.
fn numbers(line: &str) -> (Option<u32>, Option<u32>) {
    let before = |word: &str| {
        let at = line.find(word)?;
        let text = line.get(..at)?.trim_end();
        let digits = text.rfind(|character: char| !character.is_ascii_digit()).map_or(0, |end| end + 1);
        // What stands before the digits may be longer than one byte.
        text.get(text.ceil_char_boundary(digits)..)?.parse().ok()
    };
    (before(" passed"), before(" failed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_tests_are_known_by_their_commands() {
        let check = |command: &str, expected: bool| assert_eq!(is_test_run(command), expected, "{command}");
        check("cargo test -p refunds", true);
        check("RUST_LOG=debug cargo +nightly test", true);
        check("cd app && pnpm run test:edge", true);
        check("/usr/bin/pytest tests/jobs -q", true);
        check("npm install; npm test", true);
        check("cargo build", false);
        check("grep pytest setup.cfg", false);
        check("echo test", false);
        check("", false);
    }

    #[test]
    fn counts_are_found_in_what_runners_print() {
        let check = |content: &str, expected: Option<(u32, u32)>| assert_eq!(counted(content), expected, "{content}");
        check(
            r#"{"output":"test result: ok. 12 passed; 0 failed; 1 ignored\n\ntest result: FAILED. 3 passed; 2 failed"}"#,
            Some((15, 17)),
        );
        check("=== 1 failed, 40 passed in 2.31s ===", Some((40, 41)));
        check("Tests:       1 failed, 12 passed, 13 total", Some((12, 13)));
        check("a test failed horribly", None);
        check("ü passed, 99999999999 failed", None);
        check("7 passed", Some((7, 7)));
        assert_eq!(stated(Some(r#"{"passed":118,"total":121}"#)), Some((118, 121)));
        assert_eq!(stated(Some(r#"{"passed":3,"failed":1}"#)), Some((3, 4)));
        assert_eq!(stated(Some("{}")), None);
    }
}
