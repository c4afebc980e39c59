//! Messages of syslog (RFC 5424): the header, where a record stands as structured data, and the record in the sink's schema. What carries
//! them is the sinks' business.
//!
//! The structured data is the same whatever the schema, so that losses and duplicates can be counted of lines of CEF, too.

use std::fmt::Write as _;

use schemars::JsonSchema;

use super::fields::time;
use crate::record::Record;
use crate::schemas::severity;

/// The name of our structured data: 32473 is the private enterprise number for examples (RFC 5612).
const SD_ID: &str = "tachograph@32473";
/// The longest host name in a header,
const HOST_CHARS_MAX: usize = 255;
/// and the longest message id.
const ID_CHARS_MAX: usize = 32;

/// The facility of messages, 0 to 23; 13 is the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize, JsonSchema)]
#[serde(try_from = "u8", into = "u8")]
pub struct Facility(#[schemars(range(max = 23))] u8);

impl Default for Facility {
    fn default() -> Self {
        Self(13)
    }
}

impl TryFrom<u8> for Facility {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        if number > 23 { Err(format!("facility is {number}; it must be 0 to 23")) } else { Ok(Self(number)) }
    }
}

impl From<Facility> for u8 {
    fn from(facility: Facility) -> Self {
        facility.0
    }
}

/// One message: `<PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID SD MSG`.
pub fn message(record: &Record, facility: Facility) -> String {
    let priority = u16::from(facility.0) * 8 + u16::from(severity::syslog(severity::of(record)));
    let moment = time(record.time);
    let moment = moment.as_str().unwrap_or("-");
    let host = header(record.host.as_deref(), HOST_CHARS_MAX);
    let id = header(Some(record.kind()), ID_CHARS_MAX);
    let data = data(&[
        ("id", &record.position.to_string()),
        ("stream", &record.stream()),
        ("seq", &record.position.seq.to_string()),
        ("export_seq", &record.export_seq.to_string()),
    ]);
    format!("<{priority}>1 {moment} {host} tachograph - {id} {data} {}", record.said.text)
}

/// An element of structured data. In a value `"`, `\` and `]` are escaped (6.3.3).
fn data(parameters: &[(&str, &str)]) -> String {
    let mut element = format!("[{SD_ID}");
    for (name, value) in parameters {
        // Writing to a text does not fail.
        let _ = write!(element, " {name}=\"");
        for c in value.chars() {
            if matches!(c, '"' | '\\' | ']') {
                element.push('\\');
            }
            element.push(c);
        }
        element.push('"');
    }
    element.push(']');
    element
}

/// A field of the header, or a hyphen if there is nothing to say: letters, digits and what names of machines are made of. RFC 5424 allows
/// more, but syslog-ng 3.38 understands no message whose host name has a `[` or, in some places, a `:`, and whoever names a machine could
/// so hide what it does. The name itself stands in the record.
fn header(text: Option<&str>, chars_max: usize) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | '@') { c } else { '_' };
    let field: String = text.unwrap_or_default().chars().take(chars_max).map(plain).collect();
    if field.is_empty() { "-".to_owned() } else { field }
}

#[cfg(test)]
mod tests {
    use operations::alert::Severity;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures;

    fn messages(rows: &ledger::Rows, facility: u8) -> Vec<String> {
        let facility = Facility::try_from(facility).unwrap();
        fixtures::records(rows).iter().map(|record| message(record, facility)).collect()
    }

    #[test]
    fn the_format_is_frozen() {
        let rows = fixtures::events(&[
            json!({"time": 1_763_750_000_123_456_i64, "kind": "egress.http", "workspace_name": "alice/api",
            "host": "attacker-logger.com", "content": "secret"}),
        ]);
        let message = concat!(
            r#"<110>1 2025-11-21T18:33:20.123456Z alice/api tachograph - egress.http "#,
            r#"[tachograph@32473 id="events/0/0" stream="events/0" seq="0" export_seq="0"] "#,
            r#"{"host":"attacker-logger.com","kind":"egress.http","position":"events/0/0","recorded":"2025-11-21T00:00:00.000000Z","#,
            r#""tachograph":{"export_seq":0,"seq":0,"stream":"events/0"},"time":"2025-11-21T18:33:20.123456Z","workspace_name":"alice/api"}"#,
        );
        assert_eq!(messages(&rows, 13), [message]);
    }

    #[test]
    fn alerts_have_their_severity_and_everything_its_facility() {
        let alerts: Vec<Value> =
            Severity::ALL.into_iter().zip(1..).map(|(severity, number)| fixtures::alert(number, severity)).collect();
        let messages = messages(&fixtures::operations(&alerts), 1);
        let priorities: Vec<&str> = messages.iter().map(|line| line.split_once('>').unwrap().0).collect();
        assert_eq!(priorities, ["<14", "<13", "<12", "<11", "<10"]);
        assert!(messages.iter().all(|line| line.contains(" tachograph - alert [")), "{messages:?}");
        assert!(Facility::try_from(24).unwrap_err().contains("0 to 23"));
    }

    #[test]
    fn what_would_end_structured_data_is_escaped() {
        let escaped = data(&[("stream", r#"a]b"c\d"#), ("seq", "1")]);
        assert_eq!(escaped, r#"[tachograph@32473 stream="a\]b\"c\\d" seq="1"]"#);
    }

    proptest! {
        #[test]
        fn no_record_breaks_out_of_its_message(text in "(?s).{0,300}", kind in "(?s).{0,60}") {
            let rows = fixtures::events(&[json!({"kind": kind, "workspace_name": text, "target": text})]);
            let message = messages(&rows, 13).remove(0);
            prop_assert!(!message.contains('\n'));
            let (head, said) = message.split_once("] ").unwrap();
            let fields: Vec<&str> = head.splitn(7, ' ').collect();
            prop_assert!(fields[2].len() <= HOST_CHARS_MAX && fields[5].len() <= ID_CHARS_MAX);
            prop_assert!(fields[..6].iter().all(|field| !field.is_empty() && field.bytes().all(|b| b.is_ascii_graphic() && b != b'[')));
            prop_assert!(!fields[2].contains(':'));
            prop_assert!(fields[6].starts_with("[tachograph@32473 "));
            let json: Value = serde_json::from_str(said).unwrap();
            prop_assert_eq!(&json["target"], &json!(text));
        }
    }
}
