//! The same of Microsoft Teams, Opsgenie and Jira Service Management, Jira, Mattermost, and receivers with a template.

use super::*;
use crate::sinks::{jira, mattermost, opsgenie, teams, template};

/// Nothing that hides or reorders other text is in any string of a payload.
fn check_visible(payload: &Value) {
    match payload {
        Value::String(text) => {
            let hidden = |c: char| c != '\n' && crate::delivery::text::is_hidden(c);
            assert!(!text.chars().any(hidden), "{text:?}");
        }
        Value::Array(values) => values.iter().for_each(check_visible),
        Value::Object(members) => members.values().for_each(check_visible),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What Teams takes: 28 KB, one card of version 1.4, and no text in which it reads Markdown or dates.
fn check_teams(message: &Value) {
    assert!(message.to_string().len() <= 28_000);
    let attachments = message["attachments"].as_array().unwrap();
    assert_eq!((&message["type"], attachments.len()), (&json!("message"), 1));
    let card = &attachments[0]["content"];
    assert_eq!((&card["type"], &card["version"]), (&json!("AdaptiveCard"), &json!("1.4")));
    let blocks = card["body"].as_array().unwrap();
    assert_eq!((&blocks[0]["type"], blocks[0]["items"].as_array().unwrap().len()), (&json!("Container"), 1));
    for block in blocks[0]["items"].as_array().unwrap().iter().chain(&blocks[1..]) {
        assert_eq!(block["type"], "RichTextBlock");
        let runs = block["inlines"].as_array().unwrap();
        assert!(!runs.is_empty());
        for run in runs {
            assert_eq!(run["type"], "TextRun");
            let text = run["text"].as_str().unwrap();
            assert!(!text.is_empty() && !text.contains("{{"), "{text}");
        }
    }
}

/// The bounds of the alert API of Opsgenie and Jira Service Management.
fn check_opsgenie(body: &Value) {
    let max = |name: &str, max: usize| {
        assert!(body.get(name).is_none_or(|text| chars(text) <= max), "{name}: {body}");
    };
    for (name, limit) in [("message", 130), ("alias", 512), ("description", 15_000), ("entity", 512), ("source", 100)] {
        max(name, limit);
    }
    max("note", 25_000);
    let Some(message) = body.get("message") else {
        assert!(body.as_object().unwrap().keys().all(|key| key == "source" || key == "note"), "{body}");
        return;
    };
    assert!(!message.as_str().unwrap().trim().is_empty());
    assert!(["P1", "P2", "P3", "P4", "P5"].contains(&body["priority"].as_str().unwrap()));
    let details = body["details"].as_object().unwrap();
    assert!(details.iter().map(|(name, value)| name.len() + chars(value)).sum::<usize>() <= 8_000);
    let tags = body.get("tags").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    assert!(tags.len() <= 20 && tags.iter().all(|tag| (1..=50).contains(&chars(tag))));
}

/// The bounds of Jira, and the nodes of its documents that are used.
fn check_jira(body: &Value) {
    if let Some(transition) = body.get("transition") {
        assert_eq!(transition, &json!({"id": "31"}));
        return;
    }
    let document = match body.get("fields") {
        Some(fields) => {
            assert!((1..=255).contains(&chars(&fields["summary"])));
            let label = |label: &Value| (1..=255).contains(&chars(label)) && !label.as_str().unwrap().contains(' ');
            assert!(fields["labels"].as_array().unwrap().iter().all(label));
            &fields["description"]
        }
        None => &body["body"],
    };
    assert!(document.to_string().chars().count() <= 32_767, "{}", document.to_string().chars().count());
    assert_eq!((&document["type"], &document["version"]), (&json!("doc"), &json!(1)));
    for paragraph in document["content"].as_array().unwrap() {
        assert_eq!(paragraph["type"], "paragraph");
        let nodes = paragraph["content"].as_array().unwrap();
        assert!(!nodes.is_empty());
        assert!(nodes.iter().all(|node| node["type"] == "text" && chars(&node["text"]) > 0));
    }
}

/// The bounds of Mattermost, and that nothing of an alert stands outside of a code span.
fn check_mattermost(body: &Value) {
    let (message, attachments) = match body.get("message") {
        Some(message) => (message, &body["props"]["attachments"]),
        None => (&body["text"], &body["attachments"]),
    };
    assert!((1..=16_383).contains(&chars(message)));
    assert!(attachments.to_string().chars().count() <= 16_000, "{}", attachments.to_string().chars().count());
    let attachment = &attachments[0];
    let is_code = |text: &Value| {
        let text = text.as_str().unwrap();
        text == "–"
            || (text.len() > 2 && text.starts_with('`') && text.ends_with('`') && text.matches('`').count() == 2)
    };
    assert!(is_code(message) && is_code(&attachment["text"]), "{body}");
    assert!(attachment["fields"].as_array().unwrap().iter().all(|field| is_code(&field["value"])), "{body}");
}

#[test]
fn payloads_keep_the_bounds_of_the_other_receivers() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("s"), "0123456789abcdef").unwrap();
    std::fs::write(dir.path().join("w"), "https://hooks.chat.example/services/T0").unwrap();
    let secret = |name: &str| format!("file:{}", dir.path().join(name).display());
    let scenes = scenes();
    let test = |name: &str, check: fn(&Value), payloads: Vec<Value>| {
        assert!(payloads.len() > 100, "{name}: {}", payloads.len());
        for payload in &payloads {
            check_visible(payload);
            check(payload);
        }
        keep(name, &payloads);
    };
    test("teams", check_teams, payloads::<teams::Teams>(&scenes, json!({"workflow": secret("w")})));
    let settings = json!({"api_key": secret("s")});
    test("opsgenie", check_opsgenie, payloads::<opsgenie::OpsgenieSettings>(&scenes, settings));
    let settings =
        json!({"url": "https://jira.acme.example", "token": secret("s"), "project": "SEC", "done_transition": "31"});
    test("jira", check_jira, payloads::<jira::Jira>(&scenes, settings));
    let bot =
        json!({"url": "https://chat.acme.example", "token": secret("s"), "channel": "4xp9fdt77pncbef59f4k1qe83o"});
    for (name, settings) in [("mattermost_webhook", json!({"webhook": secret("w")})), ("mattermost", bot)] {
        test(name, check_mattermost, payloads::<mattermost::MattermostSettings>(&scenes, settings));
    }
    let body = "{\"a\": \"{{ text }}\", \"b\": [\"{{ title }}\", {{ events }}]}";
    let settings = json!({"secret_url": secret("w"), "body": body});
    let bound = |body: &Value| assert!(body.to_string().len() <= 64 << 10);
    test("template", bound, payloads::<template::TemplateSettings>(&scenes, settings));
}
