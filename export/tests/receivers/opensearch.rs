//! The sink `elasticsearch` against a real OpenSearch of one node: what it takes, what it refuses, and what it gives back when it is asked.

use std::collections::BTreeSet;
use std::path::Path;

use ledger::{Kind, LedgerName, Table};
use serde_json::{Value, json};

use crate::fleet::{Fleet, administration, events};
use crate::{client, node};

/// A node that runs until this is dropped.
struct Node {
    url: String,
    _runs: node::Node,
}

impl Node {
    fn start() -> Self {
        let answers = |address: &str| {
            let answer = client::ask("GET", &format!("http://{address}"), "application/json", "");
            answer.is_some_and(|(status, _)| status < 500)
        };
        let runs = node::Node::start(answers);
        Self { url: format!("http://{}", runs.address), _runs: runs }
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        client::json(method, &format!("{}/{path}", self.url), body)
    }
}

#[test]
fn opensearch_has_every_record_once_and_refuses_what_does_not_fit_its_mapping() {
    let node = Node::start();
    let page = include_str!("../../../docs/destinations/elasticsearch.md");
    let template = page.split("```json").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let mut template: Value = serde_json::from_str(template).unwrap();
    // A field that our texts do not fit, so that those that have one are refused, each alone.
    template["template"]["mappings"]["properties"]["target"] = json!({"type": "date"});
    node.ask("PUT", "_index_template/tachograph", &template);
    let mut events = events(2_500);
    let bad: BTreeSet<usize> = [7, 8, 1_200, 2_499].into();
    for number in &bad {
        events[*number]["target"] = "no date".into();
    }
    let fleet = Fleet::of(&events, &administration(30));
    let settings = json!({"type": "elasticsearch", "url": node.url});
    let first = fleet.ship("first", &settings);
    println!("the first time: {} taken, {} refused, {} requests", first.count, first.rejected, first.attempts);
    let letters: BTreeSet<String> = bad.iter().map(|number| format!("events/0/{number}")).collect();
    assert_eq!(first.letters.keys().cloned().collect::<BTreeSet<_>>(), letters);
    assert!(first.letters.values().all(|reason| reason.starts_with("400 mapper_parsing_exception")), "{first:?}");
    assert_eq!((first.count, first.rejected), (2_526, 4));
    // A sink of another name starts anew, with the same ids: everything is there already.
    let second = fleet.ship("second", &settings);
    assert_eq!((second.count, second.rejected), (2_526, 4));
    node.ask("POST", "tachograph-*/_refresh", &Value::Null);
    check(&node);
    what_became_of_documents_is_named(&node, &fleet, &settings);
    a_data_stream_is_read_over_its_rollovers(&node, &fleet);
}

/// The cluster is asked itself, by what `receipts compare` asks, before and after somebody deletes, edits and copies documents.
fn what_became_of_documents_is_named(node: &Node, fleet: &Fleet, settings: &Value) {
    let whole = fleet.ask("first", settings).unwrap();
    assert!(whole.is_whole() && whole.foreign.total == 0, "{whole:?}");
    assert_eq!((whole.equal, whole.refused, whole.refused_but_there), (2_526, 4, 0), "{whole:?}");
    let ids =
        json!({"query": {"ids": {"values": ["events-0-10", "events-0-11", "events-0-12"]}}, "sort": ["position"]});
    let found = node.ask("POST", "tachograph-*/_search", &ids);
    let hits = found["hits"]["hits"].as_array().unwrap();
    let index = hits[0]["_index"].as_str().unwrap();
    node.ask("DELETE", &format!("{index}/_doc/events-0-10"), &Value::Null);
    node.ask("POST", &format!("{index}/_update/events-0-11"), &json!({"doc": {"host": "\u{1b}[2Jevil.example"}}));
    node.ask("PUT", &format!("{index}/_doc/copy"), &hits[2]["_source"]);
    node.ask("PUT", &format!("{index}/_doc/other-events-0-12"), &hits[2]["_source"]);
    node.ask("PUT", "tachograph-lab-2026.11.30/_doc/events-0-12", &hits[2]["_source"]);
    node.ask("POST", "tachograph-*/_refresh", &Value::Null);
    let found = fleet.ask("first", settings).unwrap();
    let numbers =
        |list: &[String]| list.iter().map(|name| name.split_once('(').unwrap().1.to_owned()).collect::<Vec<_>>();
    assert_eq!(numbers(&found.missing.named), ["events/0/10)"], "{found:?}");
    assert_eq!(numbers(&found.changed.named), ["events/0/11)"], "{found:?}");
    assert_eq!(numbers(&found.doubled.named), ["events/0/12), 2 times"], "{found:?}");
    // Those of another log and of another sink.
    assert_eq!(found.foreign.total, 2, "{found:?}");
    assert_eq!(found.equal, 2_523, "{found:?}");
}

