//! `syslog`: events, alerts and administration as messages of RFC 5424 over TLS (RFC 5425), TCP (RFC 6587) or UDP (RFC 5426).
//!
//! The message is the record in the sink's schema. Its position and number stand in the structured data, so losses and duplicates can be
//! counted where it arrives. Syslog knows no acknowledgement: over TCP and TLS a batch is done when the receiver read all of it and closed
//! the connection, over UDP when it left.

use std::time::Duration;

use ledger::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capabilities::Capabilities;
use crate::connections::frames::{Carried, Framed, Frames, Framing, Transport};
use crate::connections::tcp::TcpConnection;
use crate::connections::udp::UdpConnection;
use crate::connections::{Connection, Reach, check_host};
use crate::judgement::{Ack, Judgement};
use crate::limits::DATAGRAM_BYTES_MAX;
use crate::message::{BatchLimits, Message, Rendered};
use crate::record::Record;
use crate::sink::{Class, Settings, Sink, SinkSpec};
use crate::streams::rfc5424::{Facility, message};
use crate::streams::{Stream, body};
use operations::secret::SecretError;

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "syslog",
    what: "Events, alerts and administration as syslog messages (RFC 5424) over TLS, TCP or UDP; docs/destinations/syslog.md has what to paste into rsyslog and \
           syslog-ng. For a promise that syslog can keep, see `relp`.",
    guarantee: "Over TLS and TCP at least once as far as syslog can say it: a batch is done when the receiver read all of it and closed the connection, with TLS by a \
                `close_notify`; whether it stored it, no receiver of syslog says. Over UDP best effort: what left may be lost, and nobody learns of it; a message longer \
                than `datagram_bytes` is a dead letter. Losses and duplicates can be counted by `stream` and `export_seq` in the structured data \
                `tachograph@32473`, whatever the schema. Receivers cut messages that are longer than they are set up for (rsyslog: `maxMessageSize`).",
    class: Class::Stream(crate::sink::stream::<Syslog>),
    example: "server = \"syslog.acme.example\"",
    fields: crate::sink::fields::<Syslog>,
    schema: crate::sink::schema::<Syslog>,
};

/// Bytes of one batch.
const BODY_BYTES_MAX: usize = 1_000_000;
/// Messages of one batch.
const BATCH_RECORDS_MAX: usize = 500;
/// The least that every receiver of UDP takes over IPv4 (RFC 5426, 3.2).
const DATAGRAM_BYTES_MIN: usize = 480;

/// The settings.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Syslog {
    /// The name or the address of the receiver.
    server: String,
    /// Its port; without it 6514 over TLS, 514 over TCP and UDP.
    #[serde(default)]
    port: Option<u16>,
    /// What carries messages.
    #[serde(default)]
    transport: Transport,
    /// How messages are told apart over TLS and TCP; `lines` is for receivers that want a line each.
    #[serde(default)]
    framing: Framing,
    /// The facility of every message; 13 is the audit log.
    #[serde(default)]
    facility: Facility,
    /// The longest message over UDP, in bytes. A receiver must be set up for it, too.
    #[schemars(range(min = DATAGRAM_BYTES_MIN, max = DATAGRAM_BYTES_MAX))]
    #[serde(default = "datagram_bytes")]
    datagram_bytes: usize,
}

fn datagram_bytes() -> usize {
    8_192
}

impl Settings for Syslog {
    type Sink = Self;

    fn sink(self) -> Result<Self, String> {
        check_host("server", &self.server)?;
        if (self.transport, self.framing) == (Transport::Udp, Framing::Lines) {
            return Err("framing is for TLS and TCP; over UDP each message is a datagram".to_owned());
        }
        if !(DATAGRAM_BYTES_MIN..=DATAGRAM_BYTES_MAX).contains(&self.datagram_bytes) {
            return Err(format!("datagram_bytes must be {DATAGRAM_BYTES_MIN} to {DATAGRAM_BYTES_MAX}"));
        }
        Ok(self)
    }
}

impl Sink for Syslog {
    type Protocol = Framed;

    fn limits(&self) -> BatchLimits {
        BatchLimits { records: BATCH_RECORDS_MAX, burst: 1, interval: Duration::ZERO }
    }

    fn connect(&self, reach: &Reach) -> Result<Box<dyn Connection<Framed>>, String> {
        match self.transport {
            Transport::Udp => UdpConnection::connect(reach, self.datagram_bytes),
            Transport::Tls => TcpConnection::connect(reach, true),
            Transport::Tcp => TcpConnection::connect(reach, false),
        }
    }

