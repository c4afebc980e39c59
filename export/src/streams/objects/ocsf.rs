//! The columns of the classes of OCSF, for Parquet. The names and types are those of the schema (<https://schema.ocsf.io>, 1.1 to 1.9: what a version
//! does not know stays empty), as far as our mapping says them; `timestamp_t` is a number of milliseconds. A table in code and not in data: a
//! crawler that finds another type in the next file gives up the table.

use arrow::datatypes::{DataType, Field, Fields};

/// An attribute of a class or an object.
struct Attribute(&'static str, Type);

/// What an attribute holds.
enum Type {
    /// `string_t` and what is made from it.
    Text,
    /// `integer_t`.
    Integer,
    /// `long_t` and `timestamp_t`.
    Long,
    /// `boolean_t`.
    Boolean,
    /// An object.
    Object(&'static [Attribute]),
    /// A list of texts.
    Texts,
    /// A list of objects.
    Objects(&'static [Attribute]),
}

const fn text(name: &'static str) -> Attribute {
    Attribute(name, Type::Text)
}

const fn integer(name: &'static str) -> Attribute {
    Attribute(name, Type::Integer)
}

const fn long(name: &'static str) -> Attribute {
    Attribute(name, Type::Long)
}

const fn boolean(name: &'static str) -> Attribute {
    Attribute(name, Type::Boolean)
}

const fn object(name: &'static str, members: &'static [Attribute]) -> Attribute {
    Attribute(name, Type::Object(members))
}

const fn objects(name: &'static str, members: &'static [Attribute]) -> Attribute {
    Attribute(name, Type::Objects(members))
}

const NAMED: &[Attribute] = &[text("name"), text("uid")];
const FINGERPRINT: &[Attribute] = &[
    text("algorithm"),
    integer("algorithm_id"),
    text("value"),
    text("encoding"),
    integer("encoding_id"),
    text("serialization"),
    integer("serialization_id"),
];
const PRODUCT: &[Attribute] = &[text("name"), text("vendor_name"), text("version"), text("uid")];
const METADATA: &[Attribute] = &[
    text("version"),
    text("uid"),
    long("sequence"),
    text("log_name"),
    text("log_provider"),
    text("log_version"),
    long("logged_time"),
    text("event_code"),
    text("original_event_uid"),
    text("original_time"),
    text("correlation_uid"),
    text("tenant_uid"),
    object("product", PRODUCT),
    Attribute("profiles", Type::Texts),
    Attribute("labels", Type::Texts),
];
const USER: &[Attribute] = &[
    text("name"),
    text("uid"),
    text("type"),
    integer("type_id"),
    text("email_addr"),
    text("domain"),
    object("org", NAMED),
    objects("groups", NAMED),
];
const SESSION: &[Attribute] =
    &[text("uid"), text("uid_alt"), text("issuer"), long("created_time"), boolean("is_remote")];
const FILE: &[Attribute] = &[
    text("name"),
    text("path"),
    text("type"),
    integer("type_id"),
    text("uid"),
    long("size"),
    text("parent_folder"),
    objects("hashes", FINGERPRINT),
];
const PARENT: &[Attribute] = &[text("name"), text("uid"), text("cmd_line"), integer("pid"), object("file", FILE)];
const PROCESS: &[Attribute] = &[
    text("name"),
    text("uid"),
    text("cmd_line"),
    integer("pid"),
    text("working_directory"),
    long("created_time"),
    long("terminated_time"),
    object("file", FILE),
    object("user", USER),
    object("parent_process", PARENT),
];
const ACTOR: &[Attribute] = &[
    object("user", USER),
    object("session", SESSION),
    object("process", PROCESS),
    text("app_name"),
    text("app_uid"),
    text("invoked_by"),
];
const ENDPOINT: &[Attribute] = &[
    text("hostname"),
    text("ip"),
    integer("port"),
    text("name"),
    text("uid"),
    text("domain"),
    text("type"),
    integer("type_id"),
    text("svc_name"),
    text("instance_uid"),
];
const DEVICE: &[Attribute] = &[
    text("hostname"),
    text("name"),
    text("uid"),
    text("type"),
    integer("type_id"),
    text("ip"),
    text("domain"),
    object("org", NAMED),
    object("os", &[text("name"), text("type"), integer("type_id"), text("version")]),
];
const URL: &[Attribute] = &[
    text("url_string"),
    text("scheme"),
    text("hostname"),
    text("domain"),
    integer("port"),
    text("path"),
    text("query_string"),
];
const HTTP_REQUEST: &[Attribute] = &[
    text("http_method"),
    object("url", URL),
    text("user_agent"),
    text("uid"),
    text("version"),
    long("length"),
    long("body_length"),
];
const HTTP_RESPONSE: &[Attribute] =
    &[integer("code"), text("message"), text("status"), long("length"), long("body_length"), long("latency")];
const API: &[Attribute] = &[
    text("operation"),
    text("version"),
    object("service", &[text("name"), text("uid"), text("version")]),
    object("request", &[text("uid")]),
    object("response", &[integer("code"), text("message"), text("error"), text("error_message")]),
];
const RESOURCES: &[Attribute] = &[text("name"), text("uid"), text("type"), text("namespace"), text("version")];
const MODEL: &[Attribute] = &[text("name"), text("ai_provider"), text("version"), text("uid")];
const AGENT: &[Attribute] = &[
    text("name"),
    text("uid"),
    text("instance_uid"),
    text("type"),
    integer("type_id"),
    text("version"),
    text("charter"),
    object("ai_model", MODEL),
];
const MESSAGE: &[Attribute] = &[
    text("uid"),
    text("name"),
    text("ai_role"),
    integer("ai_role_id"),
    text("application"),
    text("service"),
    long("prompt_tokens"),
    long("completion_tokens"),
    long("total_tokens"),
    text("prompt_text"),
    text("response_text"),
];
const RULE: &[Attribute] = &[text("name"), text("uid"), text("type"), text("desc"), text("category"), text("version")];
const POLICY: &[Attribute] = &[text("name"), text("uid"), text("desc"), text("version"), boolean("is_applied")];
const DELEGATION: &[Attribute] = &[text("uid"), text("parent_uid"), text("issuer_uid"), long("created_time")];
const ATTESTATION: &[Attribute] = &[
    text("authority_uid"),
    text("chain_uid"),
    object("prev_event", &[text("uid"), long("type_uid"), object("fingerprint", FINGERPRINT)]),
    object("fingerprint", FINGERPRINT),
];
const FINDING: &[Attribute] = &[
    text("uid"),
    text("title"),
    text("desc"),
    Attribute("types", Type::Texts),
    Attribute("data_sources", Type::Texts),
    objects("attacks", TECHNIQUE),
    long("created_time"),
    long("modified_time"),
    long("first_seen_time"),
    long("last_seen_time"),
    object("analytic", &[text("name"), text("uid"), text("type"), integer("type_id"), text("version"), text("desc")]),
    objects("related_events", &[text("uid"), long("type_uid"), text("type")]),
];
const TECHNIQUE: &[Attribute] =
    &[text("version"), object("tactic", NAMED), object("technique", NAMED), object("sub_technique", NAMED)];
const ENTITY: &[Attribute] =
    &[text("name"), text("uid"), text("type"), integer("type_id"), text("version"), object("user", USER)];

/// What every class has, with the profiles that we name.
const BASE: &[Attribute] = &[
    long("time"),
    text("time_dt"),
    integer("class_uid"),
    text("class_name"),
    integer("category_uid"),
    text("category_name"),
    integer("activity_id"),
    text("activity_name"),
    long("type_uid"),
    text("type_name"),
    integer("severity_id"),
    text("severity"),
    text("message"),
    integer("status_id"),
    text("status"),
    text("status_code"),
    text("status_detail"),
    long("count"),
    long("duration"),
    long("start_time"),
    long("end_time"),
    integer("timezone_offset"),
    object("metadata", METADATA),
    text("raw_data"),
    object("raw_data_hash", FINGERPRINT),
    objects("observables", &[text("name"), text("type"), integer("type_id"), text("value")]),
    object("actor", ACTOR),
    object("device", DEVICE),
    integer("action_id"),
    text("action"),
    integer("disposition_id"),
    text("disposition"),
    boolean("is_alert"),
    text("confidence"),
    integer("confidence_id"),
    integer("confidence_score"),
    text("risk_level"),
    integer("risk_level_id"),
    integer("risk_score"),
    object("firewall_rule", RULE),
    object("policy", POLICY),
    objects("attacks", TECHNIQUE),
    object("ai_agent", AGENT),
    object("ai_model", MODEL),
    object("delegation", DELEGATION),
    object("message_context", MESSAGE),
    objects("attestation_list", ATTESTATION),
];

const NETWORK: &[Attribute] = &[
    object("src_endpoint", ENDPOINT),
    object("dst_endpoint", ENDPOINT),
    object("proxy_endpoint", ENDPOINT),
    object(
        "connection_info",
        &[text("uid"), text("direction"), integer("direction_id"), text("protocol_name"), integer("protocol_num")],
    ),
    object("traffic", &[long("bytes"), long("bytes_in"), long("bytes_out"), long("packets")]),
    object("tls", &[text("version"), text("sni"), text("cipher")]),
    text("app_name"),
];

const EVIDENCE: &[Attribute] = &[
    text("name"),
    text("uid"),
    object("actor", ACTOR),
    object("ai_agent", AGENT),
    object("api", API),
    object("process", PROCESS),
    object("file", FILE),
    object("src_endpoint", ENDPOINT),
    object("dst_endpoint", ENDPOINT),
    object("url", URL),
    object("http_request", HTTP_REQUEST),
    text("data"),
];

/// What classes have beside: those that our mapping has, by their numbers; others have what every class has. What those of the network share
/// stands in `NETWORK`, and those of identity are one.
const CLASSES: &[(u64, &[Attribute])] = &[
    (1001, &[object("file", FILE), object("file_result", FILE), text("file_diff"), text("component")]),
    (1007, &[object("process", PROCESS), integer("exit_code")]),
    (
        1008,
        &[
            text("log_name"),
            text("log_type"),
            text("log_provider"),
            object("file", FILE),
            object("src_endpoint", ENDPOINT),
            object("dst_endpoint", ENDPOINT),
        ],
    ),
    (
        2004,
        &[
            object("finding_info", FINDING),
            text("comment"),
            text("impact"),
            integer("impact_id"),
            text("priority"),
            integer("priority_id"),
            text("verdict"),
            integer("verdict_id"),
            text("src_url"),
            objects("resources", RESOURCES),
            objects("evidences", EVIDENCE),
            object("assignee", USER),
        ],
    ),
    (
        3002,
        &[
            object("user", USER),
            object("session", SESSION),
            object("service", NAMED),
            text("auth_protocol"),
            integer("auth_protocol_id"),
            text("logon_type"),
            integer("logon_type_id"),
            boolean("is_mfa"),
            boolean("is_remote"),
            Attribute("privileges", Type::Texts),
            object("src_endpoint", ENDPOINT),
            object("dst_endpoint", ENDPOINT),
            object("http_request", HTTP_REQUEST),
        ],
    ),
    (
        3004,
        &[object("entity", ENTITY), object("entity_result", ENTITY), object("updated_entity", ENTITY), text("comment")],
    ),
    (4001, &[object("url", URL)]),
    (4002, &[object("http_request", HTTP_REQUEST), object("http_response", HTTP_RESPONSE), object("file", FILE)]),
    (
        4003,
        &[
            object("query", &[text("hostname"), text("type"), text("class"), integer("opcode_id")]),
            text("rcode"),
            integer("rcode_id"),
            objects("answers", &[text("rdata"), text("type"), integer("ttl")]),
        ],
    ),
    (6002, &[object("app", PRODUCT)]),
    (
        6003,
        &[
            object("api", API),
            objects("resources", RESOURCES),
            object("src_endpoint", ENDPOINT),
            object("dst_endpoint", ENDPOINT),
            object("http_request", HTTP_REQUEST),
            object("http_response", HTTP_RESPONSE),
        ],
    ),
];

/// The number under which a class stands in `CLASSES`.
fn listed(class: u64) -> u64 {
    match class {
        3001 | 3003 | 3005 => 3002,
        other => other,
    }
}

/// What a class has beside.
fn own(class: u64) -> Vec<&'static [Attribute]> {
    let network = matches!(class, 4001..=4003).then_some(NETWORK);
    let own = CLASSES.iter().find(|(number, _)| *number == listed(class)).map(|(_, attributes)| *attributes);
    network.into_iter().chain(own).collect()
}

/// The columns of a class: what every class has, and what is its own. There is no class 0: its columns are those that all have.
pub fn fields(class: u64) -> Vec<Field> {
    [BASE].into_iter().chain(own(class)).flat_map(columns).collect()
}

fn columns(attributes: &[Attribute]) -> Vec<Field> {
    attributes.iter().map(|Attribute(name, kind)| Field::new(*name, data_type(kind), true)).collect()
}

fn data_type(kind: &Type) -> DataType {
    let list = |item: DataType| DataType::List(Field::new_list_field(item, true).into());
    let members = |attributes: &[Attribute]| DataType::Struct(Fields::from(columns(attributes)));
    match kind {
        Type::Text => DataType::Utf8,
        Type::Integer => DataType::Int32,
        Type::Long => DataType::Int64,
        Type::Boolean => DataType::Boolean,
        Type::Object(attributes) => members(attributes),
        Type::Texts => list(DataType::Utf8),
        Type::Objects(attributes) => list(members(attributes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_class_has_a_column_twice() {
        for class in [0, 1001, 1007, 1008, 2004, 3001, 3002, 3003, 3004, 3005, 4001, 4002, 4003, 6002, 6003, 6008] {
            let fields = fields(class);
            let names: BTreeSet<&str> = fields.iter().map(|field| field.name().as_str()).collect();
            assert_eq!(names.len(), fields.len(), "{class}");
            assert!(!names.contains(super::super::columns::UNMAPPED));
        }
    }
}
