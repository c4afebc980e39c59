//! Tests of the finisher: what it does to drafts whatever their dialect.

use super::*;
use crate::dialect::testing::{columns, unparsed};
use crate::encoding::{FieldPath, Json, Logfmt};
use crate::event::ContentField;

/// What the finisher makes of a draft of a record of JSON.
fn finish(raw: &[u8], draft: &mut Draft, carries_record: bool) -> Redacted {
    crate::dialect::testing::finish(Record::new(raw, &Json), draft, carries_record)
}

#[test]
fn edits_are_made_in_order_and_restored() {
    let raw = r#"{"u":"https://a:bcdef@h/","p":"AKIAIOSFODNN7EXAMPLE","x":1,"q":"plain"}"#;
    let mut draft = Draft::default();
    draft.content.push(ContentField::at("q", "/q"));
    draft.content.push(ContentField::at("p", "/p"));
    draft.free_text.push(FreeText::at("url", "/u"));
    let finished = finish(raw.as_bytes(), &mut draft, true);
    let event = columns(&finished);
    assert_eq!(event["record"], r#"{"u":"https://[REDACTED:url_userinfo]@h/","p":null,"x":1,"q":null}"#);
    assert_eq!(event["content"], r#"{"p":"[REDACTED:aws_access_key]","q":"plain"}"#);
    assert_eq!(event["redactions"], "url_userinfo:url:9\naws_access_key:p:1");
    assert_eq!(event["content_len"], event["content"].len().to_string());
    assert_eq!(event["content_hash"].len(), 32);
    let cuts = finished.value(column::CUTS.id()).expect("cuts").to_vec();
    let restored = Json.restore(&event["record"], &event["content"], &cuts).expect("they fit");
    assert_eq!(
        String::from_utf8(restored).unwrap(),
        r#"{"u":"https://[REDACTED:url_userinfo]@h/","p":"[REDACTED:aws_access_key]","x":1,"q":"plain"}"#
    );
}

/// Who can send events and read facts must not find a secret by sending guesses of it.
#[test]
fn no_fingerprint_confirms_a_guess_of_a_secret() {
    use crate::dialect::hooks::ClaudeCode;
    use crate::dialect::testing::events;
    let call = |secret: &str| {
        let command = serde_json::json!(format!("DB_PASSWORD={secret} ./run --token {secret}x")).to_string();
        let prompt =
            format!(r#"{{"session_id":"s","prompt_id":"p","hook_event_name":"UserPromptSubmit","prompt":{command}}}"#);
        let tool = format!(
            r#"{{"session_id":"s","hook_event_name":"PostToolUse","tool_name":"Bash","tool_input":{{"command":{command}}},"tool_use_id":"t","tool_response":{{"stdout":{command}}}}}"#
        );
        [events(&ClaudeCode, &prompt), events(&ClaudeCode, &tool)].concat()
    };
    let (one, other) = (call("hunter22"), call("a-much-longer-password-1234"));
    assert_eq!(one, other, "neither values nor lengths nor places differ");
    for name in ["action_fp", "result_fp", "content_hash", "content_len", "redactions", "cuts"] {
        assert!(one[1].contains_key(name), "{name}");
    }
    assert!(one[0].contains_key("source_id"));
}

#[test]
fn every_column_of_text_is_redacted() {
    // No source sets them as it likes, or they are redacted before they are set.
    let apart = [
        "collector",
        "token",
        "family",
        "trust",
        "attribution",
        "actor",
        "outcome",
        "domain",
        "price_version",
        "record",
        "content",
    ];
    let token = ["ghp_", &"ab3".repeat(12)].concat();
    for (column, handle) in TABLE.columns.iter().filter_map(|column| Some((column, column.as_text()?))) {
        let mut draft = Draft::default();
        draft.columns.set_text(handle, &format!("s/{token}"));
        let event = finish(b"{}", &mut draft, false);
        let is_left = event.text(handle).is_some_and(|text| text.contains(&token));
        assert_eq!(is_left, apart.contains(&column.name), "{}", column.name);
    }
}

#[test]
fn facts_between_the_content_are_redacted_and_an_id_with_a_secret_is_none() {
    let token = ["ghp_", &"aB3".repeat(12)].concat();
    let raw = format!(r#"{{"cwd":"/home/{token}","p":"x","password":12345678,"at":1}}"#);
    let mut draft = Draft::default();
    draft.content.push(ContentField::at("p", "/p"));
    for column in [column::SESSION, column::SOURCE_ID, column::STREAM] {
        draft.columns.set_text(column, &format!("s/{token}"));
    }
    draft.columns.set_integer(column::STREAM_SEQ, 7);
    let finished = finish(raw.as_bytes(), &mut draft, true);
    let event = columns(&finished);
    let record = r#"{"cwd":"/home/[REDACTED:github_token]","p":null,"password":"[REDACTED:assignment]","at":1}"#;
    assert_eq!(event["record"], record);
    assert_eq!(event["redactions"], "github_token:record:14\nassignment:record:60");
    for (mark, kind) in [(14, "github_token"), (60, "assignment")] {
        assert!(record[mark..].starts_with(&format!("[REDACTED:{kind}]")), "{mark}");
    }
    assert_eq!(event["session"], "s/[REDACTED:github_token]");
    for none in ["source_id", "stream", "stream_seq"] {
        assert!(!event.contains_key(none), "records must not become the same: {none}");
    }
}

#[test]
fn a_member_that_is_named_after_a_secret_is_redacted_too() {
    let token = ["ghp_", &"aB3".repeat(12)].concat();
    let raw = format!(r#"{{"{token}":"x"}}"#);
    let mut draft = Draft { marks: vec![format!("replaced:{token}")], ..Draft::default() };
    draft.content.push(ContentField::at(token.clone(), FieldPath::root().then(&token)));
    let finished = finish(raw.as_bytes(), &mut draft, true);
    let event = columns(&finished);
    assert!(event.values().all(|value| !value.contains(&token)), "{event:#?}");
    assert_eq!(event["content"], r#"{"[REDACTED:github_token]":"x"}"#);
    assert_eq!(event["marks"], "replaced:[REDACTED:github_token]");
    let event = columns(&unparsed(b"x", &format!("its type {token} is not known")));
    assert_eq!(event["action"], "its type [REDACTED:github_token] is not known");
}

#[test]
fn a_name_before_a_content_value_redacts_it() {
    let raw = r#"{"password":"correct horse","text":"--token","n":"x"}"#;
    let mut draft = Draft::default();
    draft.content.push(ContentField::at("password", "/password"));
    let finished = finish(raw.as_bytes(), &mut draft, true);
    let event = columns(&finished);
    assert_eq!(event["content"], r#"{"password":"[REDACTED:assignment]"}"#);
    assert_eq!(event["redactions"], "assignment:password:1");
    assert_eq!(event["record"], r#"{"password":null,"text":"--token","n":"x"}"#);
}

#[test]
fn a_later_event_of_a_record_has_none_of_it() {
    let raw = r#"{"p":"text"}"#;
    let mut draft = Draft::default();
    draft.content.push(ContentField::at("p", "/p"));
    assert!(columns(&finish(raw.as_bytes(), &mut draft, false)).is_empty());
}

#[test]
fn what_lies_in_content_is_cut_out_with_it() {
    let raw = r#"{"p":{"q":["text","https://a:bcdef@h/"]},"r":1}"#;
    let mut draft = Draft::default();
    for (name, path) in [("b", "/p/q/0"), ("a", "/p"), ("c", "/p")] {
        draft.content.push(ContentField::at(name, path));
    }
    draft.free_text.push(FreeText::at("url", "/p/q/1"));
    draft.free_text.push(FreeText::at("url", "/nothing"));
    let event = columns(&finish(raw.as_bytes(), &mut draft, true));
    assert_eq!(event["record"], r#"{"p":null,"r":1}"#);
    assert_eq!(event["content"], r#"{"a":{"q":["text","https://[REDACTED:url_userinfo]@h/"]}}"#);
}

/// What a dialect says is content is in no fact, whatever is wrong with it.
#[test]
fn a_record_whose_content_cannot_be_cut_out_lies_in_the_content_part() {
    let check = |encoding: &'static dyn RecordEncoding, raw: &str, path: &'static str, word: &str, content: &str| {
        let mut draft = Draft::default();
        draft.content.push(ContentField::at("p", path));
        draft.free_text.push(FreeText::at("url", "/u"));
        draft.columns.set_text(column::COMMAND, raw);
        let record = Record::new(raw.as_bytes(), encoding);
        let event = columns(&crate::dialect::testing::finish(record, &mut draft, true));
        let found = ["record", "cuts", "content", "marks"].map(|name| event.get(name).map(String::as_str));
        assert_eq!(found, [None, None, Some(content), Some(&*format!("uncut:{word}"))], "{raw}");
        assert_eq!(event.contains_key("redactions"), content.contains("[REDACTED"), "{raw}");
        assert_eq!(event["content_len"], content.len().to_string());
        assert!(!event["command"].contains("AKIA"), "{raw}");
    };
    check(&Json, r#"{"q":"text"}"#, "/p", "missing", r#"{"q":"text"}"#);
    let secret = r#"{"q":"AKIAIOSFODNN7EXAMPLE","u":"https://a:bcdef@h/"}"#;
    let redacted = r#"{"q":"[REDACTED:aws_access_key]","u":"https://[REDACTED:url_userinfo]@h/"}"#;
    check(&Json, secret, "/p", "missing", redacted);
    check(&Json, "level=INFO p=text", "/p", "unreadable", "level=INFO p=text");
    check(&Logfmt, "level=INFO p=text", "/p", "not_json", "level=INFO p=text");
    check(&Logfmt, "level=INFO p=text", "/q", "missing", "level=INFO p=text");
    check(&Logfmt, "p=AKIAIOSFODNN7EXAMPLE", "/p", "not_json", "p=[REDACTED:aws_access_key]");
}

#[test]
fn the_record_and_the_columns_redact_a_url_alike() {
    for url in [
        "https://u:hunter2@h.example/p?token=abc&x=AKIAIOSFODNN7EXAMPLE",
        "https://h.example/a?b=c",
        "no url token",
        "https://h.example/?sig=a%20b",
    ] {
        let raw = serde_json::json!({ "u": url }).to_string();
        let mut draft = Draft { url: url.to_owned(), ..Draft::default() };
        draft.free_text.push(FreeText::at("url", "/u"));
        let finished = finish(raw.as_bytes(), &mut draft, true);
        let event = columns(&finished);
        assert!(event["record"].contains(&event["target"]), "{event:#?}");
        assert!(!event["target"].contains("hunter2") && !event["target"].contains("AKIA"), "{event:#?}");
    }
}

#[test]
fn the_host_is_what_was_asked_for_whatever_is_redacted_beside_it() {
    let token = ["ghp_", &"aB3".repeat(12)].concat();
    let check = |url: &str, host: &str, target: &str, path: &str| {
        let raw = serde_json::json!({ "u": url }).to_string();
        let mut draft = Draft { url: url.to_owned(), ..Draft::default() };
        draft.free_text.push(FreeText::at("url", "/u"));
        let finished = finish(raw.as_bytes(), &mut draft, true);
        let event = columns(&finished);
        let found = ["host", "target", "path"].map(|name| event.get(name).map_or("-", String::as_str));
        assert_eq!(found, [host, target, path], "{url}");
        assert_eq!(event["record"], serde_json::json!({ "u": target }).to_string(), "{url}");
    };
    let redacted = "[REDACTED:github_token]";
    check("https://u:hunter2@A.example/b", "a.example", "https://[REDACTED:url_userinfo]@A.example/b", "/b");
    let smuggled = "https://packages.acme.example@drop.example/c";
    check(smuggled, "drop.example", "https://[REDACTED:url_userinfo]@drop.example/c", "/c");
    let backslash = "https://a-long-enough-name.example\\@packages.acme.example/f";
    check(backslash, "a-long-enough-name.example", backslash, "\\@packages.acme.example/f");
    check(
        &format!("https://{token}.drop.example:8443/{token}?a={token}#{token}"),
        "[redacted:github_token].drop.example",
        &format!("https://{redacted}.drop.example:8443/{redacted}?a={redacted}#{redacted}"),
        &format!("/{redacted}?a={redacted}"),
    );
    check("https://token=abcdefgh.example/x", "token=abcdefgh.example", "https://token=abcdefgh.example/x", "/x");
}

#[test]
fn a_host_that_a_source_tells_apart_has_one_name_too() {
    let check = |url: &str, host: &str, expected: [Option<&str>; 4]| {
        let mut draft = Draft { url: url.to_owned(), ..Draft::default() };
        draft.columns.set_text_if(column::HOST, Some(host));
        let finished = finish(b"x", &mut draft, false);
        let event = columns(&finished);
        let found = ["host", "domain", "port", "path"].map(|name| event.get(name).map(String::as_str));
        assert_eq!(found, expected, "{url} {host}");
    };
    check("", "Files.Acme.Example.:8443", [Some("files.acme.example"), Some("acme.example"), Some("8443"), None]);
    check("/a?b#c", "0xA9FEA9FE", [Some("169.254.169.254"), None, None, Some("/a?b")]);
    check("https://b.example/", "a.example", [Some("b.example"), Some("b.example"), Some("443"), Some("/")]);
    check("", "...", [None; 4]);
    check("", "", [None; 4]);
}

#[test]
fn plain_spans_and_content_columns_are_redacted() {
    let raw = "level=WARN url=https://a:bcdef@h/ x";
    let mut draft = Draft::default();
    draft.free_text.push(FreeText::at("url", "/url"));
    draft.columns.set_text(column::COMMAND, "curl -H 'Authorization: Bearer abcdefgh12345678'");
    draft.columns.set_text(column::MCP_SERVER, "https://mcp.acme.example/?api_key=abc");
    draft.columns.set_text(column::TARGET, "https://mcp.acme.example/?api_key=abc");
    let finished = crate::dialect::testing::finish(Record::new(raw.as_bytes(), &Logfmt), &mut draft, true);
    let event = columns(&finished);
    assert_eq!(event["record"], "level=WARN url=https://[REDACTED:url_userinfo]@h/ x");
    assert_eq!(event["command"], "curl -H 'Authorization: Bearer [REDACTED:authorization]'");
    for name in ["mcp_server", "target"] {
        assert_eq!(event[name], "https://mcp.acme.example/?api_key=[REDACTED:url_query]");
    }
}

#[test]
fn ids_are_made_only_where_there_is_none() {
    let mut draft = Draft { identity: "a\nb".to_owned(), ..Draft::default() };
    let event = finish(b"x", &mut draft, true);
    let made = event.text(column::SOURCE_ID).expect("made");
    assert!(made.len() == 32 && made.bytes().all(|byte| byte.is_ascii_hexdigit()));
    draft.columns.set_text(column::SOURCE_ID, "given");
    assert_eq!(finish(b"x", &mut draft, true).text(column::SOURCE_ID), Some("given"));
}

#[test]
fn an_unparsed_record_lies_in_the_content_part() {
    let check = |raw: &[u8], expected: &[(&str, Option<&str>)]| {
        crate::dialect::testing::check(&columns(&unparsed(raw, "not JSON")), expected);
    };
    let always = [("kind", Some("unparsed")), ("action", Some("not JSON")), ("record", None), ("cuts", None)];
    check(
        b"{\"a",
        &[
            &always[..],
            &[("content", Some("{\"a")), ("content_len", Some("3")), ("content_raw", None), ("redactions", None)],
        ]
        .concat(),
    );
    check(
        b"\xff\xfe",
        &[&always[..], &[("content", None), ("content_raw", Some("fffe")), ("content_len", Some("2"))]].concat(),
    );
    let secret = [
        ("content", Some("x [REDACTED:aws_access_key] y")),
        ("redactions", Some("aws_access_key:content:2")),
        ("content_raw", None),
    ];
    check(b"x AKIAIOSFODNN7EXAMPLE y", &[&always[..], &secret].concat());
    let mixed = [("content", Some("\u{FFFD} [REDACTED:aws_access_key]")), ("content_raw", None)];
    check(b"\xff AKIAIOSFODNN7EXAMPLE", &[&always[..], &mixed].concat());
}

/// A result that reads like a failure is marked, and the outcome stays what the source says.
#[test]
fn a_result_that_tells_of_an_error_is_marked() {
    use crate::dialect::hooks::ClaudeCode;
    use crate::dialect::testing::events;
    let check = |command: &str, stdout: &str, mark: Option<&str>| {
        let tool = serde_json::json!({"session_id": "s", "hook_event_name": "PostToolUse", "tool_name": "Bash",
            "tool_input": {"command": command}, "tool_use_id": "t", "tool_response": {"stdout": stdout}});
        let event = &events(&ClaudeCode, &tool.to_string())[0];
        assert_eq!(event.get("marks").map(String::as_str), mark, "{command}: {stdout}");
        assert_eq!(event["outcome"], "success");
    };
    check("make test | tail", "1 failed, 3 passed", Some("error:test"));
    check("make test | tail", "4 passed", None);
    let mut draft = Draft { result: Some("Error: it is down".to_owned()), ..Draft::default() };
    draft.columns.set_text(column::COMMAND, "make");
    draft.columns.set_integer(column::EXIT_CODE, 0);
    assert!(!columns(&finish(b"{}", &mut draft, true)).contains_key("marks"), "a code of zero outweighs words");
}
