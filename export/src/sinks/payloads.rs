//! What people's receivers get, whatever an alert holds: within the bounds that their vendors publish, and as their own SDKs read it.
//! Slack and PagerDuty are here, the others in `people`.
//!
//! The bounds are checked here. `make payloads` has the vendors' SDKs check the same payloads: with
//! `TACHOGRAPH_PAYLOADS=FOLDER` this test writes them there, one JSON object per line.

use std::fmt::Write as _;
use std::time::Duration;

use ledger::Timestamp;
use operations::alert::{Alert, Severity, State};
use operations::fold::Outbox;
use serde_json::{Value, json};

use super::{pagerduty, slack};
use crate::connections::http::Http;
use crate::delivery::Delivery;
use crate::fixtures::{self, alert_of, entry_of, told};
use crate::record::{Group, Record};
use crate::sink::{Settings, Sink};

/// Texts as an attacker would write them.
fn hostile() -> [String; 7] {
    [
        String::new(),
        " \u{202e}\u{200b}\u{0} ".to_owned(),
        "<!channel> <@U1|x> *b* _i_ ~s~ `c` ```f``` <https://attacker-logger.com|safe> & \"q\" \\ \r\n".to_owned(),
        "&".repeat(2_500),
        "`<\u{1f600}ä".repeat(900),
        "\u{10ffff}".repeat(2_500),
        "{\"event_action\":\"resolve\"}".repeat(90),
    ]
}

fn hostile_alert(number: u64, text: &str, severity: Severity, state: State) -> Alert {
    let mut alert = Alert { state, severity, ..alert_of(number, severity) };
    (alert.rule, alert.title, alert.reason) = (text.to_owned(), text.to_owned(), text.to_owned());
    let some = || Some(text.to_owned());
    let (who, what) = (&mut alert.who, &mut alert.what);
    (who.org, who.team, who.user, who.agent) = (some(), some(), some(), some());
    (who.session, who.workspace, who.workspace_name) = (some(), some(), some());
    (what.host, what.domain, what.method, what.path) = (some(), some(), some(), some());
    (what.policy, what.model, what.tool) = (some(), some(), some());
    alert.tags = vec![text.to_owned(); 40];
    alert.evidence = (0..32).map(|seq| format!("events/0/{}", u64::MAX / 2 + seq).parse().unwrap()).collect();
    // The largest number that JSON carries everywhere.
    (alert.count, alert.revision) = ((1 << 53) - 1, if state == State::Open { 1 } else { 4_000_000_000 });
    alert
}

fn step(kind: &str, actor: &str) -> Value {
    json!({"kind": kind, "subject": alert_of(1, Severity::High).id, "actor": actor, "record": "{}"})
}

/// Batches of records, each with what the receiver knew before.
fn scenes() -> Vec<(Vec<Record>, Outbox)> {
    let mut scenes = Vec::new();
    let records = |entries: &[Value]| fixtures::alert_records(&fixtures::operations(entries));
    for text in hostile() {
        for severity in Severity::ALL {
            for state in [State::Open, State::Updated, State::Resolved] {
                let alert = [entry_of(&hostile_alert(1, &text, severity, state))];
                scenes.push((records(&alert), fixtures::outbox()));
                scenes.push((records(&alert), told(&[1], false)));
            }
        }
        let alerts: Vec<Value> =
            (0..60).map(|number| entry_of(&hostile_alert(number, &text, Severity::High, State::Open))).collect();
        for few in [2, 10, 60] {
            scenes.push((records(&alerts[..few]), fixtures::outbox()));
            let mut group = records(&alerts[..few]);
            for record in &mut group {
                record.group = Some(Group { key: "g".into(), window: Duration::ZERO });
            }
            scenes.push((group, fixtures::outbox()));
        }
        let old = |number| Alert { backfill: true, ..hostile_alert(number, &text, Severity::Low, State::Open) };
        scenes.push((records(&(0..20).map(|number| entry_of(&old(number))).collect::<Vec<_>>()), fixtures::outbox()));
        let escalation = json!({"because": "escalation", "step": text, "receivers": []});
        scenes.push((records(&[fixtures::notice(&escalation, 1)]), fixtures::outbox()));
        scenes.push((records(&[fixtures::notice(&escalation, 1)]), told(&[1], false)));
        for kind in ["alert.ack", "alert.close"] {
            scenes.push((records(&[step(kind, &text)]), told(&[1], false)));
        }
        let ends: Vec<Value> =
            (0..12).map(|number| entry_of(&hostile_alert(number, &text, Severity::High, State::Resolved))).collect();
        scenes.push((records(&ends), told(&(0..12).collect::<Vec<_>>(), true)));
    }
    scenes
}

