//! OCSF, the Open Cybersecurity Schema Framework: every kind of record as an event of a class, in three versions.
//!
//! `table` says which kind becomes which class, `classes` where each version has which attribute, `body`, `network` and `finding` what a class
//! says, `who` of whom, and `chain` links the records. What has no place in the class of the version stands under `unmapped`, the columns by
//! their own names in `unmapped.tachograph`: nothing is lost. `docs/schemas/ocsf.md` is the page about it.

mod body;
mod canonical;
mod chain;
mod classes;
mod columns;
mod event;
mod finding;
mod network;
mod table;
#[cfg(test)]
mod tests;
mod who;

use ledger::{Digest, LedgerName, Timestamp};
use serde_json::{Value, json};

use super::{Context, Place, Said, SchemaSpec, severity};
use crate::record::{Body, Record};
use body::Source;
use classes::{Class, Version};
use columns::Columns;
use event::{Event, object, text};
use table::{Activity, VERBS};
use who::Who;

/// The version of the mapping. It changes when the same record is said otherwise.
const MAPPING: u32 = 2;

/// OCSF 1.9.0.
pub static SPEC: SchemaSpec = SchemaSpec {
    name: "ocsf",
    what: "OCSF 1.9.0, with the agent, the model and the delegation, and a chain of records that the receiver's copy alone proves whole.",
    mapping: MAPPING,
    is_json: true,
    says_leaf: true,
    place,
    say: |record, context| say(record, context, Version::V1_9),
    say_row: None,
};
/// OCSF 1.8.0.
pub static SPEC_1_8: SchemaSpec = SchemaSpec {
    name: "ocsf_1_8",
    what: "OCSF 1.8.0, with agents under `unmapped` and without a chain of records.",
    mapping: MAPPING,
    is_json: true,
    says_leaf: true,
    place,
    say: |record, context| say(record, context, Version::V1_8),
    say_row: None,
};
/// OCSF 1.1.0.
pub static SPEC_1_1: SchemaSpec = SchemaSpec {
    name: "ocsf_1_1",
    what: "OCSF 1.1.0, for lakes that take no newer version; what it has no attributes for stands under `unmapped`.",
    mapping: MAPPING,
    is_json: true,
    says_leaf: true,
    place,
    say: |record, context| say(record, context, Version::V1_1),
    say_row: None,
};

/// The most characters of one value in `message`.
const MESSAGE_VALUE_CHARS_MAX: usize = 200;

/// Where a record belongs: by its id, which is its position.
fn place(text: &str) -> Option<Place> {
    Place::in_object(text, "/metadata/uid", "/metadata/sequence", "/metadata/log_name")
}

fn say(record: &Record, context: &Context<'_>, version: Version) -> Said {
    let columns = Columns::new(&record.fields);
    let row = table::find(record.position.ledger, record.kind(), &columns);
    let mut event = Event::new(version, network::class(row.class, &columns, version));
    let who = match record.position.ledger {
        LedgerName::Events => Who::of_event(&columns),
        LedgerName::Operations => Who::of_operation(&columns),
    };
    event.set("message", message(record, &columns));
    let type_uid = set_class(&mut event, row, record, &columns);
    event.set_enum("severity_id", "severity", severity::ocsf(severity::of(record)));
    event.set("time", milliseconds(record.time));
    event.set_if("duration", columns.count("duration_us").map(|micros| micros / 1_000));
    let source = Source { record, columns, row, who };
    set_rule(&mut event, &source);
    source.set(&mut event);
    source.who.set(&mut event, &source.columns);
    set_outcome(&mut event, &source);
    let observables = observables(&event);
    event.set_if("observables", (!observables.is_empty()).then_some(observables));
    finish(event, &source, type_uid, context)
}

/// The text of the event, and what the next one refers to.
fn finish(mut event: Event, source: &Source<'_>, type_uid: u64, context: &Context<'_>) -> Said {
    let version = event.version;
    let has_chain = version >= Version::V1_9;
    if has_chain {
        event.name_profile("record_integrity");
    }
    let uid = source.record.position.to_string();
    let profiles = event.profiles();
    event.set_if("metadata", metadata(&profiles, source, version));
    event.set_if("raw_data_hash", source.record.leaf.map(leaf));
    event.set_unmapped("tachograph", Value::Object(source.columns.rest()));
    let attributes = event.finish();
    if has_chain {
        let (text, link) = chain::attest(&attributes, &uid, type_uid, context);
        return Said { text, is_json: true, link: Some(link), ..Said::default() };
    }
    let mut text = String::new();
    canonical::write(&Value::Object(attributes), &mut text);
    Said { text, is_json: true, ..Said::default() }
}

