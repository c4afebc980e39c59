//! The index templates of `deploy/elastic`: every field that the schema writes, with its type. The files there are made from this list;
//! a test says when they are not, and makes them anew with `UPDATE_DOCS=1`.

use std::path::{Path, PathBuf};

use ledger::{Kind, LedgerName, Table};
use serde_json::{Map, Value, json};

use super::{SPEC, VERSION};

/// How a field is indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A word, for filters and sums. What is longer than Lucene takes is kept and not indexed.
    Keyword,
    /// A sentence, for full text.
    Text,
    /// A moment.
    Date,
    /// A number.
    Long,
    /// An address.
    Ip,
    /// An object whose keys may be anything: it never makes new fields.
    Object,
}

/// The fields of ECS that are written, and those of our own that are no columns.
const FIELDS: &[(&str, Type)] = &[
    ("@timestamp", Type::Date),
    ("message", Type::Text),
    ("tags", Type::Keyword),
    ("ecs.version", Type::Keyword),
    ("event.id", Type::Keyword),
    ("event.sequence", Type::Long),
    ("event.kind", Type::Keyword),
    ("event.category", Type::Keyword),
    ("event.type", Type::Keyword),
    ("event.action", Type::Keyword),
    ("event.code", Type::Keyword),
    ("event.outcome", Type::Keyword),
    ("event.module", Type::Keyword),
    ("event.dataset", Type::Keyword),
    ("event.provider", Type::Keyword),
    ("event.severity", Type::Long),
    ("event.duration", Type::Long),
    ("event.created", Type::Date),
    ("event.ingested", Type::Date),
    ("event.start", Type::Date),
    ("event.end", Type::Date),
    ("event.reason", Type::Text),
    ("user.id", Type::Keyword),
    ("user.name", Type::Keyword),
    ("organization.name", Type::Keyword),
    ("host.id", Type::Keyword),
    ("host.name", Type::Keyword),
    ("observer.name", Type::Keyword),
    ("observer.vendor", Type::Keyword),
    ("observer.product", Type::Keyword),
    ("observer.type", Type::Keyword),
    ("rule.name", Type::Keyword),
    ("rule.version", Type::Keyword),
    ("threat.framework", Type::Keyword),
    ("threat.technique.id", Type::Keyword),
    ("threat.technique.subtechnique.id", Type::Keyword),
    ("source.bytes", Type::Long),
    ("destination.address", Type::Keyword),
    ("destination.bytes", Type::Long),
    ("destination.domain", Type::Keyword),
    ("destination.ip", Type::Ip),
    ("destination.port", Type::Long),
    ("destination.registered_domain", Type::Keyword),
    ("dns.question.name", Type::Keyword),
    ("dns.question.registered_domain", Type::Keyword),
    ("network.direction", Type::Keyword),
    ("network.transport", Type::Keyword),
    ("url.full", Type::Keyword),
    ("url.scheme", Type::Keyword),
    ("url.path", Type::Keyword),
    ("url.query", Type::Keyword),
    ("http.request.method", Type::Keyword),
    ("http.response.status_code", Type::Long),
    ("process.command_line", Type::Keyword),
    ("process.executable", Type::Keyword),
    ("process.exit_code", Type::Long),
    ("file.path", Type::Keyword),
    ("gen_ai.agent.id", Type::Keyword),
    ("gen_ai.agent.name", Type::Keyword),
    ("gen_ai.operation.name", Type::Keyword),
    ("gen_ai.system", Type::Keyword),
    ("gen_ai.request.model", Type::Keyword),
    ("gen_ai.tool.name", Type::Keyword),
    ("gen_ai.tool.call.id", Type::Keyword),
    // ECS has 32 bits for these, which a sum may exceed.
    ("gen_ai.usage.input_tokens", Type::Long),
    ("gen_ai.usage.output_tokens", Type::Long),
    ("tachograph.chain", Type::Keyword),
    ("tachograph.stream", Type::Keyword),
    ("tachograph.hashed", Type::Object),
    ("tachograph.record", Type::Object),
    ("tachograph.source_record", Type::Text),
    ("tachograph.source_stream", Type::Keyword),
    ("tachograph.time", Type::Keyword),
    ("tachograph.observed", Type::Keyword),
    ("tachograph.alert.id", Type::Keyword),
    ("tachograph.alert.state", Type::Keyword),
    ("tachograph.alert.severity", Type::Keyword),
    ("tachograph.alert.revision", Type::Long),
    ("tachograph.alert.count", Type::Long),
];

