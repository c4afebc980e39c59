//! The quick reader and `serde_json` compared: on what serialisers write, on every example, and on hostile text.

use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use super::*;
use crate::dialect::DIALECTS;
use crate::dialect::json::{Integer, Text, record};

record! {
    Sample {
        text: Text<'a> = "a" | "text",
        count: Integer = "b" | "count",
        raw: Option<&'a RawValue> = "c" | "raw",
        nested: Nested<'a> = "d" | "nested",
    }

    Nested {
        text: Text<'a> = "a" | "text",
        count: Integer = "b" | "count",
    }
}

/// Reads in both ways. Says whether the text is plain.
fn both<'a, T: Deserialize<'a> + fmt::Debug>(text: &'a str) -> bool {
    let (quick, full) = (read::<T>(text), serde_json::from_str::<T>(text));
    if let Ok(quick) = &quick {
        let full = full.as_ref().unwrap_or_else(|error| panic!("only serde_json refuses {text:?}: {error}"));
        assert_eq!(format!("{quick:?}"), format!("{full:?}"), "{text:?}");
    }
    quick.is_ok()
}

fn check(text: &str, is_plain: bool) {
    assert_eq!(both::<Value>(text), is_plain, "{text:?}");
    assert_eq!(both::<&RawValue>(text), is_plain, "{text:?}");
    assert_eq!(both::<IgnoredAny>(text), is_plain, "{text:?}");
    both::<Sample>(text);
    both::<Text>(text);
    both::<Integer>(text);
}

#[test]
fn what_serialisers_write_is_plain() {
    for text in [
        "{}",
        "[]",
        " { \"a\" : [ 1 , -2.5e3 , true, null , { \"b\" : \"c\\n\\u00e9\" } ] } \n",
        r#"{"a":"é","b":18446744073709551615,"c":0,"d":-0,"e":0.5,"f":"\ud83d\ude00"}"#,
        "\"x\"",
        "7",
    ] {
        check(text, true);
    }
    assert!(both::<Sample>(r#"{"c":[1,{"x":"\n"}],"a":7,"d":{"b":"12","a":"\u0041"},"z":{},"b":3}"#));
    assert!(read::<Sample>(r#"{"c":null}"#).is_ok_and(|sample| sample.raw.is_none()));
}

#[test]
fn what_is_no_json_is_not_taken() {
    for text in [
        "",
        " ",
        "{",
        "}",
        "[1,]",
        "{\"a\":1,}",
        "{,}",
        "[,1]",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{\"a\" 1}",
        "[1 2]",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "1e+",
        "+1",
        "NaN",
        "tru",
        "nul",
        "truex",
        "[1]x",
        "\"\t\"",
        "\"\\x41\"",
        "\"\\u12\"",
        "\"a",
        "\"\\",
        "[\"a\" \"b\"]",
        "{\"a\":1 \"b\":2}",
        "{1:2}",
        "[}",
        "{\"a\":1]",
    ] {
        check(text, false);
    }
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    check(&deep, false);
    // Of half a pair of surrogates each reader says what `serde_json` says.
    assert!(!both::<Value>(r#""\ud83d""#));
    assert!(both::<&RawValue>(r#""\ud83d""#));
}

#[test]
fn every_example_is_read_alike() {
    for example in DIALECTS.iter().flat_map(|dialect| dialect.examples()).filter(|text| text.starts_with('{')) {
        check(example, true);
    }
}

/// JSON, and what is left of it when it is cut, doubled and mixed.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        " ",
        "\n",
        "\t",
        "\"a\"",
        "\"b\":",
        "\"c\":",
        "\"d\":",
        "{\"a\":",
        "true",
        "false",
        "null",
        "0",
        "-1",
        "12",
        "1.5",
        "1e5",
        "1e400",
        "123456789012345678901",
        "-0",
        "\"x\\ny\"",
        "\"\\u0041\"",
        "\"\\ud800\"",
        "\"\\udc00\\ud800\"",
        "é",
        "\u{0}",
        "\u{1f}",
        "\u{7f}",
        "\u{1F600}",
        "abcdefgh",
        "[1,2]",
        "{\"a\":1}",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// Any JSON value, written with or without white space.
fn sound() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}|[\u{0}-\u{7f}]{0,20}".prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[a-d]|text|count|\\PC{0,9}", inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    });
    (value, any::<bool>()).prop_map(|(value, is_pretty)| {
        if is_pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn hostile_text_is_read_alike(text in hostile()) {
        let raw = both::<&RawValue>(&text);
        prop_assert_eq!(raw, both::<IgnoredAny>(&text));
        both::<Value>(&text);
        both::<Sample>(&text);
        both::<Text>(&text);
    }

    #[test]
    fn sound_text_is_plain(text in sound()) {
        check(&text, true);
    }

    #[test]
    fn text_that_is_cut_or_changed_is_read_alike(text in sound(), at in any::<prop::sample::Index>(), byte in 0u8..128) {
        let at = text.floor_char_boundary(at.index(text.len() + 1));
        both::<Value>(&text[..at]);
        both::<&RawValue>(&text[at..]);
        let rest = text[at..].chars().next().map_or("", |next| &text[at + next.len_utf8()..]);
        let changed = format!("{}{}{rest}", &text[..at], byte as char);
        both::<Value>(&changed);
        both::<Sample>(&changed);
        both::<&RawValue>(&changed);
    }
}
