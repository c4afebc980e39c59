//! Over texts that nobody thought of: wildcards find what a plain matcher finds, every condition that is made is one, and no file makes
//! the import panic.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::json;

use super::{fires, imported, rule_of, whole};
use crate::Outcome;

/// What Sigma means by a value, said as simply as can be: characters one by one, `*` and `?` unless escaped.
#[derive(Debug, Clone, PartialEq)]
enum Sign {
    Char(char),
    Any,
    One,
}

fn signs(value: &str) -> Vec<Sign> {
    let (mut signs, mut rest) = (Vec::new(), value);
    while let Some(char) = rest.chars().next() {
        let escaped = rest.strip_prefix('\\').and_then(|rest| rest.chars().next());
        match (char, escaped) {
            ('\\', Some(escaped @ ('*' | '?' | '\\'))) => {
                signs.push(Sign::Char(escaped));
                rest = &rest[2..];
                continue;
            }
            ('*', _) => signs.push(Sign::Any),
            ('?', _) => signs.push(Sign::One),
            _ => signs.push(Sign::Char(char)),
        }
        rest = &rest[char.len_utf8()..];
    }
    signs
}

fn matches(signs: &[Sign], text: &[char], cased: bool) -> bool {
    match (signs, text) {
        ([], []) => true,
        ([Sign::Any, rest @ ..], _) => {
            matches(rest, text, cased) || (!text.is_empty() && matches(signs, &text[1..], cased))
        }
        ([Sign::One, rest @ ..], [_, text @ ..]) => matches(rest, text, cased),
        ([Sign::Char(wanted), rest @ ..], [found, text @ ..]) => {
            let same = if cased { wanted == found } else { wanted.to_lowercase().eq(found.to_lowercase()) };
            same && matches(rest, text, cased)
        }
        _ => false,
    }
}

fn expected(value: &str, operator: &str, cased: bool, text: &str) -> bool {
    let mut signs = signs(value);
    if matches!(operator, "|contains" | "|endswith") {
        signs.insert(0, Sign::Any);
    }
    if matches!(operator, "|contains" | "|startswith") {
        signs.push(Sign::Any);
    }
    // An event says no empty text: it says nothing, which an empty value asks for and `*` does not.
    match (text.is_empty(), signs.iter().all(|sign| *sign == Sign::Any)) {
        (true, true) => signs.is_empty(),
        (true, false) => false,
        (false, _) => matches(&signs, &text.chars().collect::<Vec<_>>(), cased),
    }
}

/// Values and texts over few characters, those that patterns, conditions and TOML have a meaning for among them.
const CHARS: &str = "[aAbB*?\\\\/.$^'\"\\[\\](){}|+ \nä-]{0,7}";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn wildcards_find_what_a_plain_matcher_finds(
        values in proptest::collection::vec(CHARS, 1..4), text in CHARS,
        operator in proptest::sample::select(vec!["", "|contains", "|startswith", "|endswith"]),
        cased in any::<bool>(), all in any::<bool>(), negated in any::<bool>(), like in any::<bool>(),
    ) {
        // Half of the time the text is the first value without its wildcards, which many patterns find.
        let text = if like { values[0].replace(['*', '\\'], "") } else { text };
        let modifiers = format!("{operator}{}{}", if cased { "|cased" } else { "" }, if all { "|all" } else { "" });
        let list = serde_json::to_string(&values).unwrap();
        let condition = if negated { "not s" } else { "s" };
        let detection = format!("  s: {{'TargetFilename{modifiers}': {list}}}\n  condition: {condition}\n");
        let each = values.iter().map(|value| expected(value, operator, cased, &text)).collect::<Vec<_>>();
        let wanted = if all { each.iter().all(|found| *found) } else { each.contains(&true) };
        let rules = whole(&rule_of("file_event", &detection));
        let mut event = json!({"kind": "file.write"});
        if !text.is_empty() {
            event["file"] = json!(text);
        }
        prop_assert_eq!(fires(&rules[0], &[event]), wanted != negated, "{}", rules[0].form().condition);
    }

    #[test]
    fn every_condition_that_is_made_is_one(
        items in proptest::collection::vec((0usize..14, 0usize..16, proptest::collection::vec(CHARS, 1..3), any::<u8>()), 1..6),
        shape in 0usize..8, category in proptest::sample::select(vec!["process_creation", "proxy", "dns_query", "file_event", "network_connection"]),
    ) {
        const FIELDS: [&str; 14] = [
            "CommandLine", "Image", "User", "c-uri", "c-uri-query", "c-uri-stem", "cs-uri-extension", "r-dns", "sc-status",
            "QueryName", "TargetFilename", "DestinationIp", "DestinationPort", "outcome",
        ];
        const MODIFIERS: [&str; 16] = [
            "", "|contains", "|startswith", "|endswith", "|contains|all", "|cased", "|windash|contains", "|base64", "|base64offset|contains",
            "|wide|base64offset|contains", "|exists", "|neq", "|gte", "|re", "|cidr", "|re|i|m|s",
        ];
        let mut detection = String::new();
        for (at, (field, modifiers, values, number)) in items.iter().enumerate() {
            let (field, modifiers) = (FIELDS[*field], MODIFIERS[*modifiers]);
            let value = match modifiers {
                "|exists" => json!(number % 2 == 0),
                "|gte" => json!(number),
                "|cidr" => json!(format!("{number}.{number}.0.0/{}", number % 33)),
                "|re" | "|re|i|m|s" => json!(format!("a[{number}-z']+b|^c")),
                _ if matches!(field, "sc-status" | "DestinationPort") => json!([number, number / 2]),
                _ if field == "Image" => json!(format!("*/{}", values[0].replace(['/', '\\', '*'], "x"))),
                _ => json!(values),
            };
            writeln!(detection, "  s{at}: {{'{field}{modifiers}': {value}}}").unwrap();
        }
        let last = items.len() - 1;
        let condition = ["all of them".to_owned(), "1 of them".to_owned(), format!("not s{last}"), format!("not (s0 and not s{last})"),
            format!("s0 or not s{last}"), "not 1 of s*".to_owned(), format!("not not s{last} and not all of them"), format!("(s0 or s{last}) and not (s{last} or not s0)")];
        let text = rule_of(category, &format!("{detection}  condition: {}\n", condition[shape]));
        for found in imported(&text, true) {
            match found.outcome {
                // What is refused is refused for what the rule says, never for how we wrote it.
                Outcome::Skipped(reasons) => prop_assert!(!reasons.iter().any(|reason| reason.contains("condition: ") && !reason.contains("the pattern is not one")), "{text}\n{reasons:?}"),
                Outcome::Whole(written) | Outcome::Partial(written, _) => prop_assert_eq!(written.len(), 1),
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }

    #[test]
    fn no_file_makes_the_import_panic(text in any::<String>(), cut in 0usize..900, noise in "[-a-z{}\\[\\]:='\"|*&!\n0-9 ]{0,12}") {
        imported(&text, true);
        let whole = rule_of("process_creation", "  s:\n    CommandLine|windash|contains: ' -a'\n    - Image|endswith: '/x'\n  timeframe: 5m\n  condition: not 1 of s* | count(User) by User > 5\n---\ntitle: C\ncorrelation:\n  type: event_count\n  rules: [a]\n  group-by: [User]\n  timespan: 1m\n  condition: {gte: 3}\n");
        let cut = whole.floor_char_boundary(cut.min(whole.len()));
        imported(&format!("{}{noise}{}", &whole[..cut], &whole[cut..]), true);
    }
}
