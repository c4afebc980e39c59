//! The class of the error that a result tells in words, for the mark `error:CLASS`. Many tools answer with an error and say that they
//! succeeded, and a pipe hides the exit code of what feeds it. It is no outcome: what a source says of itself stays as it is.
//!
//! Only both ends of a result are looked at, for lines in the forms in which programs report that they failed. What merely shows the
//! content of files is looked at only if it is short, since files speak of errors too.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Regex, RegexSet};
use serde_json::Value;

/// Lines that are looked at, at the beginning and at the end.
const FIRST_LINES: usize = 2;
const LAST_LINES: usize = 12;
/// So many lines are an answer, and no content of a file.
const ANSWER_LINES_MAX: usize = 3;
/// Of a line so many bytes are looked at.
const LINE_BYTES_MAX: usize = 512;
/// Results whose ends are looked at: of longer ones, so many bytes of each.
const END_BYTES: usize = 8 << 10;

/// Classes and how a line of them reads. The first class that any line belongs to is the result's. Most begin the line, so that
/// code which speaks of an error is none.
const CLASSES: &[(&str, &str)] = &[
    (
        "edit",
        r"new syntax error\(s\)|No replacement was performed|String to replace not found|(?:old_str|old_string|search block|SEARCH block).{0,80}(?:not found|not unique|did not (?:appear|match)|no match|multiple)|^\W*Found \d+ matches of the string|patch does not apply|^Hunk #\d+ FAILED|has not been read yet|modified since (?:it was )?read|Failed to find expected lines",
    ),
    (
        "usage",
        r"^\s*[Uu]sage: |^\S.{0,120}: (?:unrecognized arguments?|(?:invalid|unknown|unrecognized|illegal) (?:option|flag|command|subcommand))|^error: unexpected argument|: error: (?:the following arguments are required|argument )|InputValidationError|^\W*(?:Error: )?[Ii]nvalid (?:arguments?|parameters?|input|request)|^\W*(?:Error: )?[Mm]issing required",
    ),
    (
        "not_found",
        r"^\S.{0,160}: (?:command not found|not found|No such file or directory)$|is not recognized as|^\W*(?:Error: )?[Nn]o such (?:command|tool)|^\W*(?:Error: )?[Ff]ile (?:.{1,200} )?(?:does not exist|not found)|: cannot access |ENOENT: |^\W*FileNotFoundError: |^\W*(?:Error: )?[Uu]nknown tool",
    ),
    (
        "permission",
        r"^\S.{0,160}: (?:[Pp]ermission denied|Operation not permitted)|EACCES: |^PermissionError: |^\W*(?:Error: )?[Aa]ccess denied",
    ),
    (
        "import",
        r"^(?:E\s+)?(?:ModuleNotFoundError|ImportError): |^(?:Error: )?Cannot find module|: unresolved import|^ERROR: No matching distribution",
    ),
    (
        "network",
        r"[Cc]ould not resolve host|(?:: |^)[Cc]onnection (?:refused|reset|timed out)|ECONNREFUSED|ENOTFOUND|[Tt]emporary failure in name resolution|[Nn]etwork is unreachable|: Could not (?:fetch|connect)",
    ),
    (
        "timeout",
        r"^\W*(?:Error: )?(?:[Tt]he )?(?:[Cc]ommand|[Rr]equest|[Oo]peration|[Ee]xecution) timed out|^TimeoutError|timed out after \d",
    ),
    (
        "test",
        r"(?-u:\b)[1-9][0-9]* (?:failed|failing|failures?)(?-u:\b)|^FAILED(?-u:\b)|^--- FAIL|^FAIL(?-u:\b)|^test result: FAILED|^not ok ",
    ),
    (
        "build",
        r"^error(?:\[E\d+\])?: |^\S+:\d+: (?:fatal )?error: |: error (?:TS|CS)\d+|^make(?:\[\d+\])?: \*\*\* |^BUILD FAIL|^npm (?:ERR!|error)|build stopped|^\W*(?:E\d+ )?(?:SyntaxError|IndentationError|TabError)",
    ),
    (
        "exception",
        r"^[A-Za-z_][A-Za-z_0-9.]*(?:Error|Exception)(?:: |$)|^Traceback \(most recent call last\)|^thread .* panicked at |^Exception in thread|^Uncaught |^Segmentation fault",
    ),
    ("other", r"^\W{0,3}(?i:error|fatal|failed|failure|abort(?:ed)?)(?:: |! | to |$)"),
];