/// The bodies that a sink with these settings sends in all scenes.
fn payloads<T: Settings<Sink: Sink<Protocol = Http> + Delivery>>(
    scenes: &[(Vec<Record>, Outbox)],
    settings: Value,
) -> Vec<Value> {
    let sink = crate::sink::read::<T>(settings).unwrap();
    let bodies = |(records, outbox): &(Vec<Record>, Outbox)| -> Vec<Value> {
        let messages = sink.render(records, outbox).messages;
        messages
            .iter()
            .map(|message| serde_json::from_slice(&sink.payload(message, Timestamp::EPOCH).unwrap().body).unwrap())
            .collect()
    };
    scenes.iter().flat_map(bodies).collect()
}

fn chars(value: &Value) -> usize {
    value.as_str().unwrap().chars().count()
}

fn check_text(text: &Value, max: usize) {
    assert!((1..=max).contains(&chars(&text["text"])), "{text}");
    assert!(matches!(text["type"].as_str(), Some("plain_text" | "mrkdwn")));
}

/// Slack's published bounds, and the one of all blocks together that it applies without a word.
fn check_slack(message: &Value) {
    assert!((1..=40_000).contains(&chars(&message["text"])));
    let none = Vec::new();
    let blocks = message["blocks"].as_array().unwrap_or(&none);
    assert!(blocks.len() <= 50);
    let mut total = 0;
    for block in blocks {
        match block["type"].as_str().unwrap() {
            "header" => check_text(&block["text"], 150),
            "section" => {
                block.get("text").into_iter().for_each(|text| check_text(text, 3_000));
                let fields = block["fields"].as_array().unwrap_or(&none);
                assert!(fields.len() <= 10 && (block.get("text").is_some() || !fields.is_empty()));
                for field in fields {
                    check_text(field, 2_000);
                }
            }
            "context" => {
                let elements = block["elements"].as_array().unwrap();
                assert!((1..=10).contains(&elements.len()));
                for element in elements {
                    check_text(element, 2_000);
                }
            }
            "actions" => {
                let elements = block["elements"].as_array().unwrap();
                assert!((1..=25).contains(&elements.len()));
                for element in elements {
                    check_text(&element["text"], 75);
                    assert!(element.get("url").is_none(), "a button leads nowhere");
                    assert!(element.get("value").is_none_or(|value| chars(value) <= 2_000));
                }
            }
            other => panic!("{other}"),
        }
        total += block.to_string().chars().count();
    }
    assert!(total <= 26_000, "{total} characters, markup included");
    let shown: usize = blocks.iter().map(shown_chars).sum();
    assert!(shown <= 13_000, "{shown}");
}

/// The characters of all texts in a block.
fn shown_chars(value: &Value) -> usize {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| if name == "text" && value.is_string() { chars(value) } else { shown_chars(value) })
            .sum(),
        Value::Array(values) => values.iter().map(shown_chars).sum(),
        _ => 0,
    }
}

/// PagerDuty's published bounds.
fn check_pagerduty(event: &Value) {
    assert!(event.to_string().len() <= 512 << 10);
    assert!((1..=255).contains(&chars(&event["dedup_key"])));
    let action = event["event_action"].as_str().unwrap();
    assert!(matches!(action, "trigger" | "acknowledge" | "resolve"));
    assert_eq!(event.get("payload").is_some(), action == "trigger");
    let Some(payload) = event.get("payload") else { return };
    assert!((1..=1_024).contains(&chars(&payload["summary"])));
    assert!(!payload["source"].as_str().unwrap().trim().is_empty());
    assert!(matches!(payload["severity"].as_str(), Some("critical" | "error" | "warning" | "info")));
    assert!(
        payload
            .get("timestamp")
            .is_none_or(|time| chrono::DateTime::parse_from_rfc3339(time.as_str().unwrap()).is_ok())
    );
}

#[test]
fn payloads_keep_the_bounds_that_their_vendors_publish() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("s"), "0123456789abcdef0123456789abcdef").unwrap();
    std::fs::write(dir.path().join("w"), "https://hooks.slack.example/services/T0/B0/x").unwrap();
    let secret = |name: &str| format!("file:{}", dir.path().join(name).display());
    let scenes = scenes();
    let slack = payloads::<slack::SlackSettings>(&scenes, json!({"webhook": secret("w")}));
    let bot = payloads::<slack::SlackSettings>(&scenes, json!({"token": secret("s"), "channel": "C0123456789"}));
    let pagerduty = payloads::<pagerduty::PagerDuty>(&scenes, json!({"routing_key": secret("s")}));
    slack.iter().chain(&bot).for_each(check_slack);
    pagerduty.iter().for_each(check_pagerduty);
    assert!(slack.len() > 100 && bot.len() > 100 && pagerduty.len() > 100);
    keep("slack", &[slack, bot].concat());
    keep("pagerduty", &pagerduty);
}

/// Writes payloads where `make payloads` wants them.
fn keep(name: &str, payloads: &[Value]) {
    let Some(folder) = std::env::var_os("TACHOGRAPH_PAYLOADS") else { return };
    let mut lines = String::new();
    for payload in payloads {
        writeln!(lines, "{payload}").unwrap();
    }
    std::fs::write(std::path::Path::new(&folder).join(format!("{name}.jsonl")), lines).unwrap();
}

mod people;