/// A record that is sent again after a rollover stands in two indices of the stream.
fn a_data_stream_is_read_over_its_rollovers(node: &Node, fleet: &Fleet) {
    let template = json!({"index_patterns": ["agents-stream"], "data_stream": {}, "priority": 500,
        "template": {"mappings": {"properties": {"record": {"type": "flat_object"}}}}});
    node.ask("PUT", "_index_template/agents", &template);
    let settings = json!({"type": "elasticsearch", "url": node.url, "data_stream": "agents-stream"});
    let shipped = fleet.ship("stream", &settings);
    node.ask("POST", "agents-stream/_refresh", &Value::Null);
    let whole = fleet.ask("stream", &settings).unwrap();
    assert!(whole.is_whole() && whole.equal == shipped.count, "{whole:?}");
    let first = node.ask("POST", "agents-stream/_search", &json!({"query": {"ids": {"values": ["events-0-3"]}}}));
    node.ask("POST", "agents-stream/_rollover", &Value::Null);
    node.ask("PUT", "agents-stream/_create/events-0-3", &first["hits"]["hits"][0]["_source"]);
    node.ask("POST", "agents-stream/_refresh", &Value::Null);
    let found = fleet.ask("stream", &settings).unwrap();
    assert_eq!((found.doubled.total, found.missing.total, found.changed.total), (1, 0, 0), "{found:?}");
    let nowhere = json!({"type": "elasticsearch", "url": node.url, "data_stream": "nowhere"});
    let error = fleet.ask("stream", &nowhere).unwrap_err().to_string();
    assert!(error.contains("404"), "{error}");
}

/// What the SIEM's own search says of the records.
fn check(node: &Node) {
    let number = |field: &str| json!({"field": format!("tachograph.{field}")});
    let per_stream = json!({"a": {"min": number("export_seq")}, "b": {"max": number("export_seq")},
        "d": {"cardinality": {"field": "tachograph.export_seq", "precision_threshold": 40_000}}});
    let streams = json!({"terms": number("stream"), "aggs": per_stream});
    let found = node.ask(
        "POST",
        "tachograph-*/_search",
        &json!({"size": 1, "track_total_hits": true, "version": true, "aggs": {"streams": streams}}),
    );
    assert_eq!(found["hits"]["total"]["value"], 2_526);
    let document = &found["hits"]["hits"][0];
    let recorded = document["_source"]["recorded"].as_str().unwrap();
    let day = recorded.split('T').next().unwrap().replace('-', ".");
    assert_eq!((&document["_index"], &document["_version"]), (&json!(format!("tachograph-{day}")), &json!(1)));
    for stream in found["aggregations"]["streams"]["buckets"].as_array().unwrap() {
        let value = |name: &str| stream[name]["value"].as_f64().unwrap() as i64;
        let (lost, doubled) =
            (value("b") - value("a") + 1 - value("d"), stream["doc_count"].as_i64().unwrap() - value("d"));
        let refused = if stream["key"] == "events/0" { 3 } else { 0 };
        // The last one of those that were refused stands behind the last that is there.
        assert_eq!((lost, doubled), (refused, 0), "{stream}");
    }
}

/// The templates of the schema `ecs`, as they are shipped.
fn template(name: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/elastic/opensearch").join(name);
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// An event with odd texts in every column of texts, some of them long, and numbers and times as large and as small as they can be.
fn extreme(kind: &str, number: i64) -> Value {
    let columns = Table::of(LedgerName::Events).columns.iter();
    let mut event: Value = columns
        .filter_map(|column| {
            let times = if i64::from(column.id % 16) == number & 15 { 8_000 } else { 1 };
            let value = match column.kind {
                Kind::Text => "é\"\\\u{1}".repeat(times).into(),
                Kind::Integer | Kind::Time => number.into(),
                Kind::TextList => json!(["a", "x".repeat(times)]),
                _ => return None,
            };
            Some((column.name.to_owned(), value))
        })
        .collect();
    event["kind"] = kind.into();
    event
}

#[test]
fn opensearch_takes_every_document_of_ecs_with_the_templates_of_deploy() {
    let node = Node::start();
    let component = template("component-template.json");
    node.ask("PUT", "_component_template/tachograph-ecs", &component);
    node.ask("PUT", "_index_template/tachograph", &template("index-template.json"));
    let mut events = events(500);
    for kind in ["egress.http", "egress.dns", "model.tokens", "command", "audit", "acme.unheard_of"] {
        events.extend([i64::MAX, i64::MIN, 0].map(|number| extreme(kind, number)));
    }
    let fleet = Fleet::of(&events, &administration(30));
    let full = json!({"command": "full", "file": "full", "content": "full", "record": "full"});
    let shipment =
        fleet.ship("siem", &json!({"type": "elasticsearch", "url": node.url, "schema": "ecs", "fields": full}));
    assert_eq!((shipment.count, shipment.rejected), (548, 0), "{:?}", shipment.letters);
    node.ask("POST", "tachograph-*/_refresh", &Value::Null);
    let number = json!({"field": "event.sequence"});
    let streams = json!({"terms": {"field": "tachograph.chain"},
        "aggs": {"least": {"min": number}, "most": {"max": number}, "each": {"cardinality": number}}});
    let found = node.ask("POST", "tachograph-*/_search", &json!({"size": 0, "aggs": {"streams": streams}}));
    for stream in found["aggregations"]["streams"]["buckets"].as_array().unwrap() {
        let value = |name: &str| stream[name]["value"].as_f64().unwrap() as i64;
        let count = stream["doc_count"].as_i64().unwrap();
        assert_eq!((value("least"), value("most"), value("each")), (0, count - 1, count), "{stream}");
    }
    // No document made a field.
    for (index, of) in node.ask("GET", "tachograph-*/_mapping", &Value::Null).as_object().unwrap() {
        let properties = &component["template"]["mappings"]["properties"];
        assert_eq!(
            of["mappings"]["properties"].as_object().unwrap().len(),
            properties.as_object().unwrap().len(),
            "{index}"
        );
        assert_eq!(of["mappings"]["properties"]["tachograph"], properties["tachograph"], "{index}");
    }
}