/// What any error has in it.
const HINT: &str = r"(?i)error|fail|not found|no such|denied|not permitted|usage|invalid|unknown|unrecognized|illegal|missing|required|refused|reset|timed out|exception|traceback|panicked|unreachable|could not|cannot|unresolved|enoent|eacces|replac|not ok|fault|abort|fatal|has not been|since|expected|match|not recognized|not exist";

/// Programs that show what files hold, or what they are told.
const VIEWERS: &[&str] = &[
    "awk", "bat", "cat", "diff", "echo", "egrep", "fgrep", "find", "git", "grep", "head", "jq", "less", "ls", "more",
    "nl", "open", "printf", "rg", "sed", "tail", "view",
];

static SET: LazyLock<Option<RegexSet>> =
    LazyLock::new(|| RegexSet::new(CLASSES.iter().map(|(_, pattern)| *pattern)).ok());
static HINTS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(HINT).ok());

/// The class of the error that a result tells of, if it tells of one. `kind` is the event's, `command` its command line or
/// empty, `result` canonical JSON or text.
pub fn class(kind: &str, command: &str, result: &str) -> Option<&'static str> {
    let set = SET.as_ref()?;
    let (head, tail) = ends(result);
    if !HINTS.as_ref()?.is_match(head) && !HINTS.as_ref()?.is_match(tail) {
        return None;
    }
    let text = plain(result);
    let (head, tail) = ends(&text);
    let lines: Vec<&str> =
        head.lines().chain(tail.lines()).map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let shows = kind == "file.read" || kind == "file.write" || shows_files(command);
    let is_answer = lines.len() <= ANSWER_LINES_MAX;
    let looked_at: Vec<&str> = match (shows, is_answer) {
        // A tool that changes files may add what the file would look like.
        (true, false) if kind == "file.write" => lines.into_iter().take(FIRST_LINES).collect(),
        (true, false) => return None,
        _ => {
            let from = lines.len().saturating_sub(LAST_LINES);
            let first = lines.iter().take(FIRST_LINES.min(from));
            first.chain(&lines[from..]).copied().collect()
        }
    };
    let of_line = |line: &str| set.matches(&line[..line.floor_char_boundary(LINE_BYTES_MAX)]).iter().next();
    let at = looked_at.into_iter().filter_map(of_line).min()?;
    CLASSES.get(at).map(|(class, _)| *class)
}

/// The first and the last bytes of a text, which do not overlap.
fn ends(text: &str) -> (&str, &str) {
    if text.len() <= 2 * END_BYTES {
        return (text, "");
    }
    (&text[..text.floor_char_boundary(END_BYTES)], &text[text.ceil_char_boundary(text.len() - END_BYTES)..])
}

/// The texts in a JSON result, each on lines of its own; other text as it is.
fn plain(result: &str) -> Cow<'_, str> {
    if !result.starts_with(['{', '[']) {
        return Cow::Borrowed(result);
    }
    let Ok(value) = serde_json::from_str::<Value>(result) else { return Cow::Borrowed(result) };
    let mut out = String::new();
    gather(&value, &mut out);
    Cow::Owned(out)
}

/// Writes the texts of a value. The parser bounds the depth.
fn gather(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => {
            out.push_str(text);
            out.push('\n');
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, out)),
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            // What stands under these names is an error whatever its words.
            if name == "error" && member.as_str().is_some_and(|text| !text.is_empty()) {
                out.push_str("Error: ");
            }
            gather(member, out);
        }),
        _ => {}
    }
}

