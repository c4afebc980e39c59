//! Tests of mappings: what they read, what is said of mistakes, and that nothing of a record is lost, whatever it is.

mod collector;

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::dialect::testing::{Columns, check, decoded, events, record};
use crate::dialect::{SKIP_BLANK, testing};

/// A mapping of these lines after its head.
fn mapping(text: &str) -> Mapping {
    let whole = format!("name = \"m\"\nsource = \"acme.m\"\nfamily = \"workspace\"\ntrust = \"gateway\"\n{text}");
    Mapping::parse(Path::new("m.toml"), &whole).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

fn one(text: &str, record: &str) -> Columns {
    let mut events = events(&mapping(text), record);
    assert_eq!(events.len(), 1);
    events.remove(0)
}

#[test]
fn the_worked_example_is_in_order_and_its_tests_pass() {
    let mapping = Mapping::parse(Path::new("docs/examples/mapped.toml"), EXAMPLE).unwrap();
    assert_eq!(mapping.run_tests(), []);
    assert!(mapping.tests.len() > 5 && Mapped.examples().len() > 3);
}

#[test]
fn the_first_value_that_is_there_counts_and_rules_are_asked_in_order() {
    let text = "[columns]\nuser = [\"/a\", \"/b/0/c\", \"/d\"]\n\
                [[rule]]\nkind = \"one\"\nwhen = [{ at = \"/n\", is = 1 }, { at = \"/x\", exists = false }]\n\
                [[rule]]\nkind = \"two\"\nwhen = [{ at = \"/n\", is_not = 3 }]\ncolumns = { user = { value = \"nobody\" } }\n\
                [[rule]]\nkind = \"three\"\n";
    for (record, kind, user) in [
        (r#"{"n":1,"a":"mira","d":"bo"}"#, "one", Some("mira")),
        (r#"{"n":"1","a":null,"b":[{"c":7}]}"#, "one", Some("7")),
        (r#"{"n":1,"a":"","d":"bo"}"#, "one", Some("bo")),
        (r#"{"n":1,"a":"first","a":"last"}"#, "one", Some("last")),
        (r#"{"n":1,"x":0,"a":"mira"}"#, "two", Some("nobody")),
        (r#"{"n":3}"#, "three", None),
        (r#"{"n":3,"a":{"deep":1}}"#, "three", None),
    ] {
        check(&one(text, record), &[("kind", Some(kind)), ("user", user)]);
    }
}

#[test]
fn what_is_not_named_is_content_by_each_rule_of_its_own() {
    let text = "[[rule]]\nkind = \"one\"\nwhen = [{ at = \"/n\", is = 1 }]\ncolumns = { action = \"/name\", tokens_in = \"/t\" }\nfacts = [\"/n\", \"/tags\"]\n\
                [[rule]]\nkind = \"two\"\n";
    let event = one(text, r#"{"n":1,"name":"plan","t":"secret words","tags":["a",{"b":1}],"other":"x y"}"#);
    assert_eq!(event["record"], r#"{"n":1,"name":"plan","t":null,"tags":["a",{"b":1}],"other":null}"#);
    check(&event, &[("action", Some("plan")), ("tokens_in", None), ("marks", Some("void:tokens_in"))]);
    // What is a fact by one rule is content by another, and so is a member that is written again.
    assert_eq!(one(text, r#"{"n":2,"name":"plan"}"#)["record"], r#"{"n":null,"name":null}"#);
    let doubled = one(text, r#"{"n":1,"name":"what somebody typed","name":"plan"}"#);
    assert_eq!(doubled["record"], r#"{"n":1,"name":null,"name":"plan"}"#);
    // An object where a text is expected is content.
    let object = one(text, r#"{"n":1,"name":{"typed":"x"},"t":5}"#);
    assert_eq!(object["record"], r#"{"n":1,"name":null,"t":5}"#);
    check(&object, &[("action", None), ("tokens_in", Some("5")), ("marks", Some("void:action"))]);
}

#[test]
fn a_record_of_several_events_is_split_and_told_around() {
    let text = "split = \"/batch/items\"\n[columns]\norg = \"^/account\"\n[[skip]]\nwhen = [{ at = \"/k\", is = \"ping\" }]\n\
                [[rule]]\nkind = \"audit\"\ncolumns = { action = \"/k\" }\n";
    let record = r#"{"account":"acme","note":"typed","batch":{"items":[{"k":"a","v":"one"},{"k":"ping","v":"two"},{"k":"b","v":"three"}]}}"#;
    let events = events(&mapping(text), record);
    assert_eq!(events.len(), 2);
    check(&events[0], &[("action", Some("a")), ("org", Some("acme"))]);
    check(&events[1], &[("action", Some("b")), ("org", Some("acme")), ("record", None)]);
    assert_eq!(
        events[0]["record"],
        r#"{"account":"acme","note":null,"batch":{"items":[{"k":"a","v":null},null,{"k":"b","v":null}]}}"#
    );
    for typed in ["typed", "one", "two", "three"] {
        assert!(events[0]["content"].contains(typed), "{typed}");
    }
    let mapping = mapping(text);
    assert_eq!(decoded(&mapping, br#"{"batch":{"items":[]}}"#), Decoded::Skip(SKIP_MAPPED));
    assert_eq!(decoded(&mapping, br#"{"batch":{"items":[{"k":"ping"}]}}"#), Decoded::Skip(SKIP_MAPPED));
    let many = format!("{{\"batch\":{{\"items\":[{}0]}}}}", "0,".repeat(RECORD_EVENTS_MAX));
    for (record, says) in [(r#"{"batch":{}}"#, "splits a list"), ("[]", "splits a list"), (many.as_str(), "more than")]
    {
        assert!(matches!(decoded(&mapping, record.as_bytes()), Decoded::Unparsed(reason) if reason.contains(says)));
    }
}

#[test]
fn what_no_rule_is_about_is_kept_as_it_is() {
    let mapping = mapping("[[rule]]\nkind = \"audit\"\nwhen = [{ at = \"/k\", is = \"a\" }]\n");
    for (record, says) in [
        (r#"{"k":"b"}"#, "no rule of the mapping m"),
        ("[{}]", "no JSON object"),
        ("7", "no JSON object"),
        ("{", "JSON"),
        ("text", "not JSON"),
    ] {
        assert!(
            matches!(decoded(&mapping, record.as_bytes()), Decoded::Unparsed(reason) if reason.contains(says)),
            "{record}"
        );
    }
    assert_eq!(decoded(&mapping, b" \t"), Decoded::Skip(SKIP_BLANK));
}

#[test]
fn what_is_put_together_is_searched_for_secrets() {
    let text = "[[rule]]\nkind = \"audit\"\ncolumns = { action = { text = \"AKIA{/a}\" }, target = \"/b\" }\n";
    let event = one(text, r#"{"a":"IOSFODNN7EXAMPLE","b":"key AKIAIOSFODNN7EXAMPLE"}"#);
    for column in ["action", "target", "record"] {
        assert!(!event[column].contains("AKIAIOSFODNN7EXAMPLE"), "{column}: {}", event[column]);
    }
}

#[test]
fn an_event_without_an_id_is_the_same_by_its_bytes_only_where_that_is_said() {
    let rule = "[[rule]]\nkind = \"audit\"\ncolumns = { action = \"/a\" }\n";
    let same = format!("identity = \"bytes\"\n{rule}");
    assert!(!one(rule, r#"{"a":1}"#).contains_key("source_id"));
    assert_eq!(one(&same, r#"{"a":1}"#)["source_id"], one(&same, r#"{"a":1}"#)["source_id"]);
    assert_ne!(one(&same, r#"{"a":1}"#)["source_id"], one(&same, r#"{"a":2}"#)["source_id"]);
}

#[test]
fn a_rule_may_deserve_less_trust_than_the_mapping() {
    let text = "[[rule]]\nkind = \"audit\"\ntrust = \"agent\"\nwhen = [{ at = \"/a\", is = true }]\n[[rule]]\nkind = \"audit\"\n";
    check(&one(text, r#"{"a":true}"#), &[("trust", Some("agent"))]);
    check(&one(text, r#"{"a":false}"#), &[("trust", Some("gateway"))]);
}

#[test]
fn mistakes_are_told_with_their_place_and_what_to_do() {
    let head = "name = \"m\"\nsource = \"s\"\nfamily = \"workspace\"\n";
    let check = |text: &str, expected: &[(usize, &str)]| {
        let mistakes = Mapping::parse(Path::new("m.toml"), text).err().unwrap_or_default();
        let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), expected.len(), "{text}: {told:?}");
        for (told, (line, says)) in told.iter().zip(expected) {
            assert!(told.starts_with(&format!("m.toml:{line}:")) && told.contains(says), "{told} says {says}");
        }
    };
    check("a = \nb = ]", &[(1, ""), (2, "")]);
    check("", &[(1, "`name` is missing")]);
    check(head, &[(1, "there is no [[rule]]")]);
    check("nmae = \"m\"\n", &[(1, "did you mean `name`?"), (1, "`name` is missing")]);
    let rule = |more: &str| format!("{head}[[rule]]\nkind = \"audit\"\n{more}\n");
    check(&rule(""), &[]);
    check(&rule("whne = []"), &[(6, "did you mean `when`?")]);
    check(&rule("trust = \"host\""), &[(4, "at most that of the file, which is `agent`")]);
    check(&rule("trust = \"everybody\""), &[(6, "`trust` is one of agent, workspace")]);
    check(&rule("family = \"planet\""), &[(6, "one of boundary, gateway, workspace")]);
    check(&rule("when = [{ at = \"/a\" }]"), &[(6, "a condition says one of is")]);
    check(&rule("when = [{ at = \"a\", is = 1 }]"), &[(6, "a pointer begins with `/`")]);
    check(&rule("when = [{ at = \"^/a\", is = 1 }]"), &[(6, "where `split` says")]);
    check(&rule("when = [{ at = \"/a\", exists = 1 }]"), &[(6, "`exists` is true or false")]);
    let column = |line: &str| rule(&format!("[rule.columns]\n{line}"));
    check(&column("hots = \"/a\""), &[(7, "unknown column \"hots\"; did you mean `host`?")]);
    check(&column("kind = \"/a\""), &[(7, "stands beside `columns`")]);
    check(&column("content = \"/a\""), &[(7, "every member that is not named is content")]);
    check(&column("collector = \"/a\""), &[(7, "Tachograph sets it itself")]);
    check(&column("user = \"mira\""), &[(7, "a constant is written { value = ")]);
    check(&column("user = { at = \"/a\", value = \"b\" }"), &[(7, "says one of `at`, `value` and `text`")]);
    check(&column("user = { text = \"{/a\" }"), &[(7, "`{` without its `}`")]);
    check(&column("user = { text = \"mira\" }"), &[(7, "names 1 to 16 pointers")]);
    check(&column("outcome = { value = \"fine\" }"), &[(7, "`outcome` is one of allow, deny")]);
    check(&column("outcome = { at = \"/a\", words = { ok = \"fine\" } }"), &[(7, "not \"fine\"")]);
    check(&column("outcome = { at = \"/a\", otherwise = \"deny\" }"), &[(7, "goes with `words`")]);
    check(&column("status = { value = \"high\" }"), &[(7, "`status` is a whole number")]);
    check(&column("time = { at = \"/a\", unit = \"msec\" }"), &[(7, "unknown unit \"msec\"; did you mean `ms`?")]);
    check(&column("user = { at = \"/a\", unit = \"ms\" }"), &[(7, "the column has none")]);
    check(&column("amount = { at = \"/a\", times = -1 }"), &[(7, "a factor above 0")]);
    check(&column("command = \"/a\"\ntarget = \"/a\""), &[(7, "`command` is content, and")]);
    check(&column("input = { value = 1 }"), &[(7, "write a pointer")]);
    let deep = "/a".repeat(17);
    check(&column(&format!("user = \"{deep}\"")), &[(7, "16 steps")]);
    let split = format!("split = \"/a/b\"\nfacts = [\"^/a\"]\n{}", rule(""));
    check(&split, &[(2, "leads to them, or into them")]);
    check(&(rule("") + "[[skip]]\nwhen = []\n"), &[(7, "skips everything")]);
    check(&(rule("") + "[[test]]\nname = \"t\"\nrecord = \"{}\"\n"), &[(7, "a test says [[test.event]]")]);
    let test = "[[test]]\nname = \"t\"\nrecord = \"{}\"\n[[test.event]]\n";
    check(&(rule("") + test + "hots = 1"), &[(11, "did you mean `host`?")]);
    let mut many = head.to_owned();
    for at in 0..200 {
        let _ = writeln!(many, "k{at} = 1");
    }
    let mistakes = Mapping::parse(Path::new("m.toml"), &many).err().unwrap_or_default();
    assert_eq!(mistakes.len(), crate::limits::MAPPING_MISTAKES_MAX);
}

#[test]
fn a_test_that_fails_says_how() {
    let failures = |test: &str| {
        let text = format!(
            "[[rule]]\nkind = \"audit\"\nwhen = [{{ at = \"/k\", exists = true }}]\ncolumns = {{ action = \"/k\", tokens_in = \"/t\" }}\n[[test]]\nname = \"t\"\n{test}\n"
        );
        mapping(&text).run_tests().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    for (test, says) in [
        ("record = '{\"k\":\"a\"}'\n[[test.event]]\naction = \"a\"", ""),
        (
            "record = '{\"k\":\"a\"}'\n[[test.event]]\naction = \"b\"",
            "test \"t\": event 1: `action` is to be \"b\" and is \"a\"",
        ),
        (
            "record = '{\"k\":\"a\",\"t\":-1}'\n[[test.event]]\ntokens_in = 5",
            "`tokens_in` is to be \"5\" and is not set; its marks are void:tokens_in",
        ),
        ("record = '{\"k\":\"a\"}'\n[[test.event]]\nabsent = [\"action\"]", "`action` is not to be set"),
        ("record = '{\"k\":\"a\"}'\nskip = true", "events came of it: 1"),
        ("record = '{}'\nskip = true", "it was not understood"),
        ("record = '{\"k\":\"a\"}'\n[[test.event]]\n[[test.event]]\n", "2 events are expected, and 1 came"),
        ("record = '{\"k\":\"plan\"}'\ncontent = [\"plan\"]\n[[test.event]]\n", "stands in `action`"),
        ("record = '{\"k\":\"a\"}'\ncontent = [\"zzz\"]\n[[test.event]]\n", "is not there"),
    ] {
        let told = failures(test);
        assert!(if says.is_empty() { told.is_empty() } else { told.contains(says) }, "{test}: {told}");
    }
}

/// Any JSON value, of names that a mapping names among others.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        "\\PC{0,12}".prop_map(Into::into),
        prop::sample::select(vec!["net.request", "1795168800123", "0.5", "allowed", "tool.start", ""])
            .prop_map(Into::into),
    ];
    let name = prop::sample::select(vec![
        "type", "id", "ts", "actor", "name", "run", "request", "url", "kb", "tool", "args", "usage", "cost", "facts",
        "items", "~",
    ]);
    leaf.prop_recursive(4, 48, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::btree_map(name.clone().prop_map(str::to_owned), inner, 0..8)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

static SPLITTING: LazyLock<Mapping> = LazyLock::new(|| {
    mapping(
        "split = \"/items\"\nfacts = [\"/facts\", \"^/id\"]\n[columns]\nuser = [\"/name\", \"/actor/0\", \"/actor/name\"]\ntime = \"/ts\"\n\
         [[skip]]\nwhen = [{ at = \"/type\", is = true }]\n[[rule]]\nkind = \"tool.call\"\ncolumns = { tool = \"/tool\", input = \"/args\", url = \"/url\", target = { text = \"{/id}/{^/name}\" } }\n",
    )
});

/// Decodes and finishes a record; what is cut out of it comes back byte by byte.
fn nothing_is_lost(mapping: &Mapping, raw: &str) {
    let mut drafts = Drafts::new();
    if mapping.decode(record(mapping, raw.as_bytes()), testing::RECEIVED, &mut drafts) != Decoded::Events {
        return;
    }
    for (at, draft) in drafts.iter_mut().enumerate() {
        draft.limit_trust(Trust::Agent);
        let event = testing::columns(&testing::finish(record(mapping, raw.as_bytes()), draft, at == 0));
        if at == 0 && !event.contains_key("redactions") {
            let cuts = hex::decode(event.get("cuts").map_or("", String::as_str)).expect("hexadecimal");
            let content = event.get("content").map_or("", String::as_str);
            let restored = mapping.encoding().restore(&event["record"], content, &cuts);
            assert_eq!(restored.as_deref(), Some(raw.as_bytes()), "{raw}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_json_is_taken_and_nothing_of_it_is_lost(value in json(), around in json()) {
        let example = EXAMPLE_MAPPING.as_ref().expect("in order");
        let text = value.to_string();
        nothing_is_lost(example, &text);
        nothing_is_lost(&SPLITTING, &text);
        nothing_is_lost(&SPLITTING, &format!("{{\"id\":{around},\"items\":[{text},{around}],\"name\":\"n\"}}"));
    }

    #[test]
    fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..60), json in "[\\[\\]{}:,\"\\\\ items0-9a]{0,60}") {
        let mut drafts = Drafts::new();
        for raw in [&bytes[..], json.as_bytes()] {
            drafts.clear();
            let _ = crate::dialect::decode(&*SPLITTING, record(&*SPLITTING, raw), testing::RECEIVED, &mut drafts);
        }
        nothing_is_lost(&SPLITTING, &json);
    }

    #[test]
    fn any_text_is_a_mapping_or_has_mistakes(text in "\\PC{0,80}", lines in prop::collection::vec(
        prop::sample::select(EXAMPLE.lines().collect::<Vec<_>>()), 0..12)) {
        for text in [text, lines.join("\n")] {
            match Mapping::parse(Path::new("m.toml"), &text) {
                Ok(mapping) => prop_assert!(!mapping.rules.is_empty()),
                Err(mistakes) => prop_assert!(!mistakes.is_empty()),
            }
        }
    }
}