/// The leaf of a record in the ledger's tree, which a proof of the ledger leads to a signed root.
fn leaf(leaf: Digest) -> Value {
    json!({"algorithm_id": 3, "algorithm": "SHA-256", "value": leaf.to_string()})
}

/// Sets class, category, activity and type, and says the type.
fn set_class(event: &mut Event, row: &table::Row, record: &Record, columns: &Columns<'_>) -> u64 {
    let names = event.class.names();
    let (activity, caption) = activity(event, row, record, columns);
    let type_uid = names.uid * 100 + activity;
    event.set_enum("activity_id", "activity_name", (activity, &caption));
    event.set_enum("class_uid", "class_name", (names.uid, names.name));
    event.set_enum("category_uid", "category_name", (event.class.category(), names.category));
    event.set("type_uid", type_uid);
    type_uid
}

/// The number of the activity, and its caption.
fn activity(event: &Event, row: &table::Row, record: &Record, columns: &Columns<'_>) -> (u64, String) {
    let own = || columns.text("action").unwrap_or(record.kind()).to_owned();
    let method = columns.text("method").unwrap_or_default();
    let (number, caption) = match row.activity {
        _ if event.class == Class::Network => flow(columns),
        Activity::Is(number, caption) => match &record.body {
            Body::Alert(alert) => finding::activity(alert.state),
            _ => (number, caption),
        },
        Activity::Other(caption) => (99, caption),
        Activity::Source => return (99, own()),
        Activity::Flow => flow(columns),
        Activity::Method => match network::known_method(method, event.version) {
            Some(known) => known,
            None if method.is_empty() => (0, "Unknown"),
            None => return (99, method.to_owned()),
        },
        Activity::Verb => {
            let mut words = table::words(columns.text("action").unwrap_or_default());
            let verb = words.find_map(|word| VERBS.iter().find(|(.., verbs)| verbs.contains(&word.as_str())));
            verb.map_or((3, "Update"), |(number, caption, _)| (*number, *caption))
        }
    };
    // A Base Event has no activities of its own.
    let number = if event.class == Class::Base { 99 } else { number };
    (number, caption.to_owned())
}

/// What a connection did.
fn flow(columns: &Columns<'_>) -> (u64, &'static str) {
    let ended = ["bytes_out", "bytes_in", "duration_us"].into_iter().any(|name| columns.integer(name).is_some());
    let ends = ["disconnected", "end", "ended", "close", "closed"];
    let is_end =
        ended || table::words(columns.text("action").unwrap_or_default()).any(|word| ends.contains(&word.as_str()));
    match columns.text("outcome") {
        Some("deny" | "blocked") => (5, "Refuse"),
        Some("error") => (4, "Fail"),
        _ if is_end => (2, "Close"),
        _ => (1, "Open"),
    }
}

/// Sets which rule decided: of a firewall on the network, and else of a policy.
fn set_rule(event: &mut Event, source: &Source<'_>) {
    if event.class == Class::Finding {
        return;
    }
    let Some(rule) = source.columns.take("rule") else { return };
    let name = if event.class.category() == 4 { "firewall_rule" } else { "policy" };
    event.set(name, json!({"name": rule}));
}

