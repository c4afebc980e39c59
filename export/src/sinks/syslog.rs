//! `syslog`: events, alerts and administration as messages of RFC 5424 over TCP, with TLS as RFC 5425 describes it or without.
//!
//! The message is the record as JSON. Its position and number stand in it, so losses and duplicates can be counted where it
//! arrives. Syslog knows no acknowledgement: a batch is done when the receiver read all of it and closed the connection.

use std::time::Duration;

use ledger::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capabilities::Capabilities;
use crate::connections::tcp::{Closed, Frames, Framing, Tcp};
use crate::connections::{Connection, Reach};
use crate::judgement::{Ack, Judgement};
use crate::message::{BatchLimits, Message, Rendered};
use crate::record::Record;
use crate::schemas::severity;
use crate::sink::{Class, Settings, Sink, SinkSpec};
use crate::streams::Stream;
use crate::streams::fields::time;
use operations::secret::SecretError;

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "syslog",
    what: "Events, alerts and administration as syslog messages (RFC 5424, JSON) over TLS or TCP.",
    guarantee: "At least once as far as syslog can say it: a batch is done when the receiver read all of it and closed the connection, with TLS by a \
                `close_notify`; whether it stored it, no receiver of syslog says. Duplicates and losses can be counted by `tachograph.stream` and \
                `tachograph.export_seq` in the JSON. Receivers cut messages that are longer than they are set up for (rsyslog: `maxMessageSize`).",
    class: Class::Stream(crate::sink::stream::<Syslog>),
    example: "server = \"syslog.acme.example\"",
    fields: crate::sink::fields::<Syslog>,
    schema: crate::sink::schema::<Syslog>,
};

/// Bytes of one batch.
const BODY_BYTES_MAX: usize = 1_000_000;
/// Messages of one batch.
const BATCH_RECORDS_MAX: usize = 500;
/// The longest host name in a header,
const HOST_CHARS_MAX: usize = 255;
/// and the longest message id.
const ID_CHARS_MAX: usize = 32;

/// The settings.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Syslog {
    /// The name or the address of the receiver.
    server: String,
    /// Its port; without it 6514 with TLS, 514 without TLS.
    #[serde(default)]
    port: Option<u16>,
    /// Whether the connection is encrypted.
    #[serde(default = "yes")]
    tls: bool,
    /// How messages are told apart; `lines` is for receivers that want a line each.
    #[serde(default)]
    framing: Framing,
    /// The facility of every message; 13 is the audit log.
    #[schemars(range(max = 23))]
    #[serde(default = "audit_log")]
    facility: u8,
}

fn yes() -> bool {
    true
}

fn audit_log() -> u8 {
    13
}

impl Syslog {
    /// One message: `<PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID SD MSG`.
    fn message(&self, record: &Record) -> String {
        let priority = u16::from(self.facility) * 8 + u16::from(severity::syslog(severity::of(record)));
        let moment = time(record.time);
        let moment = moment.as_str().unwrap_or("-");
        let host = header(record.host.as_deref(), HOST_CHARS_MAX);
        let id = header(Some(record.kind()), ID_CHARS_MAX);
        format!("<{priority}>1 {moment} {host} tachograph - {id} - {}", record.said.text)
    }
}

/// A field of the header: printable ASCII without spaces, or a hyphen if there is nothing to say.
fn header(text: Option<&str>, chars_max: usize) -> String {
    let plain = |c: char| if c.is_ascii_graphic() { c } else { '_' };
    let field: String = text.unwrap_or_default().chars().take(chars_max).map(plain).collect();
    if field.is_empty() { "-".to_owned() } else { field }
}

impl Settings for Syslog {
    type Sink = Self;

    fn sink(self) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
        if self.server.is_empty() || !self.server.chars().all(plain) {
            return Err("server must be a host name or an address".to_owned());
        }
        if self.facility > 23 {
            return Err(format!("facility is {}; it must be 0 to 23", self.facility));
        }
        Ok(self)
    }
}

impl Sink for Syslog {
    type Protocol = Tcp;

    fn limits(&self) -> BatchLimits {
        BatchLimits { records: BATCH_RECORDS_MAX, burst: 1, interval: Duration::ZERO }
    }

    fn connect(&self, reach: &Reach) -> Result<Box<dyn Connection<Tcp>>, String> {
        Tcp::connect(reach, self.tls)
    }

    fn payload(&self, message: &Message, _now: Timestamp) -> Result<Frames, SecretError> {
        let port = self.port.unwrap_or(if self.tls { 6514 } else { 514 });
        Ok(Frames { host: self.server.clone(), port, bytes: message.body.clone() })
    }

    fn judge(&self, answer: &Closed) -> Judgement {
        Judgement::Acked(Ack::new(answer.to_string()))
    }

