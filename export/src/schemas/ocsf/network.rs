//! HTTP requests, connections and questions to the DNS, and which of the three classes has what they need.

use serde_json::{Value, json};

use super::body::Source;
use super::classes::{Class, Version};
use super::columns::Columns;
use super::event::{Event, object, text};
use super::table::METHODS;
use super::who::{host, is_hostname, nowhere};

/// The class that a record has all required attributes of: a request of which nothing is known is a connection.
pub fn class(wanted: Class, columns: &Columns<'_>, version: Version) -> Class {
    let has_request = columns.text("method").is_some() || columns.text("path").is_some() || has_address(columns);
    let is_enough = match wanted {
        // Version 1.1 wants a response, too.
        Class::Http if version == Version::V1_1 => has_request && columns.count("status").is_some(),
        Class::Http => has_request,
        Class::Dns => columns.text("host").is_some_and(|host| is_hostname(host, version)),
        _ => return wanted,
    };
    if is_enough { wanted } else { Class::Network }
}

/// Sets what the class of the event says of the record.
pub fn set(source: &Source<'_>, event: &mut Event) {
    let columns = &source.columns;
    let is_inbound = source.record.kind() == "connection";
    // Whoever comes to a workspace is not known, and a resolver is not known by the name that it was asked for.
    let (from, to) = match event.class {
        _ if is_inbound => (None, source.who.endpoint()),
        Class::Dns => (source.who.endpoint(), None),
        _ => (source.who.endpoint(), destination(columns, event.version)),
    };
    match event.class {
        Class::Http => {
            // The schema lists the methods; another one is the activity's name.
            let known = columns.text("method").filter(|method| known_method(method, event.version).is_some());
            if known.is_some() {
                columns.said("method");
            }
            let request = [("http_method", text(known)), ("url", url(columns, event.version))];
            event.set("http_request", object(request).unwrap_or_else(|| json!({})));
            event.set_if("http_response", columns.take_count("status").map(|code| json!({"code": code})));
        }
        Class::Dns => event.set_if("query", columns.take("host").map(|host| json!({"hostname": host}))),
        _ => {
            let direction = if is_inbound { (1, "Inbound") } else { (2, "Outbound") };
            let protocol = text(columns.take("scheme"));
            event.set_if(
                "connection_info",
                object([
                    ("direction_id", Some(direction.0.into())),
                    ("direction", Some(direction.1.into())),
                    ("protocol_name", protocol),
                ]),
            );
        }
    }
    let must_have_both = event.version == Version::V1_1 && event.class != Class::Dns;
    let needs_from = event.version == Version::V1_1 || to.is_none();
    event.set_if("src_endpoint", from.or_else(|| needs_from.then(nowhere)));
    event.set_if("dst_endpoint", to.or_else(|| must_have_both.then(nowhere)));
    set_traffic(columns, event);
}

fn set_traffic(columns: &Columns<'_>, event: &mut Event) {
    let [sent, received] = ["bytes_out", "bytes_in"].map(|name| columns.take_count(name));
    let all = sent.zip(received).map(|(sent, received)| sent.saturating_add(received));
    let all = all.filter(|all| *all <= super::canonical::INTEGER_MAX);
    let traffic = [("bytes_out", sent), ("bytes_in", received), ("bytes", all)];
    event.set_if("traffic", object(traffic.map(|(name, bytes)| (name, bytes.map(Value::from)))));
}

/// The end of a connection that the columns name.
pub fn destination(columns: &Columns<'_>, version: Version) -> Option<Value> {
    let (member, value) = host(columns.take("host")?, version);
    let port = columns.count("port").filter(|port| *port <= i64::from(u16::MAX)).inspect(|_| columns.said("port"));
    object([(member, Some(value)), ("port", port.map(Value::from)), ("domain", text(columns.take("domain")))])
}

/// The activity of a method that the version lists.
pub fn known_method(method: &str, version: Version) -> Option<(u64, &'static str)> {
    let found = METHODS.iter().find(|(word, ..)| *word == method);
    found
        .filter(|(word, ..)| version > Version::V1_1 || *word != "PATCH")
        .map(|(_, number, caption)| (*number, *caption))
}

fn has_address(columns: &Columns<'_>) -> bool {
    columns.text("scheme").is_some() && columns.text("host").is_some()
}

/// The address of a request. It needs a path, or be whole.
fn url(columns: &Columns<'_>, version: Version) -> Option<Value> {
    let (scheme, host, path) = (columns.text("scheme"), columns.text("host"), columns.text("path"));
    let port = columns.count("port").filter(|port| *port <= i64::from(u16::MAX));
    let whole = scheme.zip(host).map(|(scheme, host)| {
        let usual = matches!((scheme, port), (_, None) | ("http", Some(80)) | ("https", Some(443)));
        let port = port.filter(|_| !usual).map(|port| format!(":{port}")).unwrap_or_default();
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        format!("{scheme}://{host}{port}{}", path.unwrap_or_default())
    });
    if whole.is_none() && path.is_none() {
        return None;
    }
    columns.all_said(&["scheme", "path"]);
    if whole.is_some() && columns.text("target") == whole.as_deref() {
        columns.said("target");
    }
    let (path, query) = match path.and_then(|path| path.split_once('?')) {
        Some((path, query)) => (Some(path), Some(query)),
        None => (path, None),
    };
    object([
        ("url_string", whole.map(Value::from)),
        ("scheme", text(scheme)),
        ("hostname", text(host.filter(|host| is_hostname(host, version)))),
        ("port", port.map(Value::from)),
        ("path", text(path)),
        ("query_string", text(query)),
    ])
}