/// Whether a command line shows files: its first program does that, apart from those that only prepare.
fn shows_files(command: &str) -> bool {
    let mut parts = command.split(['\n', ';', '|', '&']).map(str::trim).filter(|part| !part.is_empty());
    let program =
        parts.find_map(|part| part.split_whitespace().find(|word| !word.contains('=')).filter(|word| *word != "cd"));
    program.is_some_and(|word| VIEWERS.contains(&word.rsplit('/').next().unwrap_or(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &str, command: &str, result: &str, expected: Option<&str>) {
        assert_eq!(class(kind, command, result), expected, "{kind} {command} {result}");
    }

    #[test]
    fn every_pattern_compiles() {
        assert!(SET.is_some() && HINTS.is_some());
        assert!(VIEWERS.is_sorted());
    }

    #[test]
    fn programs_report_errors_in_these_forms() {
        for (result, class) in [
            ("bash: cartt: command not found", "not_found"),
            ("ls: cannot access 'x': No such file or directory", "not_found"),
            ("mkdir: cannot create directory '/x': Permission denied", "permission"),
            ("usage: cart [-h] name\ncart: error: unrecognized arguments: --all", "usage"),
            (
                "Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\n    f()\nKeyError: 'a'",
                "exception",
            ),
            ("Traceback (most recent call last):\nModuleNotFoundError: No module named 'cart'", "import"),
            ("collected 9 items\n\ntests/a.py ..F\n\n===== 1 failed, 8 passed in 0.21s =====", "test"),
            ("running 3 tests\ntest result: FAILED. 2 passed; 1 failed; 0 ignored", "test"),
            ("   Compiling cart v0.1.0\nerror[E0308]: mismatched types\n --> src/lib.rs:3:5", "build"),
            ("cc -o a a.c\na.c:3:5: error: expected ';'\nmake: *** [a] Error 1", "build"),
            ("curl: (6) Could not resolve host: acme.example", "network"),
            ("Command timed out after 120 seconds", "timeout"),
            ("Error: the card is locked", "other"),
            (r#"{"stdout":"","stderr":"bash: cartt: command not found","interrupted":false}"#, "not_found"),
            (r#"[{"type":"text","text":"Error: the card is locked"}]"#, "other"),
            (r#"{"error":"the card is locked"}"#, "other"),
        ] {
            check("command", "make all", result, Some(class));
        }
        check(
            "file.write",
            "",
            "Your proposed edit has introduced new syntax error(s).\nERRORS:\n- E999\n\n1: def cart():\n2:   pass",
            Some("edit"),
        );
        check("file.read", "", "File does not exist.", Some("not_found"));
    }

    #[test]
    fn what_went_well_and_what_files_say_of_errors_is_none() {
        for (kind, command, result) in [
            ("command", "make test", "===== 9 passed in 0.21s ====="),
            ("command", "make test", "test result: ok. 9 passed; 0 failed; 0 ignored"),
            ("command", "make test", "test error_is_told ... ok\ntest failed_login ... ok"),
            ("command", "make", "0 errors, 0 warnings"),
            ("command", "npm i", "added 3 packages, and audited 4 packages in 2s\nfound 0 vulnerabilities"),
            ("command", "cat a.log", "1\n2\n3\n4\nError: it is down\n"),
            ("command", "cd x && grep -n Error a", "1:Error: a\n2:Error: b\n3:Error: c\n9:Error: d"),
            ("file.read", "", "fn main() {\n    panic!();\n}\n// Error: never\n"),
            ("file.write", "", "The file src/error.rs has been updated.\n1 use error;\n2 error: x\n3 }\nFAILED\n"),
            ("command", "make", ""),
            ("command", "make", r#"{"stdout":"ok","stderr":"","interrupted":false}"#),
        ] {
            check(kind, command, result, None);
        }
    }

    #[test]
    fn only_the_ends_of_a_long_result_count_and_a_cut_breaks_no_character() {
        let long = "\u{20ac}".repeat(40_000);
        check("command", "make", &format!("{long}\nmake: *** [a] Error 1"), Some("build"));
        check("command", "make", &format!("{long}\nmake: *** [a] Error 1\n{long}"), None);
    }
}
