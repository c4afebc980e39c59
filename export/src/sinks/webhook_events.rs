//! `webhook_events`: every record to any HTTP receiver, as Standard Webhooks describes it. Alerts for people are the sink `webhook`.
//!
//! The id of a message follows from its body, so that what is sent again has the same one; the timestamp, and the signature over both and
//! it, belong to the attempt.

use std::borrow::Cow;
use std::time::Duration;

use ledger::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::webhook::sign;
use crate::capabilities::Capabilities;
use crate::connections::http::{Http, Request, Response};
use crate::connections::{Connection, Reach};
use crate::hash::sha256;
use crate::judgement::Judgement;
use crate::message::{BatchLimits, Message, Rendered};
use crate::record::Record;
use crate::sink::{Class, Settings, Sink, SinkSpec, check_url};
use crate::streams::cut::{fit_value, short_text};
use crate::streams::fields::time;
use crate::streams::pack::{Shape, object, pack, string};
use crate::streams::{Kept, Stream};
use operations::secret::{Secret, SecretError};

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "webhook_events",
    what: "Every record to any HTTP receiver by the specification Standard Webhooks, signed with HMAC-SHA256 or Ed25519.",
    guarantee: "Effectively once at a receiver that remembers webhook-id, or the id of each record; at least once at others, and then duplicates and losses can \
                be counted by stream and export_seq. Records that are longer than `body_bytes` (20,000) are cut and say so.",
    class: Class::Stream(crate::sink::stream::<WebhookEvents>),
    example: "url = \"https://hooks.acme.example/events\"\nsecret = \"env:WEBHOOK_SECRET\"",
    fields: crate::sink::fields::<WebhookEvents>,
    schema: crate::sink::schema::<WebhookEvents>,
};

/// Records in one message.
const BATCH_RECORDS_MAX: usize = 500;
/// Bytes of a body that Standard Webhooks advises.
const BODY_BYTES: usize = 20_000;
/// The least and the most that the settings may say.
const BODY_BYTES_BOUNDS: std::ops::RangeInclusive<usize> = 4_096..=1_000_000;
/// The longest name of a kind.
const KIND_BYTES_MAX: usize = 256;
/// What a body and a record have beside what is said, at the most.
const ENVELOPE_BYTES_MAX: usize = 1_024;

/// The settings.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WebhookEvents {
    /// The address of the receiver.
    url: String,
    /// The secrets, separated by white space: `whsec_…` for HMAC-SHA256, `whsk_…` for Ed25519. Each signs, so that one can replace another.
    secret: Secret,
    /// Bytes of one body.
    #[schemars(range(min = 4_096, max = 1_000_000))]
    #[serde(default = "body_bytes")]
    body_bytes: usize,
}

fn body_bytes() -> usize {
    BODY_BYTES
}

impl WebhookEvents {
    fn fitted<'a>(&self, record: &'a Record) -> Cow<'a, str> {
        fit_value(&record.said, self.body_bytes - ENVELOPE_BYTES_MAX)
    }

    fn event(&self, record: &Record) -> String {
        let fitted = self.fitted(record);
        let text = if record.said.is_json { fitted.into_owned() } else { string(&fitted) };
        object(&[
            ("id", &string(&record.position.to_string())),
            ("stream", &string(&record.stream())),
            ("seq", &record.position.seq.to_string()),
            ("export_seq", &record.export_seq.to_string()),
            ("kind", &string(short_text(record.kind(), KIND_BYTES_MAX / 6))),
            ("record", &text),
        ])
    }
}

impl Settings for WebhookEvents {
    type Sink = Self;

    fn sink(self) -> Result<Self, String> {
        check_url("url", &self.url)?;
        if BODY_BYTES_BOUNDS.contains(&self.body_bytes) {
            return Ok(self);
        }
        Err(format!("body_bytes must be {} to {}", BODY_BYTES_BOUNDS.start(), BODY_BYTES_BOUNDS.end()))
    }
}

impl Sink for WebhookEvents {
    type Protocol = Http;

    fn limits(&self) -> BatchLimits {
        BatchLimits { records: BATCH_RECORDS_MAX, burst: 1, interval: Duration::ZERO }
    }

