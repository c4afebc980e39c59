//! `leef`: a line of IBM's Log Event Extended Format, version 2.0, for QRadar.
//!
//! Pairs stand apart by a tab, as the header says. LEEF has no escape: what would end a value or a line becomes a blank. A backslash
//! becomes `⧵` and quotation marks become `”` and `’`, since one reader takes `\n` for a line break and looks for no tab within quotation marks, which
//! IBM's text does not. Whatever column has no attribute of IBM's list goes by its own name, since a sender may name its own.

use super::kinds;
use super::lines::{Breaks, MAKER, Pairs, text, word};
use super::{Context, Place, Said, SchemaSpec, parts, severity};
use crate::record::{Body, Record};
use crate::streams::fields::time;

/// What the reference says.
pub static SPEC: SchemaSpec = SchemaSpec {
    name: "leef",
    what: "A line of IBM's Log Event Extended Format (LEEF 2.0) for QRadar, of at most 8 KiB; `exportSeq` counts `exportStream` without gaps.",
    mapping: 1,
    is_json: false,
    says_leaf: false,
    place,
    say,
    say_row: None,
};

/// The version of the mapping, which stands in the header: that of the program would change lines that are sent again.
const VERSION: &str = "1";

/// The columns that have an attribute of IBM's list.
const COLUMNS: &[(&str, &str)] = &[
    ("user", "usrName"),
    ("port", "dstPort"),
    ("bytes_out", "srcBytes"),
    ("bytes_in", "dstBytes"),
    ("rule", "policy"),
    ("target", "resource"),
    // `domain` of the list is that of the user.
    ("domain", "dstDomain"),
];

/// The columns that other attributes are made from, or that say where the record stands.
const MADE: &[&str] = &["position", "time", "kind", "host", "path", "record"];

/// The longest value, in characters.
const VALUE_CHARS_MAX: usize = 2_048;

/// Where a record belongs. No value holds the tabulator that stands between pairs.
fn place(text: &str) -> Option<Place> {
    let value = |key: &str| text.split('\t').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
    Place::of(value("eventId")?, value("exportSeq")?.parse().ok()?, value("exportStream")?)
}

fn say(record: &Record, context: &Context<'_>) -> Said {
    let head = format!("LEEF:2.0|{MAKER}|{VERSION}|{}|x09|", word(record.kind()));
    Said::line(pairs(record, context).line(&head, "\t", written))
}

/// A value as a line holds it. An equals sign is no harm: a reader splits at the first one.
fn written(key: &str, value: &str) -> String {
    // The pattern of the time is ours, and its quotation marks are a pair.
    if key == "devTimeFormat" {
        value.to_owned()
    } else {
        value.replace('\\', "⧵").replace('"', "”").replace('\'', "’")
    }
}

fn pairs(record: &Record, context: &Context<'_>) -> Pairs {
    let mut pairs = Pairs::new(Breaks::Blank);
    let moment = time(parts::moment(record));
    // Milliseconds are all that the pattern says.
    let moment = moment.as_str().and_then(|text| text.get(..23)).map(|text| format!("{text}Z"));
    pairs.text("devTime", moment.as_deref(), 63);
    pairs.fact("devTimeFormat", "yyyy-MM-dd'T'HH:mm:ss.SSSX");
    pairs.fact("cat", kinds::what(record).category());
    pairs.number("sev", Some(i64::from(severity::cef(severity::of(record)))));
    pairs.fact("eventId", &record.position.to_string());
    pairs.fact("exportStream", context.chain);
    pairs.number("exportSeq", i64::try_from(record.export_seq).ok());
    pairs.fact("title", &kinds::title(record));
    pairs.text("identHostName", record.host.as_deref(), 255);
    let address = parts::address(record).map(|address| address.to_string());
    pairs.text("dst", address.as_deref(), 63);
    pairs.text("dstHost", parts::name(record), 255);
    pairs.text("url", parts::url(record).as_deref(), VALUE_CHARS_MAX);
    match &record.body {
        Body::Alert(alert) => {
            for (column, key) in COLUMNS {
                pairs.text(*key, parts::text(record, column), VALUE_CHARS_MAX);
            }
            for column in ["org", "team", "agent", "session", "workspace", "method", "model", "tool"] {
                pairs.text(column, parts::text(record, column), VALUE_CHARS_MAX);
            }
            pairs.fact("state", alert.state.as_str());
            pairs.number("revision", Some(i64::from(alert.revision)));
            pairs.number("count", i64::try_from(alert.count).ok());
            pairs.text("techniques", Some(&alert.tags.join(",")), VALUE_CHARS_MAX);
            pairs.text("msg", Some(&format!("{}: {}", alert.title, alert.reason)), VALUE_CHARS_MAX);
        }
        Body::Event => columns(record, &mut pairs),
        Body::Operation | Body::Action(_) => {
            columns(record, &mut pairs);
            pairs.text("msg", record.fields.get("record").map(text).as_deref(), VALUE_CHARS_MAX);
        }
    }
    pairs
}

/// Every other column of a row.
fn columns(record: &Record, pairs: &mut Pairs) {
    let is_operation = record.body != Body::Event;
    for (column, field) in record.fields.iter() {
        let key = match column {
            made if MADE.contains(&made) => continue,
            "actor" if is_operation => "usrName",
            "subject" => "resource",
            name => COLUMNS.iter().find(|(column, _)| *column == name).map_or(name, |(_, key)| key),
        };
        match field.as_integer() {
            Some(number) => pairs.number(one_word(key), Some(number)),
            None => pairs.text(one_word(key), Some(&text(field)), VALUE_CHARS_MAX),
        }
    }
    // A path without a host makes no URL.
    if parts::url(record).is_none() {
        pairs.text("path", record.text("path"), VALUE_CHARS_MAX);
    }
}

/// The name of a column as a name of a sender's own is written: letters and digits only.
fn one_word(column: &str) -> String {
    let mut parts = column.split('_');
    let mut word = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut letters = part.chars();
        word.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        word.push_str(letters.as_str());
    }
    word
}

#[cfg(test)]
mod tests;
