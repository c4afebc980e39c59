//! `cef`: a line of ArcSight's Common Event Format, version 0 (implementation standard, version 26).
//!
//! Three readers were asked, and what they do not agree on is not written: a blank follows the last bar of the header (liblognorm eats
//! a character of the first key without it), no bar and no quotation mark stand in a value (one reader refuses a bar bare, another
//! escaped; to one a quotation mark hides the keys behind it), and the header has plain words only. Keys are those of the dictionary, with six texts and three numbers of our own, which have labels.

use std::net::IpAddr;

use super::kinds;
use super::lines::{Breaks, MAKER, Pairs, text, word};
use super::{Context, Place, Said, SchemaSpec, parts, severity};
use crate::record::{Body, Record};

/// What the reference says.
pub static SPEC: SchemaSpec = SchemaSpec {
    name: "cef",
    what: "A line of ArcSight's Common Event Format (CEF:0), of at most 8 KiB; `cn1` is `export_seq` and `deviceExternalId` the stream that it counts.",
    mapping: 1,
    is_json: false,
    says_leaf: false,
    place,
    say,
    say_row: None,
};

/// The version of the mapping, which stands in the header: that of the program would change lines that are sent again.
const VERSION: &str = "1";

/// The columns that have a key of the dictionary, with the most characters that it takes.
const COLUMNS: &[(&str, &str, usize)] = &[
    ("user", "suser", 1_023),
    ("user_id", "suid", 1_023),
    ("collector", "dvchost", 100),
    ("source", "sourceServiceName", 1_023),
    ("scheme", "app", 31),
    ("method", "requestMethod", 1_023),
    ("domain", "destinationDnsDomain", 255),
    ("file", "filePath", 1_023),
    ("command", "sproc", 1_023),
];

/// The columns that go where no key of the dictionary fits: a number of `cs`, its label, and the columns of which the first one counts.
const TEXTS: &[(u8, &str, &[&str])] = &[
    (1, "agent", &["agent", "agent_kind"]),
    (2, "rule", &["rule"]),
    (3, "session", &["session"]),
    (4, "action", &["action"]),
    (5, "modelOrTool", &["model", "tool"]),
    (6, "target", &["target"]),
];

/// The columns that are numbers.
const NUMBERS: &[(&str, &str)] = &[("port", "dpt"), ("bytes_in", "in"), ("bytes_out", "out")];

/// Where a record belongs. An equals sign in a value is escaped, so no value holds such a pair.
fn place(text: &str) -> Option<Place> {
    let value = |key: &str| text.split_once(&format!(" {key}="))?.1.split(' ').next();
    Place::of(value("externalId")?, value("cn1")?.parse().ok()?, value("deviceExternalId")?)
}

fn say(record: &Record, context: &Context<'_>) -> Said {
    let head = format!(
        "CEF:0|{MAKER}|{VERSION}|{}|{}|{}| ",
        word(record.kind()),
        kinds::title(record),
        severity::cef(severity::of(record))
    );
    Said::line(pairs(record, context).line(&head, " ", escaped))
}

fn pairs(record: &Record, context: &Context<'_>) -> Pairs {
    let mut pairs = Pairs::new(Breaks::Kept);
    counted(record, context, &mut pairs);
    decided(record, &mut pairs);
    for (column, key, chars_max) in COLUMNS {
        pairs.text(*key, parts::text(record, column), *chars_max);
    }
    pairs.text("shost", record.host.as_deref(), 1_023);
    match parts::address(record) {
        Some(IpAddr::V4(address)) => pairs.fact("dst", &address.to_string()),
        // `dst` of this version takes addresses of version 4 only.
        Some(IpAddr::V6(address)) => pairs.labelled("c6a3", "destination", Some(&address.to_string()), 63),
        None => pairs.text("dhost", parts::name(record), 1_023),
    }
    for (column, key) in NUMBERS {
        pairs.number(*key, parts::integer(record, column));
    }
    pairs.text("request", parts::url(record).as_deref(), 1_023);
    let service = parts::text(record, "mcp_server").or_else(|| parts::text(record, "provider"));
    pairs.text("destinationServiceName", service, 1_023);
    let client = parts::text(record, "client").or_else(|| parts::text(record, "agent_kind"));
    pairs.text("requestClientApplication", client, 1_023);
    for (number, label, columns) in TEXTS {
        let value = columns.iter().find_map(|column| parts::text(record, column));
        pairs.labelled(&format!("cs{number}"), label, value, 4_000);
    }
    said(record, &mut pairs);
    pairs
}

/// Where it stands: what a reader needs to count losses and duplicates.
fn counted(record: &Record, context: &Context<'_>, pairs: &mut Pairs) {
    pairs.fact("externalId", &record.position.to_string());
    pairs.number("rt", Some(parts::moment(record).unix_micros().div_euclid(1_000)));
    pairs.fact("deviceExternalId", context.chain);
    pairs.labelled("cn1", "exportSeq", Some(&record.export_seq.to_string()), 63);
    for (key, label, column) in [("cn2", "tokensIn", "tokens_in"), ("cn3", "tokensOut", "tokens_out")] {
        let number = parts::integer(record, column).map(|number| number.to_string());
        pairs.labelled(key, label, number.as_deref(), 63);
    }
    pairs.fact("cat", kinds::what(record).category());
}

/// What came of it.
fn decided(record: &Record, pairs: &mut Pairs) {
    let act = match record.text("outcome") {
        Some("allow") => Some("allowed"),
        Some("deny") => Some("denied"),
        Some("blocked") => Some("blocked"),
        _ => None,
    };
    pairs.text("act", act, 63);
    let outcome = kinds::success(record).map(|success| if success { "success" } else { "failure" });
    pairs.text("outcome", outcome, 63);
    // The dictionary means an error or a return code, too.
    pairs.number("reason", parts::integer(record, "status").or_else(|| parts::integer(record, "exit_code")));
}

/// What there is to say in words.
fn said(record: &Record, pairs: &mut Pairs) {
    match &record.body {
        Body::Alert(alert) => {
            pairs.text("msg", Some(&format!("{}: {}", alert.title, alert.reason)), 1_023);
            pairs.number("cnt", i64::try_from(alert.count).ok());
            pairs.number("start", Some(alert.first_seen.unix_micros().div_euclid(1_000)));
            pairs.number("end", Some(alert.last_seen.unix_micros().div_euclid(1_000)));
        }
        Body::Event => pairs.number("cnt", parts::integer(record, "amount")),
        Body::Operation | Body::Action(_) => {
            pairs.text("msg", record.fields.get("record").map(text).as_deref(), 1_023);
        }
    }
}

/// A value as an extension says it.
fn escaped(key: &str, value: &str) -> String {
    let mut escaped = String::with_capacity(value.len() + 8);
    for c in meant(key, value).chars() {
        match c {
            '\\' => escaped.push_str("\\\\"),
            '=' => escaped.push_str("\\="),
            '\n' => escaped.push_str("\\n"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A value without what no way of writing gets past every reader: the bar, and the quotation mark, within which one reader looks for
/// no further keys.
fn meant(key: &str, value: &str) -> String {
    let (bar, mark) = if key == "request" { ("%7C", "%22") } else { ("¦", "”") };
    value.replace('|', bar).replace('"', mark)
}

#[cfg(test)]
mod tests;