    fn connect(&self, reach: &Reach) -> Result<Box<dyn Connection<Http>>, String> {
        Http::connect(reach)
    }

    fn payload(&self, message: &Message, now: Timestamp) -> Result<Request, SecretError> {
        let mut digest = sha256(&message.body);
        digest.truncate(32);
        sign::request(&self.url, &self.secret, &format!("msg_{digest}"), now, &message.body)
    }

    /// 410 says that nobody is there any more; a redirection is not followed.
    fn judge(&self, answer: &Response) -> Judgement {
        answer.judge_status()
    }

    fn capabilities(&self) -> Capabilities<'_, Http> {
        Capabilities::default()
    }
}

impl Stream for WebhookEvents {
    fn kept<'a>(&self, record: &'a Record) -> Kept<'a> {
        Kept::fitted(self.fitted(record))
    }

    fn render(&self, records: &[Record]) -> Rendered {
        let first = records.first().map_or(Timestamp::EPOCH, |record| record.recorded);
        let open = format!("{{\"type\":\"events\",\"timestamp\":{},\"data\":{{\"events\":[", time(first));
        let shape = Shape {
            open: &open,
            between: ",",
            close: "]}}",
            bytes_max: self.body_bytes,
            records_max: BATCH_RECORDS_MAX,
        };
        pack(records, &shape, |record, body| body.extend_from_slice(self.event(record).as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures;

    fn sink(settings: Value) -> Result<WebhookEvents, String> {
        let mut all = json!({"url": "https://hooks.acme.example", "secret": "env:S"});
        let serde_json::Value::Object(settings) = settings else { panic!("settings are an object") };
        all.as_object_mut().unwrap().extend(settings);
        serde_json::from_value::<WebhookEvents>(all).unwrap().sink()
    }

    #[test]
    fn the_format_is_frozen() {
        let records = fixtures::records(&fixtures::events(&[json!({"kind": "prompt"})]));
        let body = sink(json!({})).unwrap().render(&records).messages.remove(0).body;
        let expected = concat!(
            r#"{"type":"events","timestamp":"2025-11-21T00:00:00.000000Z","data":{"events":[{"id":"events/0/0","stream":"events/0","seq":0,"#,
            r#""export_seq":0,"kind":"prompt","record":{"kind":"prompt","position":"events/0/0","recorded":"2025-11-21T00:00:00.000000Z","#,
            r#""tachograph":{"export_seq":0,"seq":0,"stream":"events/0"}}}]}}"#
        );
        assert_eq!(String::from_utf8(body).unwrap(), expected);
    }

    #[test]
    fn the_id_is_that_of_the_body_and_the_signature_that_of_the_attempt() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("s"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let sink = sink(json!({"secret": format!("file:{}", dir.path().join("s").display())})).unwrap();
        let rendered = sink.render(&fixtures::records(&fixtures::events(&[json!({"kind": "prompt"})])));
        let header = |seconds: i64, name: &str| {
            let request =
                sink.payload(&rendered.messages[0], Timestamp::from_unix_micros(seconds * 1_000_000)).unwrap();
            request.headers.into_iter().find(|(known, _)| *known == name).unwrap().1
        };
        assert_eq!(header(1, "webhook-id"), header(2, "webhook-id"));
        assert_ne!(header(1, "webhook-signature"), header(2, "webhook-signature"));
        assert!(!header(1, "webhook-id").contains('.'));
    }

    #[test]
    fn a_body_keeps_its_bound_whatever_a_record_holds() {
        let event = json!({"kind": "\u{1}".repeat(900), "target": "\u{1}".repeat(30_000), "path": "x".repeat(9_000)});
        let records = fixtures::records(&fixtures::events(&vec![event; 9]));
        for bytes in [4_096, 20_000, 1_000_000] {
            let rendered = sink(json!({"body_bytes": bytes})).unwrap().render(&records);
            let body = &rendered.messages[0].body;
            assert!(body.len() <= bytes, "{} of {bytes}", body.len());
            serde_json::from_slice::<Value>(body).unwrap();
        }
        assert!(sink(json!({"body_bytes": 100})).err().unwrap().contains("4096 to 1000000"));
    }
}
