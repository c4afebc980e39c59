//! `relp`: events, alerts and administration as messages of RFC 5424 over RELP, which acknowledges each. It is the one protocol of syslog
//! that can promise something.

use std::time::Duration;

use ledger::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capabilities::Capabilities;
use crate::connections::frames::{Framing, octet_counted};
use crate::connections::relp::{Messages, Relp as Protocol, RelpConnection, Transactions};
use crate::connections::{Connection, Reach, check_host};
use crate::judgement::{Ack, Judgement};
use crate::message::{BatchLimits, Message, Rendered};
use crate::record::Record;
use crate::sink::{Class, Settings, Sink, SinkSpec};
use crate::streams::rfc5424::{Facility, message};
use crate::streams::{Stream, body};
use operations::secret::SecretError;

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "relp",
    what: "Events, alerts and administration as syslog messages (RFC 5424) over RELP, the protocol of rsyslog's `imrelp` that acknowledges each message; \
           docs/destinations/relp.md has what to paste.",
    guarantee: "At least once: a record is done when the receiver acknowledged it. What had no acknowledgement when a connection broke is sent again, and only \
                that; after a crash of Tachograph the batches of the last five seconds can come once more, the same ones. What the receiver does with what it acknowledged is \
                its own promise: rsyslog acknowledges what stands in its queue, which must be one that outlives it. A record that the receiver refuses is a dead letter. \
                Losses and duplicates can be counted by `stream` and `export_seq` in the structured data `tachograph@32473`.",
    class: Class::Stream(crate::sink::stream::<Relp>),
    example: "server = \"relp.acme.example\"",
    fields: crate::sink::fields::<Relp>,
    schema: crate::sink::schema::<Relp>,
};

/// Bytes of one batch.
const BODY_BYTES_MAX: usize = 1_000_000;
/// Messages of one batch.
const BATCH_RECORDS_MAX: usize = 500;

/// The settings.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Relp {
    /// The name or the address of the receiver.
    server: String,
    /// Its port. No port is assigned to RELP; rsyslog's examples have this one.
    #[serde(default = "port")]
    port: u16,
    /// What carries messages.
    #[serde(default)]
    transport: Transport,
    /// The facility of every message; 13 is the audit log.
    #[serde(default)]
    facility: Facility,
}

/// What carries messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Transport {
    /// TCP with TLS from its first byte.
    #[default]
    Tls,
    /// TCP, not encrypted.
    Tcp,
}

fn port() -> u16 {
    2514
}

impl Settings for Relp {
    type Sink = Self;

    fn sink(self) -> Result<Self, String> {
        check_host("server", &self.server)?;
        Ok(self)
    }
}

impl Sink for Relp {
    type Protocol = Protocol;

    fn limits(&self) -> BatchLimits {
        BatchLimits { records: BATCH_RECORDS_MAX, burst: 1, interval: Duration::ZERO }
    }

    fn connect(&self, reach: &Reach) -> Result<Box<dyn Connection<Protocol>>, String> {
        RelpConnection::connect(reach, self.transport == Transport::Tls)
    }

    fn payload(&self, message: &Message, _now: Timestamp) -> Result<Messages, SecretError> {
        let texts = octet_counted(&message.body).map(<[u8]>::to_vec).collect();
        Ok(Messages { host: self.server.clone(), port: self.port, texts })
    }

    fn judge(&self, answer: &Transactions) -> Judgement {
        match &answer.refused {
            None => Judgement::Acked(Ack::new(answer.to_string())),
            Some((index, _)) => Judgement::Reject { index: *index, reason: answer.to_string() },
        }
    }

    fn capabilities(&self) -> Capabilities<'_, Protocol> {
        Capabilities::default()
    }
}

impl Stream for Relp {
    fn render(&self, records: &[Record]) -> Rendered {
        let (bytes, taken) = body(records, BODY_BYTES_MAX, |record, bytes| {
            Framing::OctetCounting.put(&message(record, self.facility), bytes);
        });
        Rendered::whole(bytes, taken)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures;

    fn sink(settings: Value) -> Result<Relp, String> {
        serde_json::from_value::<Relp>(settings).map_err(|error| error.to_string())?.sink()
    }

    #[test]
    fn each_record_is_a_message() {
        let sink = sink(json!({"server": "relp.acme.example"})).unwrap();
        let records =
            fixtures::records(&fixtures::events(&[json!({"kind": "note", "target": "a\nb"}), json!({"kind": "note"})]));
        let rendered = sink.render(&records);
        let payload = sink.payload(&rendered.messages[0], Timestamp::EPOCH).unwrap();
        let expected: Vec<Vec<u8>> =
            records.iter().map(|record| message(record, Facility::default()).into_bytes()).collect();
        assert_eq!((payload.texts, payload.port, rendered.taken), (expected, 2514, 2));
    }

    #[test]
    fn a_refusal_is_about_its_record_and_mistakes_are_named() {
        let sink_ = sink(json!({"server": "a"})).unwrap();
        let all = Transactions { acknowledged: 2, refused: None };
        assert!(matches!(sink_.judge(&all), Judgement::Acked(_)));
        let one = Transactions { acknowledged: 1, refused: Some((1, "500 no".to_owned())) };
        assert!(matches!(sink_.judge(&one), Judgement::Reject { index: 1, reason } if reason.contains("500 no")));
        assert!(sink(json!({"server": "a/b"})).unwrap_err().contains("server must be"));
        assert!(sink(json!({"server": "a", "transport": "udp"})).unwrap_err().contains("udp"));
    }
}