/// Every field with its type: those above, and a column of both ledgers each.
pub fn fields() -> Vec<(String, Type)> {
    let mut fields: Vec<(String, Type)> = FIELDS.iter().map(|(name, of)| ((*name).to_owned(), *of)).collect();
    for column in LedgerName::ALL.into_iter().flat_map(|ledger| Table::of(ledger).columns) {
        let name = format!("tachograph.{}", column.name);
        let of = match column.kind {
            Kind::Text if column.name == "content" => Type::Text,
            Kind::Text | Kind::TextList | Kind::Fingerprint | Kind::Bytes => Type::Keyword,
            Kind::Integer => Type::Long,
            Kind::Time => Type::Date,
        };
        let is_said = super::SAID.contains(&column.name)
            || super::TEXTS.iter().chain(super::NUMBERS).any(|(said, _)| *said == column.name);
        if !is_said && !fields.iter().any(|(known, _)| *known == name) {
            fields.push((name, of));
        }
    }
    fields
}

/// An engine that the templates are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    Elasticsearch,
    OpenSearch,
}

impl Engine {
    fn mapping(self, of: Type) -> Value {
        match (of, self) {
            // Lucene takes 32766 bytes: so many characters of any length.
            (Type::Keyword, _) => json!({"type": "keyword", "ignore_above": 8_191}),
            (Type::Text, _) => json!({"type": "match_only_text"}),
            (Type::Date, _) => json!({"type": "date"}),
            (Type::Long, _) => json!({"type": "long"}),
            (Type::Ip, _) => json!({"type": "ip", "ignore_malformed": true}),
            (Type::Object, Self::Elasticsearch) => json!({"type": "flattened", "ignore_above": 1_024}),
            // Its `flat_object` knows no `ignore_above`, and refuses a document for one long value.
            (Type::Object, Self::OpenSearch) => json!({"type": "object", "enabled": false}),
        }
    }

    fn component(self) -> Value {
        let mut mappings = json!({"dynamic": false, "date_detection": false, "properties": {}});
        for (name, of) in fields() {
            let path = name.replace('.', "/properties/");
            set(&mut mappings["properties"], &path, self.mapping(of));
        }
        let about = json!({"description": "Fields of Tachograph's schema `ecs`.", "ecs_version": VERSION, "mapping": SPEC.mapping});
        json!({"template": {"mappings": mappings}, "version": SPEC.mapping, "_meta": about})
    }
}

/// The template of plain indices: one per day, so that `_id` is unique for as long as a record may be sent again.
fn index() -> Value {
    json!({
        "index_patterns": ["tachograph-*"],
        "priority": 500,
        "composed_of": ["tachograph-ecs"],
        "template": {"settings": {"index": {"mapping": {"total_fields": {"limit": 500}}}}},
        "version": SPEC.mapping,
        "_meta": {"description": "Records of Tachograph, an index per day."},
    })
}

/// The template of data streams, by the names that Elasticsearch has for them: its own for `logs-*-*` has priority 100, and would
/// make fields of whatever a record holds.
fn data_stream() -> Value {
    let mut template = index();
    template["index_patterns"] = json!(["logs-tachograph-*"]);
    template["data_stream"] = json!({});
    template["_meta"]["description"] = "Records of Tachograph, a data stream.".into();
    template
}

fn set(at: &mut Value, path: &str, value: Value) {
    let mut at = at;
    for part in path.split('/') {
        let object = at.as_object_mut().unwrap();
        at = object.entry(part).or_insert_with(|| Value::Object(Map::new()));
    }
    *at = value;
}

fn file(engine: Engine, name: &str) -> PathBuf {
    let folder = format!("{engine:?}").to_lowercase();
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/elastic").join(folder).join(name)
}

#[test]
fn the_templates_are_those_of_deploy() {
    for engine in [Engine::Elasticsearch, Engine::OpenSearch] {
        for (name, template) in [
            ("component-template.json", engine.component()),
            ("index-template.json", index()),
            ("data-stream-template.json", data_stream()),
        ] {
            let (file, text) = (file(engine, name), format!("{}\n", serde_json::to_string_pretty(&template).unwrap()));
            if std::env::var_os("UPDATE_DOCS").is_some() {
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(&file, &text).unwrap();
            }
            let found = std::fs::read_to_string(&file).unwrap_or_default();
            assert_eq!(found, text, "{}: UPDATE_DOCS=1 makes it anew", file.display());
        }
    }
}

#[test]
fn no_field_stands_twice_or_below_another() {
    let fields = fields();
    for (number, (name, _)) in fields.iter().enumerate() {
        let clashes = |(other, _): &&(String, Type)| other == name || other.starts_with(&format!("{name}."));
        let clash = fields.iter().enumerate().find(|(at, field)| *at != number && clashes(field));
        assert!(clash.is_none(), "{name}: {clash:?}");
    }
}