    fn capabilities(&self) -> Capabilities<'_, Tcp> {
        Capabilities::default()
    }
}

impl Stream for Syslog {
    fn render(&self, records: &[Record]) -> Rendered {
        let (mut body, mut taken) = (Vec::new(), 0);
        for record in records {
            let message = self.message(record);
            // The digits of its length are few.
            if taken > 0 && body.len() + message.len() + 16 > BODY_BYTES_MAX {
                break;
            }
            self.framing.put(&message, &mut body);
            taken += 1;
        }
        Rendered::whole(body, taken)
    }
}

#[cfg(test)]
mod tests {
    use operations::alert::Severity;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures;

    fn sink(settings: Value) -> Result<Syslog, String> {
        serde_json::from_value::<Syslog>(settings).unwrap().sink()
    }

    fn body(settings: Value, rows: &ledger::Rows) -> String {
        let rendered = sink(settings).unwrap().render(&fixtures::records(rows));
        String::from_utf8(rendered.messages[0].body.clone()).unwrap()
    }

    #[test]
    fn the_format_is_frozen() {
        let rows = fixtures::events(&[
            json!({"time": 1_763_750_000_123_456_i64, "kind": "egress.http", "workspace_name": "alice/api",
            "host": "attacker-logger.com", "content": "secret"}),
        ]);
        let message = concat!(
            "<110>1 2025-11-21T18:33:20.123456Z alice/api tachograph - egress.http - ",
            r#"{"host":"attacker-logger.com","kind":"egress.http","position":"events/0/0","recorded":"2025-11-21T00:00:00.000000Z","#,
            r#""tachograph":{"export_seq":0,"seq":0,"stream":"events/0"},"time":"2025-11-21T18:33:20.123456Z","workspace_name":"alice/api"}"#,
        );
        let server = "syslog.acme.example";
        assert_eq!(body(json!({ "server": server }), &rows), format!("{} {message}", message.len()));
        assert_eq!(body(json!({"server": server, "framing": "lines"}), &rows), format!("{message}\n"));
    }

    #[test]
    fn alerts_have_their_severity_and_everything_its_facility() {
        let alerts: Vec<Value> =
            Severity::ALL.into_iter().zip(1..).map(|(severity, number)| fixtures::alert(number, severity)).collect();
        let settings = json!({"server": "syslog.acme.example", "framing": "lines", "facility": 1});
        let body = body(settings, &fixtures::operations(&alerts));
        let priorities: Vec<&str> = body.lines().map(|line| line.split_once('>').unwrap().0).collect();
        assert_eq!(priorities, ["<14", "<13", "<12", "<11", "<10"]);
        assert!(body.lines().all(|line| line.contains(" tachograph - alert - {")), "{body}");
    }

    #[test]
    fn mistakes_are_named_and_the_port_follows_from_tls() {
        for (settings, says) in
            [(json!({"server": "a b"}), "server must be"), (json!({"server": "a", "facility": 24}), "0 to 23")]
        {
            let error = sink(settings).err().unwrap();
            assert!(error.contains(says), "{error}");
        }
        let port = |settings| sink(settings).unwrap().payload(&Message::default(), Timestamp::EPOCH).unwrap().port;
        assert_eq!(port(json!({"server": "a"})), 6514);
        assert_eq!(port(json!({"server": "a", "tls": false})), 514);
        assert_eq!(port(json!({"server": "a", "port": 1})), 1);
    }

    #[test]
    fn a_batch_stays_below_a_megabyte_unless_one_record_is_larger() {
        let event = json!({"kind": "prompt", "target": "x".repeat(30_000), "path": "y".repeat(30_000)});
        let records = fixtures::records(&fixtures::events(&vec![event; 40]));
        let rendered = sink(json!({"server": "a"})).unwrap().render(&records);
        assert!(rendered.messages[0].body.len() <= BODY_BYTES_MAX && (1..40).contains(&rendered.taken));
    }

    proptest! {
        #[test]
        fn no_record_breaks_out_of_its_message(text in "(?s).{0,300}", kind in "(?s).{0,60}") {
            let rows = fixtures::events(&[json!({"kind": kind, "workspace_name": text, "target": text})]);
            let body = body(json!({"server": "a", "framing": "lines"}), &rows);
            prop_assert_eq!(body.matches('\n').count(), 1);
            let fields: Vec<&str> = body.trim_end().splitn(8, ' ').collect();
            prop_assert!(fields[2].len() <= HOST_CHARS_MAX && fields[5].len() <= ID_CHARS_MAX);
            prop_assert!(fields[..7].iter().all(|field| !field.is_empty() && field.bytes().all(|b| b.is_ascii_graphic())));
            let json: Value = serde_json::from_str(fields[7]).unwrap();
            prop_assert_eq!(&json["target"], &json!(text));
        }
    }
}