/// Sets how it ended, and whether it was allowed. How a finding stands is no outcome.
fn set_outcome(event: &mut Event, source: &Source<'_>) {
    let columns = &source.columns;
    let outcome = match (source.record.kind(), columns.record_text("decision")) {
        ("login.refused", _) | ("budget.decision", Some("denied")) => Some("deny"),
        ("budget.decision", Some("granted")) => Some("allow"),
        _ => columns.take("outcome"),
    };
    let (status, verdict) = match outcome.unwrap_or_default() {
        "" => (None, None),
        "allow" => (Some((1, "Success")), Some([(1, "Allowed"), (1, "Allowed")])),
        "success" => (Some((1, "Success")), None),
        "deny" | "blocked" => (Some((2, "Failure")), Some([(2, "Denied"), (2, "Blocked")])),
        "error" => (Some((2, "Failure")), None),
        other => (Some((99, other)), None),
    };
    event.set_if("status_code", outcome);
    if let Some(status) = status.filter(|_| event.class != Class::Finding) {
        event.set_enum("status_id", "status", status);
    }
    // Version 1.1 wants both under the profile, whatever else of it there is.
    let needs_both = event.version == Version::V1_1 && event.has("firewall_rule");
    if let Some([action, disposition]) = verdict.or_else(|| needs_both.then_some([(0, "Unknown"); 2])) {
        event.set_enum("action_id", "action", action);
        event.set_enum("disposition_id", "disposition", disposition);
    }
}

/// What analysts search for, by the places where it stands.
const OBSERVABLES: [(&str, &str, u64, &str); 8] = [
    ("dst_endpoint", "/hostname", 1, "Hostname"),
    ("dst_endpoint", "/ip", 2, "IP Address"),
    ("src_endpoint", "/ip", 2, "IP Address"),
    ("query", "/hostname", 1, "Hostname"),
    ("actor", "/user/name", 4, "User Name"),
    ("user", "/name", 4, "User Name"),
    ("http_request", "/url/url_string", 6, "URL String"),
    ("file", "/name", 7, "File Name"),
];

fn observables(event: &Event) -> Vec<Value> {
    let found = OBSERVABLES.iter().filter_map(|(attribute, pointer, number, caption)| {
        let value = event.at(attribute, pointer)?;
        let name = format!("{attribute}{}", pointer.replace('/', "."));
        Some(json!({"name": name, "type_id": number, "type": caption, "value": value}))
    });
    found.collect()
}

fn metadata(profiles: &[&str], source: &Source<'_>, version: Version) -> Option<Value> {
    let Source { record, columns, .. } = source;
    let original = (version > Version::V1_1).then(|| columns.take("source_id")).flatten();
    let tenant = match &record.body {
        Body::Alert(alert) => alert.who.org.as_deref(),
        _ => columns.take("org"),
    };
    columns.all_said(&["position", "kind"]);
    object([
        ("version", Some(version.as_str().into())),
        ("uid", Some(record.position.to_string().into())),
        ("sequence", Some(record.export_seq.into())),
        ("log_name", Some(record.stream().into())),
        ("log_provider", Some(columns.take("source").unwrap_or("tachograph").into())),
        ("logged_time", Some(milliseconds(record.recorded).into())),
        ("original_time", text(columns.take("time"))),
        ("original_event_uid", text(original)),
        ("event_code", Some(record.kind().into())),
        ("tenant_uid", text(tenant)),
        ("correlation_uid", text(columns.text("session").or_else(|| columns.text("run")))),
        ("product", Some(json!({"name": "Tachograph", "vendor_name": "Tachograph"}))),
        ("labels", Some(json!([format!("tachograph.mapping={MAPPING}")]))),
        ("profiles", Some(json!(profiles))),
    ])
}

/// One line for people: what kind it is, what was done to what, and how it ended.
fn message(record: &Record, columns: &Columns<'_>) -> String {
    if let Body::Alert(alert) = &record.body {
        return alert.title.clone();
    }
    let mut words = vec![record.kind()];
    let first = |names: &[&'static str]| names.iter().find_map(|name| columns.text(name));
    match record.position.ledger {
        LedgerName::Events => {
            words.extend(first(&["method", "action"]));
            words.extend(first(&["host", "tool", "command", "file", "target", "model"]));
            words.extend(first(&["outcome"]));
        }
        LedgerName::Operations => {
            words.extend(first(&["subject"]));
            words.extend(first(&["actor"]).into_iter().flat_map(|actor| ["by", actor]));
        }
    }
    let cut = |word: &str| match word.char_indices().nth(MESSAGE_VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &word[..end]),
        None => word.to_owned(),
    };
    words.into_iter().map(cut).collect::<Vec<_>>().join(" ")
}

/// Milliseconds since 1970, as far as every reader of JSON keeps them.
fn milliseconds(time: Timestamp) -> i64 {
    time.unix_micros().div_euclid(1_000).clamp(-canonical::INTEGER_MAX, canonical::INTEGER_MAX)
}
