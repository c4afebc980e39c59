//! Tests over the list of sinks: every one keeps the contract of rendering, reads its own example, and hides its secret.

use operations::alert::Severity;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::config::SinkConfig;
use crate::fixtures;
use crate::judgement::Judgement;
use crate::record::Record;
use crate::sink::AnySink;

/// The example of a sink as its settings. The example is `key = "value"` lines only.
fn settings(spec: &SinkSpec) -> Map<String, Value> {
    let lines = spec.example.lines().map(|line| {
        let (name, value) = line.split_once(" = ").unwrap();
        (name.to_owned(), serde_json::from_str(value).unwrap())
    });
    lines.collect()
}

fn rows() -> impl Strategy<Value = Vec<Value>> {
    let entry = (0u8..4, 0u64..50, "\\PC{0,60}", 0usize..3).prop_map(|(form, number, text, size)| match form {
        0 | 1 => fixtures::alert(number, [Severity::Low, Severity::High, Severity::Critical][size]),
        2 => json!({"kind": "token", "subject": text}),
        _ => json!({"kind": "note", "subject": text.repeat([1, 100, 2_000][size]), "from": text, "to": text}),
    });
    proptest::collection::vec(entry, 1..40)
}

#[test]
fn the_list_is_complete_and_every_example_is_read() {
    for spec in SINKS {
        assert!(
            spec.what.ends_with('.') && spec.guarantee.ends_with('.') && !spec.class.ledgers().is_empty(),
            "{}",
            spec.kind
        );
        spec.class.parse(Value::Object(settings(spec))).unwrap();
        let schema = (spec.schema)();
        let documented = schema.get("properties").unwrap().as_object().unwrap();
        let mut fields = (spec.fields)().to_vec();
        fields.sort_unstable();
        assert_eq!(documented.keys().collect::<Vec<_>>(), fields, "{}", spec.kind);
        let mut meanings = documented.values().map(|setting| setting["description"].as_str().unwrap());
        assert!(meanings.all(|meaning| meaning.ends_with('.')), "{}", spec.kind);
        let mut unknown = settings(spec);
        unknown.insert("typo".into(), json!(1));
        assert!(spec.class.parse(Value::Object(unknown)).err().unwrap().contains("typo"), "{}", spec.kind);
    }
}

/// What `sinks test --dry-run` shows of each receiver of people.
#[tokio::test]
async fn every_receiver_of_people_can_be_tried_and_its_secrets_are_masked() {
    let dir = tempfile::tempdir().unwrap();
    let place = |name: &str, text: &str| {
        std::fs::write(dir.path().join(name), text).unwrap();
        format!("file:{}", dir.path().join(name).display())
    };
    for spec in SINKS.iter().filter(|spec| spec.class.is_delivery()) {
        let mut settings = settings(spec);
        settings.insert("name".into(), json!("tried"));
        settings.insert("type".into(), json!(spec.kind));
        for (name, value) in &mut settings {
            if value.as_str().is_some_and(|value| value.starts_with("env:")) {
                let secret = match name.as_str() {
                    "webhook" | "workflow" | "secret_url" => "https://hooks.acme.example/x/hunter2",
                    "secret" => "whsec_aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMg==",
                    _ => "hunter2",
                };
                *value = place(name, secret).into();
            }
        }
        let config = SinkConfig::from_settings(settings).unwrap();
        let report = crate::test_send::test(&config, true).await.unwrap();
        assert_eq!((report.outcome, report.answer), ("dry run", None), "{}", spec.kind);
        assert!(!report.request.contains("hunter2") && !report.request.contains("aHVudGVyM"), "{}", report.request);
        assert!(report.request.len() > 100, "{}", report.request);
    }
}

/// There are no pages that a message could lead to.
#[test]
fn no_message_leads_to_a_page() {
    let mut entries: Vec<Value> = (0..4).map(|number| fixtures::alert(number, Severity::High)).collect();
    let mut worse = fixtures::alert_of(1, Severity::Critical);
    worse.revision = 2;
    entries.push(fixtures::step("alert.ack", &fixtures::alert_of(2, Severity::High)));
    entries.push(fixtures::entry_of(&worse));
    // So many that they are a digest.
    let storm: Vec<Value> = (0..60).map(|number| fixtures::alert(number, Severity::High)).collect();
    for spec in SINKS {
        let AnySink::Delivery(sink) = spec.class.parse(Value::Object(settings(spec))).unwrap() else { continue };
        for entries in [&entries, &storm] {
            let records = fixtures::alert_records(&fixtures::operations(entries));
            let messages = sink.render(&records, &fixtures::told(&[2], false)).messages;
            assert!(!messages.is_empty(), "{}", spec.kind);
            for message in messages {
                let body = String::from_utf8(message.body).unwrap();
                let leads = ["http:", "https:", "href", "client_url", "\"url\"", "generatorURL", "/alerts/"];
                assert!(leads.iter().all(|lead| !body.contains(lead)), "{}: {body}", spec.kind);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rendering_is_pure_and_what_was_taken_renders_the_same_alone(rows in rows()) {
        let (rows, outbox) = (fixtures::operations(&rows), fixtures::outbox());
        for spec in SINKS {
            let sink = spec.class.parse(Value::Object(settings(spec))).unwrap();
            let is_delivery = spec.class.is_delivery();
            let records = if is_delivery { fixtures::alert_records(&rows) } else { fixtures::records(&rows) };
            if records.is_empty() {
                continue;
            }
            let render = |records: &[Record]| match &sink {
                AnySink::Delivery(sink) => sink.render(records, &outbox),
                AnySink::Stream(sink) => sink.render(records),
            };
            let rendered = render(&records);
            prop_assert!((1..=records.len()).contains(&rendered.taken));
            prop_assert_eq!(&render(&records), &rendered);
            prop_assert_eq!(&render(&records[..rendered.taken]), &rendered, "{}", spec.kind);
            let mut told: Vec<usize> = rendered.messages.iter().flat_map(|message| message.records.clone()).collect();
            told.sort_unstable();
            let unique = told.windows(2).all(|pair| pair[0] < pair[1]) && told.last().is_none_or(|last| *last < rendered.taken);
            prop_assert!(unique, "each record stands in one message of {}", spec.kind);
        }
    }

    #[test]
    fn any_answer_is_judged(status in 100u16..600, body in "\\PC{0,80}", code in 0u64..40, at in 0usize..9) {
        for spec in SINKS {
            let sink = spec.class.parse(Value::Object(settings(spec))).unwrap();
            for body in [body.clone(), json!({"code": code, "invalid-event-number": at, "text": body}).to_string()] {
                let judgement = sink.erased().judge_text(status, body);
                prop_assert!(!matches!(judgement, Some(Judgement::Acked(_))) || (200..300).contains(&status), "{}", spec.kind);
            }
        }
    }
}
