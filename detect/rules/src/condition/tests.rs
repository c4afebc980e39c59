//! What conditions say of one event, which mistakes are found before, and that no text whatever makes them panic.

mod reference;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::fixtures;

fn ask(source: &str, event: &Value) -> Truth {
    let condition = Condition::new(source).unwrap_or_else(|error| panic!("{source}: {error}"));
    let rows = fixtures::rows(std::slice::from_ref(event));
    let row = rows.get(0).unwrap();
    condition.ask(&EventRow::new(&row, false, fixtures::key()))
}

/// A refused POST at 09:30 on a Friday.
fn request() -> Value {
    json!({
        "second": 34_200, "kind": "egress.http", "method": "POST", "host": "api.acme.example", "path": "/v1/keys",
        "outcome": "deny", "status": 403, "bytes_out": 2_000, "redactions": ["jwt:url:9", "aws_key:body:3"],
        "time": 1_763_683_200_000_000_i64, "command": "curl -d @- https://api.acme.example",
    })
}

#[test]
fn conditions_say_what_cel_says() {
    let check = |source: &str, expected: Truth| assert_eq!(ask(source, &request()), expected, "{source}");
    let holds = |source: &str| check(source, Truth::Yes);
    holds(r#"kind == "egress.http" && outcome in ["deny", 'blocked'] && !(status < 400)"#);
    holds("host.endsWith('.acme.example') && host.startsWith(\"api.\") && path.contains('/keys')");
    holds(r"command.matches(r'^curl\s.*https://') && matches(path, '^/v[0-9]+/')");
    holds("size(method) == 4 && redactions.size() == 2 && size(redactions) > 1");
    holds(
        "redactions.exists(r, r.startsWith('jwt:')) && redactions.all(r, r.contains(':')) && 'jwt:url:9' in redactions",
    );
    holds("bytes_out / 1000 + 1 == 3 && bytes_out % 3 == 2 && -bytes_out < -1 - 1 && 2 * bytes_out == 0xFA0");
    holds("(status == 403 ? bytes_out : bytes_in) > 1 // the rest is a comment\n");
    holds("recorded.getHours() == 9 && recorded.getMinutes() == 30 && recorded.getDayOfWeek() == 5");
    holds(
        "recorded - time > duration('9h') && time + duration('1h30m') < recorded && duration('90s') > duration('1m')",
    );
    holds(r#"'\x41\u00e9\101' == 'AéA' && 'a\'b' == "a'b" && r'\d' != 'd' && '''a'b''' == "a'b""#);
    // What an event does not say is null; what is asked of it has no answer, and only matters if it has to.
    holds("tool == null && status != null && tool != 'Bash' && !(tool in ['Bash'])");
    check("tool.startsWith('B')", Truth::No);
    check("!tool.startsWith('B')", Truth::No);
    holds("tool.startsWith('B') || true");
    check("tokens_in > 5 || false", Truth::No);
    check("false && tokens_in / 0 > 5", Truth::No);
    check("bytes_out / (status - 403) > 1", Truth::Failed);
    check("bytes_out * 9223372036854775807 > 1", Truth::Failed);
    check("bytes_out / (status - 403) > 1 || true", Truth::Yes);
    check("-9223372036854775808 == 1", Truth::No);
}

#[test]
fn mistakes_are_named_with_their_place() {
    let check = |source: &str, at: usize, says: &str| {
        let error = Condition::new(source).unwrap_err();
        assert_eq!(error.at, at, "{source}: {error}");
        assert!(error.message.contains(says), "{source} says {error}, not {says}");
    };
    check("hsot == 'a'", 0, "did you mean `host`?");
    check("true && zzzzzz == 'a'", 8, "unknown column `zzzzzz`");
    check("content == 'a'", 0, "rules do not read it");
    check("status == '403'", 7, "`==` does not fit a number and a text");
    check("method", 0, "a condition is true or false, this is a text");
    check("status.startsWith('4')", 0, "expected a text, this is a number");
    check("host.startswith('a')", 5, "did you mean `startsWith`?");
    check("host.startsWith()", 5, "does not take 0 arguments");
    check("host.matches('(')", 13, "unclosed group");
    check("host.matches(path)", 13, "written out");
    check("has(host)", 0, "column != null");
    check("host in ['a', 3]", 14, "must hold what is looked for");
    check("host == 'a", 8, "closing quote");
    check("host == 'a' path", 12, "`path` does not belong here");
    check("(host == 'a'", 12, "expected `)`, but the condition ends");
    check("status > 1.5", 9, "whole numbers");
    check("host.name == 'a'", 5, "needs brackets");
    check("redactions[0] == 'a'", 10, "no index");
    check("redactions.exists(host, true)", 18, "is taken");
    check("duration('1 day') > duration('1s')", 0, "such as \"90s\"");
    check("for == 1", 0, "reserved");
    check("é == 1", 0, "no meaning");
    check("now() > recorded", 0, "no function `now`");
    check(&"(".repeat(40), CONDITION_DEPTH, "levels of brackets");
    check(&"!".repeat(40), CONDITION_DEPTH, "levels of brackets");
    assert!(Condition::new(&vec!["true"; 600].join("||")).unwrap_err().message.contains("several rules"));
    assert!(Condition::new(&vec!["1"; 60].join("+")).unwrap_err().message.contains("in a row"));
    assert!(Condition::new(&" ".repeat(5_000)).unwrap_err().message.contains("5000 bytes"));
}

const CONDITION_DEPTH: usize = crate::limits::CONDITION_DEPTH_MAX;

/// Texts that look like conditions more often than chance does.
fn words() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("host"),
        Just("status"),
        Just("redactions"),
        Just("=="),
        Just("in"),
        Just("&&"),
        Just("||"),
        Just("("),
        Just(")"),
        Just("["),
        Just("]"),
        Just(","),
        Just("'a\\x'"),
        Just("r'(a|b)*'"),
        Just("7"),
        Just("-"),
        Just("/"),
        Just("0"),
        Just(".size()"),
        Just(".matches("),
        Just(".exists(x,"),
        Just("!"),
        Just("null"),
        Just("?"),
        Just(":"),
        Just("recorded"),
        Just("duration('1h')"),
        Just("é"),
        Just("\""),
        Just("9223372036854775808"),
    ];
    proptest::collection::vec(word, 0..24).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn no_text_makes_a_condition_panic(source in prop_oneof![words(), any::<String>(), "[-a-z0-9'\"().!&|=<>\\\\ ]{0,60}"]) {
        if let Ok(condition) = Condition::new(&source) {
            let rows = fixtures::rows(&[json!({"second": 0}), request()]);
            for row in rows.iter() {
                let _ = condition.ask(&EventRow::new(&row, true, fixtures::key()));
            }
        }
    }
}