    fn payload(&self, message: &Message, _now: Timestamp) -> Result<Frames, SecretError> {
        let port = self.port.unwrap_or(if self.transport == Transport::Tls { 6514 } else { 514 });
        Ok(Frames { transport: self.transport, host: self.server.clone(), port, bytes: message.body.clone() })
    }

    fn judge(&self, answer: &Carried) -> Judgement {
        match answer {
            Carried::Closed { .. } | Carried::Left { .. } => Judgement::Acked(Ack::new(answer.to_string())),
            Carried::TooLong { index, .. } => Judgement::Reject { index: *index, reason: answer.to_string() },
        }
    }

    fn capabilities(&self) -> Capabilities<'_, Framed> {
        Capabilities::default()
    }
}

impl Stream for Syslog {
    fn render(&self, records: &[Record]) -> Rendered {
        let (bytes, taken) = body(records, BODY_BYTES_MAX, |record, bytes| {
            self.framing.put(&message(record, self.facility), bytes);
        });
        Rendered::whole(bytes, taken)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::connections::frames::octet_counted;
    use crate::fixtures;

    fn sink(settings: Value) -> Result<Syslog, String> {
        serde_json::from_value::<Syslog>(settings).map_err(|error| error.to_string())?.sink()
    }

    fn rendered(settings: Value, rows: &ledger::Rows) -> Rendered {
        sink(settings).unwrap().render(&fixtures::records(rows))
    }

    #[test]
    fn each_record_is_a_frame_or_a_line() {
        let rows = fixtures::events(&[json!({"kind": "note", "target": "a\nb"}), json!({"kind": "note"})]);
        let counted = rendered(json!({"server": "a"}), &rows);
        let frames: Vec<&[u8]> = octet_counted(&counted.messages[0].body).collect();
        assert!(frames.len() == 2 && frames.iter().all(|frame| frame.starts_with(b"<110>1 ")));
        let lines = rendered(json!({"server": "a", "framing": "lines"}), &rows);
        let lines: Vec<&[u8]> = lines.messages[0].body.split_inclusive(|byte| *byte == b'\n').collect();
        assert_eq!(lines, frames.iter().map(|frame| [*frame, b"\n"].concat()).collect::<Vec<_>>());
    }

    #[test]
    fn mistakes_are_named_and_the_port_follows_from_the_transport() {
        for (settings, says) in [
            (json!({"server": "a b"}), "server must be"),
            (json!({"server": "a", "facility": 24}), "0 to 23"),
            (json!({"server": "a", "transport": "udp", "framing": "lines"}), "datagram"),
            (json!({"server": "a", "datagram_bytes": 100}), "480 to"),
            (json!({"server": "a", "transport": "relp"}), "relp"),
        ] {
            let error = sink(settings).err().unwrap();
            assert!(error.contains(says), "{error}");
        }
        let port = |settings| sink(settings).unwrap().payload(&Message::default(), Timestamp::EPOCH).unwrap().port;
        assert_eq!(port(json!({"server": "a"})), 6514);
        assert_eq!(port(json!({"server": "a", "transport": "tcp"})), 514);
        assert_eq!(port(json!({"server": "a", "transport": "udp"})), 514);
        assert_eq!(port(json!({"server": "a", "port": 1})), 1);
    }

    #[test]
    fn the_setting_of_before_is_answered_with_what_to_write_now() {
        let settings = json!({"name": "s", "type": "syslog", "server": "a", "tls": false});
        let error = crate::SinkConfig::from_settings(settings.as_object().unwrap().clone()).unwrap_err();
        assert!(error.contains("transport = \"tcp\"") && error.contains("transport = \"tls\""), "{error}");
    }

    #[test]
    fn what_is_too_long_for_a_datagram_is_refused_alone() {
        let too_long = sink(json!({"server": "a", "transport": "udp"})).unwrap();
        let judged = too_long.judge(&Carried::TooLong { index: 3, bytes: 9_000 });
        assert!(matches!(judged, Judgement::Reject { index: 3, reason } if reason.contains("datagram_bytes")));
    }

    #[test]
    fn a_batch_stays_below_a_megabyte_unless_one_record_is_larger() {
        let event = json!({"kind": "prompt", "target": "x".repeat(30_000), "path": "y".repeat(30_000)});
        let rendered = rendered(json!({"server": "a"}), &fixtures::events(&vec![event; 40]));
        assert!(rendered.messages[0].body.len() <= BODY_BYTES_MAX && (1..40).contains(&rendered.taken));
    }
}
