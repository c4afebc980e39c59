//! The bulk format, frozen, and what every answer to it means. Real receivers are in `tests/receivers.rs`.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::fixtures;
use crate::judgement::Parts;

fn sink(settings: Value) -> Result<Elasticsearch, String> {
    let mut all = json!({"url": "https://elastic.acme.example:9200/"});
    let serde_json::Value::Object(settings) = settings else { panic!("settings are an object") };
    all.as_object_mut().unwrap().extend(settings);
    serde_json::from_value::<Elasticsearch>(all).unwrap().sink()
}

fn body(settings: Value, entries: &[Value]) -> String {
    let rendered = sink(settings).unwrap().render(&fixtures::records(&fixtures::events(entries)));
    String::from_utf8(rendered.messages[0].body.clone()).unwrap()
}

#[test]
fn the_format_is_frozen() {
    let event = json!({"time": 1_763_750_000_123_456_i64, "kind": "egress.http", "host": "attacker-logger.com"});
    let expected = concat!(
        r#"{"create":{"_index":"tachograph-2025.11.21","_id":"events-0-0"}}"#,
        "\n",
        r#"{"@timestamp":"2025-11-21T18:33:20.123456Z","host":"attacker-logger.com","kind":"egress.http","position":"events/0/0","#,
        r#""recorded":"2025-11-21T00:00:00.000000Z","tachograph":{"export_seq":0,"seq":0,"stream":"events/0"},"#,
        r#""time":"2025-11-21T18:33:20.123456Z"}"#,
        "\n"
    );
    assert_eq!(body(json!({}), std::slice::from_ref(&event)), expected);
    let prefixed = body(json!({"data_stream": "logs-tachograph-default", "id_prefix": "acme-"}), &[event]);
    assert!(prefixed.starts_with(r#"{"create":{"_index":"logs-tachograph-default","_id":"acme-events-0-0"}}"#));
}

#[test]
fn a_test_has_an_id_of_its_own() {
    let mut record = fixtures::records(&fixtures::events(&[json!({"kind": "prompt"})])).remove(0);
    record.fields.insert("test", true.into());
    assert_eq!(sink(json!({})).unwrap().id(&record), "test-1763683200000000");
}

#[test]
fn the_request_is_that_of_the_bulk_api() {
    let sink = sink(json!({"gzip": false})).unwrap();
    let request = sink.payload(&Message::default(), Timestamp::EPOCH).unwrap();
    let url = request.url.expose();
    assert!(url.starts_with("https://elastic.acme.example:9200/_bulk?filter_path=errors,items.*.status,"), "{url}");
    assert_eq!(request.headers, [("content-type", "application/x-ndjson".to_owned())]);
}

#[test]
fn mistakes_are_named() {
    for (settings, says) in [
        (json!({"index": "A"}), "small letters"),
        (json!({"user": "elastic"}), "together"),
        (json!({"api_key": "env:A", "token": "env:B"}), "only one proof"),
        (json!({"id_prefix": "a b"}), "id_prefix"),
        (json!({"region": "eu-central-1"}), "access_key_id"),
        (json!({"region": "eu/central", "credentials": "environment"}), "region"),
        (json!({"region": "eu-central-1", "credentials": "environment", "token": "env:A"}), "only one proof"),
        (json!({"access_key_id": "A", "secret_access_key": "env:K"}), "region is missing"),
        (json!({"credentials": "environment"}), "region is missing"),
    ] {
        let error = sink(settings).err().unwrap();
        assert!(error.contains(says), "{error}");
    }
}

/// An answer that tells of records with these statuses and types of errors.
fn answer(items: &[(u64, &str)]) -> Response {
    let item = |(status, kind): &(u64, &str)| {
        if kind.is_empty() {
            json!({"create": {"status": status}})
        } else {
            json!({"create": {"status": status, "error": {"type": kind, "reason": "[1]: it is so"}}})
        }
    };
    let items: Vec<Value> = items.iter().map(item).collect();
    Response { status: 200, retry_after: None, body: json!({"errors": true, "items": items}).to_string() }
}

fn judged(answer: &Response, records: usize) -> Judgement {
    let sink = sink(json!({})).unwrap();
    match sink.outcomes(answer, records) {
        Some(outcomes) => Judgement::of_outcomes(outcomes, sink.after(answer), "200".to_owned()),
        None => sink.judge(answer),
    }
}

#[test]
fn every_record_has_its_outcome() {
    let conflict = (409, "version_conflict_engine_exception");
    let mapping = (400, "mapper_parsing_exception");
    let check = |items: &[(u64, &str)], holds: fn(&Judgement) -> bool| {
        let judgement = judged(&answer(items), items.len());
        assert!(holds(&judgement), "{items:?}: {judgement:?}");
    };
    check(&[(201, ""), conflict], |judgement| matches!(judgement, Judgement::Acked(_)));
    check(&[(201, ""), mapping, conflict, mapping], |judgement| match judgement {
        Judgement::Parts(Parts { refused, unnamed: 0, .. }) => {
            refused[0].1 == "400 mapper_parsing_exception: [1]: it is so" && refused[0].0 == 1 && refused[1].0 == 3
        }
        _ => false,
    });
    for later in [(429, "es_rejected_execution_exception"), (503, "unavailable_shards_exception"), (500, "x")] {
        check(&[(201, ""), later, mapping], |judgement| matches!(judgement, Judgement::Later(_)));
    }
    for park in [
        (403, "security_exception"),
        (403, "cluster_block_exception"),
        (404, "index_not_found_exception"),
        (400, "validation_exception"),
    ] {
        check(&[(201, ""), park, mapping], |judgement| matches!(judgement, Judgement::Park { .. }));
    }
    check(&[(413, "too_long")], |judgement| matches!(judgement, Judgement::Parts(_)));
}

#[test]
fn an_answer_that_does_not_tell_of_every_record_is_not_believed() {
    // Tenzir 6.20 answers one item for two actions, which halves settle.
    assert!(matches!(judged(&answer(&[(201, "")]), 2), Judgement::Split { .. }));
    assert!(matches!(judged(&answer(&[(201, ""), (201, "")]), 3), Judgement::Uncertain { .. }));
    let of = |status: u16, body: &str| judged(&Response { status, retry_after: None, body: body.to_owned() }, 1);
    for body in ["", "{}", r#"{"errors":false}"#, r#"{"items":[{}]}"#, r#"{"items":[{"create":{}}]}"#] {
        assert!(matches!(of(200, body), Judgement::Uncertain { .. }), "{body}");
    }
    assert!(matches!(of(200, &"x".repeat(ANSWER_BYTES_MAX)), Judgement::Split { .. }));
    assert!(matches!(of(413, ""), Judgement::Split { .. }));
    assert!(matches!(of(401, ""), Judgement::Park { .. }));
    assert!(matches!(of(429, ""), Judgement::Retry { .. }));
    assert!(matches!(of(502, ""), Judgement::Uncertain { .. }));
}

proptest! {
    #[test]
    fn two_lines_stand_for_each_record_whatever_is_in_it(texts in proptest::collection::vec("(?s).{0,80}", 1..20)) {
        let events: Vec<Value> = texts.iter().map(|text| json!({"kind": text, "target": text})).collect();
        let body = body(json!({}), &events);
        prop_assert!(body.ends_with('\n'));
        let lines: Vec<Value> = body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        prop_assert_eq!(lines.len(), 2 * texts.len());
        for (number, (pair, text)) in lines.chunks(2).zip(&texts).enumerate() {
            prop_assert_eq!(&pair[0]["create"]["_id"], &json!(format!("events-0-{number}")));
            prop_assert_eq!(&pair[1]["target"], &json!(text));
        }
    }
}
