//! A real OpenSearch of one node, made of its own artifacts out of Maven Central (`tests/opensearch/pom.xml`), on free ports of the loopback
//! address. Nothing of it is ours but the folder that it starts in.

use std::collections::BTreeSet;
use std::fs::{File, copy, create_dir_all, write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use ledger::{Kind, LedgerName, Table};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fleet::{Fleet, administration, events};
use crate::port::free_port;
use crate::{client, fetched};

/// A node that runs until this is dropped.
struct Node {
    directory: TempDir,
    child: Child,
    url: String,
}

impl Node {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (home, port) = (directory.path(), free_port());
        lay_out(home, port);
        let output = File::create(home.join("output")).unwrap();
        let at = |name: &str| {
            format!("-Dopensearch.path.{name}={}", home.join(if name == "conf" { "config" } else { "" }).display())
        };
        // It does not run as root if its native library tells it so; without the library it does not ask.
        let child = Command::new("java")
            .args(["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.security.manager=allow"])
            .args(["-Djna.nounpack=true", "-Djna.nosys=true", "-Dlog4j2.disable.jmx=true"])
            .args([at("home"), at("conf")])
            .args(["-Dopensearch.distribution.type=tar", "-Dopensearch.bundled_jdk=false", "-cp", "lib/*"])
            .arg("org.opensearch.bootstrap.OpenSearch")
            .current_dir(home)
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let mut node = Self { child, url: format!("http://127.0.0.1:{port}"), directory };
        let log = node.directory.path().join("output");
        client::wait(&node.url, &mut node.child, || std::fs::read_to_string(&log).unwrap_or_default());
        node
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        client::json(method, &format!("{}/{path}", self.url), body)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The folders of its distribution: its library, and its HTTP as the module that it is there.
fn lay_out(home: &Path, port: u16) {
    let module = home.join("modules/transport-netty4");
    for folder in [&home.join("lib"), &home.join("config"), &home.join("plugins"), &module] {
        create_dir_all(folder).unwrap();
    }
    for jar in std::fs::read_dir(fetched("opensearch", "opensearch")).unwrap() {
        let jar = jar.unwrap().path();
        let name = jar.file_name().unwrap().to_str().unwrap().to_owned();
        let is_http = name.starts_with("netty-") || name.starts_with("transport-netty4");
        if jar.extension().is_some_and(|extension| extension == "jar") {
            // Its security manager follows no links.
            copy(&jar, if is_http { module.join(name) } else { home.join("lib").join(name) }).unwrap();
        }
    }
    let descriptor = "description=Netty 4 based transport implementation\nversion=2.19.6\nname=transport-netty4\n\
        classname=org.opensearch.transport.Netty4Plugin\njava.version=11\nopensearch.version=2.19.6\nhas.native.controller=false\n";
    write(module.join("plugin-descriptor.properties"), descriptor).unwrap();
    write(module.join("plugin-security.policy"), "grant { permission java.security.AllPermission; };\n").unwrap();
    let settings = format!(
        "discovery.type: single-node\nnetwork.host: 127.0.0.1\nhttp.port: {port}\ntransport.port: {}\n\
         cluster.routing.allocation.disk.threshold_enabled: false\n",
        free_port()
    );
    write(home.join("config/opensearch.yml"), settings).unwrap();
    let logging = "appender.console.type = Console\nappender.console.name = console\nappender.console.layout.type = PatternLayout\n\
        appender.console.layout.pattern = %d %p %c %m%n\nrootLogger.level = warn\nrootLogger.appenderRef.console.ref = console\n";
    write(home.join("config/log4j2.properties"), logging).unwrap();
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
