//! `splunk_hec`: events, alerts and administration to Splunk's HTTP Event Collector.
//!
//! The format is that of Splunk's "Format events for HTTP Event Collector": JSON objects that simply follow one another. With
//! indexer acknowledgement a batch has its receipt when the indexers have it on disk: Splunk says so once, and what it did
//! not say in time is sent again with the same ids. While the question cannot be asked, nothing is sent. So at most one batch
//! is doubled by each answer that gets lost, each stop of this process and each batch that Splunk is slow with; a kill doubles
//! the batches since the newest receipt.

mod search;

use std::borrow::Cow;
use std::time::Duration;

use ledger::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::capabilities::{Capabilities, Confirm, Confirmation, Confirmed};
use crate::connections::http::{Http, Request, Response};
use crate::connections::{Connection, Reach};
use crate::judgement::Judgement;
use crate::limits::{CONFIRM_TIMEOUT_MAX, IN_FLIGHT_MAX};
use crate::message::{BatchLimits, Message, Rendered};
use crate::record::{Body, Record};
use crate::schemas::plain;
use crate::sink::{Class, Settings, Sink, SinkSpec, check_url};
use crate::streams::Stream;
use crate::streams::pack::{ObjectWriter, Shape, pack};
use operations::secret::{Secret, SecretError};

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "splunk_hec",
    what: "Events, alerts and administration to Splunk's HTTP Event Collector.",
    guarantee: "At least once: from the moment that Splunk accepts a batch, or with `acknowledge = true` (indexer acknowledgement, which the \
                token must allow) from the moment that its indexers have it. Splunk knows no ids; duplicates and losses can be counted by \
                stream and export_seq. After a crash of Tachograph the batches of the last five seconds can come once more, the same ones. A batch that is not acknowledged within `acknowledge_seconds` (300) is sent again, but not while \
                Splunk cannot be asked for it. Behind a load balancer, acknowledgement needs sticky sessions.",
    class: Class::Stream(crate::sink::stream::<SplunkHec>),
    example: "url = \"https://splunk.acme.example:8088\"\ntoken = \"env:SPLUNK_HEC_TOKEN\"\nindex = \"tachograph\"",
    fields: crate::sink::fields::<SplunkHec>,
    schema: crate::sink::schema::<SplunkHec>,
};

/// Splunk takes up to 1 MB in one request whatever its edition. Objects follow one another.
const BATCH: Shape = Shape { open: "", between: "", close: "", bytes_max: 1_000_000, records_max: 500 };

/// The settings.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SplunkHec {
    /// The address of the collector, without a path.
    url: String,
    /// The HEC token.
    token: Secret,
    /// The index. Without it that of the token.
    #[serde(default)]
    index: Option<String>,
    /// `source` of every record.
    #[serde(default = "tachograph")]
    source: String,
    /// Whether bodies are compressed.
    #[serde(default = "yes")]
    gzip: bool,
    /// Whether a batch is done only when the indexers have it; the token must allow it.
    #[serde(default)]
    acknowledge: bool,
    /// Seconds after which a batch that they do not have is sent again.
    #[schemars(range(min = 1, max = 3_600))]
    #[serde(default = "acknowledge_seconds")]
    acknowledge_seconds: u64,
    /// Milliseconds before Splunk is asked first; the wait doubles up to ten seconds.
    #[schemars(range(min = 1, max = 10_000))]
    #[serde(default = "acknowledge_poll_ms")]
    acknowledge_poll_ms: u64,
    /// The channel in which acknowledgements are numbered: one for each life of the process, since Splunk may use numbers again.
    #[serde(skip, default = "channel")]
    channel: String,
}

fn acknowledge_seconds() -> u64 {
    300
}

fn acknowledge_poll_ms() -> u64 {
    500
}

/// A random UUID. Without randomness from the system there is none, and Splunk refuses the channel.
fn channel() -> String {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        return String::new();
    }
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

fn tachograph() -> String {
    "tachograph".to_owned()
}

fn yes() -> bool {
    true
}

impl SplunkHec {
    /// Appends the object of a record.
    fn event(&self, record: &Record, body: &mut Vec<u8>) {
        let sourcetype = match &record.body {
            _ if record.said.schema != plain::SPEC.name => Cow::Owned(format!("tachograph:{}", record.said.schema)),
            Body::Event => Cow::Borrowed("tachograph:event"),
            Body::Alert(_) => Cow::Borrowed("tachograph:alert"),
            Body::Operation | Body::Action(_) => Cow::Borrowed("tachograph:operation"),
        };
        let mut event = ObjectWriter::new(body);
        event.said("event", &record.said.json());
        // Indexed fields are texts. They make losses and duplicates countable without reading the events.
        let id = record.position.to_string();
        let seq = id.rsplit_once('/').map_or("", |(_, seq)| seq);
        let mut fields = event.object("fields");
        fields.member("export_seq", &record.export_seq.to_string());
        fields.member("id", &id);
        fields.member("seq", &seq);
        fields.member("stream", &record.stream());
        fields.end();
        for (name, value) in [("host", &record.host), ("index", &self.index)] {
            if let Some(value) = value {
                event.member(name, value);
            }
        }
        event.member("source", &self.source);
        event.member("sourcetype", &sourcetype);
        // A number with exactly three decimals, whatever a float would make of it.
        let millis = record.time.unix_micros().div_euclid(1_000);
        let (sign, millis) = (if millis < 0 { "-" } else { "" }, millis.unsigned_abs());
        event.said("time", &format!("{sign}{}.{:03}", millis / 1_000, millis % 1_000));
        event.end();
        body.push(b'\n');
    }

    /// A request to one of the collector's endpoints.
    fn request(&self, endpoint: &str, body: Vec<u8>) -> Result<Request, SecretError> {
        let url = format!("{}/services/collector/{endpoint}", self.url.trim_end_matches('/'));
        let request = Request::post(&url, body).header("content-type", "application/json");
        Ok(request.authorized("Splunk", self.token.read()?))
    }

    /// The answer to a 400, by Splunk's code: 5 no data, 6 invalid format, 7 wrong index, 10 no channel, 11 invalid channel, 12
    /// and 13 no event in a record, 14 acknowledgement is off, 15 invalid fields, 16 no token in the address. It says which record it is about, or whether the configuration is wrong.
    fn judge_bad_request(code: Option<u64>, invalid: Option<u64>, reason: String) -> Judgement {
        match (code, invalid) {
            // Wrong index, channel or acknowledgement settings: every record would be refused.
            (Some(7 | 10 | 11 | 14 | 16), _) => Judgement::Park { reason },
            (_, Some(index)) => Judgement::Reject { index: index as usize, reason },
            _ => Judgement::Split { reason },
        }
    }
}

impl Settings for SplunkHec {
    type Sink = Self;

    fn sink(self) -> Result<Self, String> {
        if !(1..=CONFIRM_TIMEOUT_MAX.as_secs()).contains(&self.acknowledge_seconds) {
            return Err(format!("acknowledge_seconds must be 1 to {}", CONFIRM_TIMEOUT_MAX.as_secs()));
        }
        if !(1..=10_000).contains(&self.acknowledge_poll_ms) {
            return Err("acknowledge_poll_ms must be 1 to 10000".to_owned());
        }
        check_url("url", &self.url)?;
        Ok(self)
    }
}

impl Sink for SplunkHec {
    type Protocol = Http;

    fn limits(&self) -> BatchLimits {
        BatchLimits { records: BATCH.records_max, burst: 1, interval: Duration::ZERO }
    }

    fn connect(&self, reach: &Reach) -> Result<Box<dyn Connection<Http>>, String> {
        Http::connect(reach)
    }

    fn payload(&self, message: &Message, _now: Timestamp) -> Result<Request, SecretError> {
        let request = self.request("event", message.body.clone())?.gzip(self.gzip);
        Ok(if self.acknowledge { request.header("x-splunk-request-channel", self.channel.clone()) } else { request })
    }

    fn judge(&self, answer: &Response) -> Judgement {
        let reply: Value = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
        let (code, invalid) = (reply["code"].as_u64(), reply["invalid-event-number"].as_u64());
        match answer.status {
            400 => Self::judge_bad_request(code, invalid, answer.to_string()),
            // 401 and 403: a token that is disabled (code 1), missing (2) or wrong (3, 4). 429: the queue (26) or the channel (27) is full.
            // 503: it is busy (9), unhealthy (18 to 20) or stops (23).
            _ => answer.judge_status(),
        }
    }

    fn capabilities(&self) -> Capabilities<'_, Http> {
        let confirm = self.acknowledge.then_some(self as &dyn Confirm<Http>);
        Capabilities { confirm, read_back: Some(self), ..Capabilities::default() }
    }
}

impl Stream for SplunkHec {
    fn reads_columns(&self) -> bool {
        false
    }

    fn in_flight_max(&self) -> u8 {
        IN_FLIGHT_MAX
    }

    fn render(&self, records: &[Record]) -> Rendered {
        pack(records, &BATCH, |record, body| self.event(record, body))
    }
}

impl Confirm<Http> for SplunkHec {
    fn confirmation(&self, accepted: &Response) -> Option<Confirmation> {
        if !(200..300).contains(&accepted.status) {
            return None;
        }
        let reply: Value = serde_json::from_str(&accepted.body).unwrap_or(Value::Null);
        let (wait, give_up) =
            (Duration::from_millis(self.acknowledge_poll_ms), Duration::from_secs(self.acknowledge_seconds));
        Some(Confirmation { id: reply["ackId"].as_u64(), wait, give_up })
    }

    fn question(&self, confirmation: &Confirmation) -> Result<Request, SecretError> {
        let body = json!({"acks": [confirmation.id.unwrap_or_default()]}).to_string().into_bytes();
        self.request(&format!("ack?channel={}", self.channel), body)
    }

    fn confirmed(&self, confirmation: &Confirmation, answer: &Response) -> Option<Confirmed> {
        let reply: Value = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
        match (self.judge(answer), confirmation.id) {
            // The token allows acknowledgement by now, and what it accepted before has no number.
            (Judgement::Acked(_), None) => Some(Confirmed::Lost("it was accepted without an ackId".to_owned())),
            (Judgement::Acked(_), Some(id)) => (reply["acks"][id.to_string()] == true)
                .then(|| Confirmed::Safe(format!("acknowledged by the indexers, ackId {id}"))),
            (Judgement::Retry { reason, .. } | Judgement::Uncertain { reason }, _) => {
                Some(Confirmed::Unanswered(reason))
            }
            // Splunk forgot the channel (11), and the numbers with it.
            (Judgement::Park { reason }, Some(_)) if reply["code"] == 11 => Some(Confirmed::Lost(reason)),
            (Judgement::Park { reason }, None) if reply["code"] == 14 => {
                Some(Confirmed::Park(format!("the token has no indexer acknowledgement: {reason}")))
            }
            // The question is refused, not the batch: it stays what it is.
            (Judgement::Park { reason } | Judgement::Split { reason } | Judgement::Reject { reason, .. }, _) => {
                Some(Confirmed::Park(reason))
            }
            // It never says this.
            (Judgement::Parts(parts), _) => Some(Confirmed::Park(parts.said)),
            (Judgement::Later(later), _) => Some(Confirmed::Unanswered(later.reason)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use operations::alert::Severity;

    fn sink() -> SplunkHec {
        serde_json::from_value(
            json!({"url": "https://splunk.acme.example:8088/", "token": "env:T", "index": "tachograph"}),
        )
        .unwrap()
    }

    fn body(rendered: &Rendered) -> Vec<u8> {
        rendered.messages[0].body.clone()
    }

    #[test]
    fn the_format_is_frozen() {
        let rows = fixtures::events(&[
            json!({"time": 1_763_750_000_123_456_i64, "kind": "egress.http", "workspace_name": "alice/api",
            "host": "attacker-logger.com", "content": "secret"}),
        ]);
        let body = body(&sink().render(&fixtures::records(&rows)));
        let expected = concat!(
            r#"{"event":{"host":"attacker-logger.com","kind":"egress.http","position":"events/0/0","recorded":"2025-11-21T00:00:00.000000Z","#,
            r#""tachograph":{"export_seq":0,"seq":0,"stream":"events/0"},"time":"2025-11-21T18:33:20.123456Z","#,
            r#""workspace_name":"alice/api"},"fields":{"export_seq":"0","id":"events/0/0","seq":"0","#,
            r#""stream":"events/0"},"host":"alice/api","index":"tachograph","source":"tachograph","sourcetype":"tachograph:event","#,
            r#""time":1763750000.123}"#,
            "\n"
        );
        assert_eq!(String::from_utf8(body).unwrap(), expected);
    }

    #[test]
    fn alerts_and_administration_have_their_own_sourcetypes() {
        let rows =
            fixtures::operations(&[fixtures::alert(1, Severity::High), json!({"kind": "token", "subject": "t1"})]);
        let body = String::from_utf8(body(&sink().render(&fixtures::records(&rows)))).unwrap();
        let lines: Vec<Value> = body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0]["sourcetype"], "tachograph:alert");
        assert_eq!(lines[0]["event"]["record"]["severity"], "high");
        assert_eq!(
            (&lines[1]["sourcetype"], &lines[1]["fields"]["export_seq"]),
            (&json!("tachograph:operation"), &json!("1"))
        );
    }

    #[test]
    fn every_code_is_judged() {
        let judge = |status: u16, body: &str| {
            sink().judge(&Response { status, retry_after: Some(Duration::from_secs(3)), body: body.to_owned() })
        };
        assert!(matches!(judge(200, r#"{"text":"Success","code":0}"#), Judgement::Acked(_)));
        assert!(matches!(judge(200, r#"{"text":"nearly full","code":24}"#), Judgement::Acked(_)));
        assert!(matches!(judge(400, r#"{"code":6,"invalid-event-number":4}"#), Judgement::Reject { index: 4, .. }));
        assert!(matches!(judge(400, r#"{"code":5}"#), Judgement::Split { .. }));
        assert!(matches!(judge(400, r#"{"code":7,"invalid-event-number":0}"#), Judgement::Park { .. }));
        for code in [10, 11, 14, 16] {
            assert!(matches!(judge(400, &json!({ "code": code }).to_string()), Judgement::Park { .. }), "{code}");
        }
        for code in [12, 13, 15] {
            let body = json!({"code": code, "invalid-event-number": 2}).to_string();
            assert!(matches!(judge(400, &body), Judgement::Reject { index: 2, .. }), "{code}");
        }
        assert!(matches!(judge(403, r#"{"text":"Token disabled","code":1}"#), Judgement::Park { .. }));
        assert!(matches!(judge(429, r#"{"code":27}"#), Judgement::Retry { .. }));
        assert!(matches!(judge(401, ""), Judgement::Park { .. }));
        assert!(matches!(judge(403, r#"{"code":4}"#), Judgement::Park { .. }));
        assert!(matches!(judge(302, ""), Judgement::Park { .. }));
        assert!(matches!(judge(413, ""), Judgement::Split { .. }));
        assert!(matches!(judge(429, r#"{"code":26}"#), Judgement::Retry { after: Some(_), .. }));
        assert!(matches!(judge(503, r#"{"code":9}"#), Judgement::Retry { .. }));
        assert!(matches!(judge(500, ""), Judgement::Uncertain { .. }));
        assert!(matches!(judge(408, ""), Judgement::Uncertain { .. }));
    }

    #[test]
    fn a_batch_is_done_when_the_indexers_have_it() {
        let answer = |status: u16, body: &str| Response { status, retry_after: None, body: body.to_owned() };
        assert!(sink().capabilities().confirm.is_none(), "accepting is enough unless the settings say otherwise");
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("t"), "t").unwrap();
        let token = format!("file:{}", dir.path().join("t").display());
        let settings = json!({"url": "https://splunk.acme.example:8088", "token": token, "acknowledge": true});
        let sink: SplunkHec = serde_json::from_value(settings).unwrap();
        let sink = sink.sink().unwrap();
        assert_eq!(sink.channel.len(), 36);
        let rendered = sink.render(&fixtures::records(&fixtures::events(&[json!({"kind": "prompt"})])));
        let request = sink.payload(&rendered.messages[0], Timestamp::EPOCH).unwrap();
        assert!(request.headers.contains(&("x-splunk-request-channel", sink.channel.clone())));
        let asked = sink.confirmation(&answer(200, r#"{"code":0,"ackId":7}"#)).unwrap();
        assert_eq!((asked.id, asked.give_up), (Some(7), Duration::from_mins(5)));
        let question = sink.question(&asked).unwrap();
        assert_eq!(question.body, br#"{"acks":[7]}"#);
        assert!(question.url.expose().ends_with(&format!("/services/collector/ack?channel={}", sink.channel)));
        assert_eq!(sink.confirmation(&answer(503, r#"{"code":9}"#)), None);
        let said = |status: u16, body: &str| sink.confirmed(&asked, &answer(status, body));
        assert!(matches!(said(200, r#"{"acks":{"7":true}}"#), Some(Confirmed::Safe(_))));
        for (status, body) in [(200, r#"{"acks":{"7":false}}"#), (200, "cut")] {
            assert_eq!(said(status, body), None);
        }
        for status in [503, 500, 429] {
            assert!(matches!(said(status, ""), Some(Confirmed::Unanswered(_))), "{status}");
        }
        assert!(matches!(said(400, r#"{"code":11}"#), Some(Confirmed::Lost(_))));
        for (status, body) in [(400, r#"{"code":14}"#), (403, r#"{"code":1}"#), (404, "")] {
            assert!(matches!(said(status, body), Some(Confirmed::Park(_))), "{status}");
        }
        // Whoever gave no number is asked whether it numbers batches now.
        let unnumbered = sink.confirmation(&answer(200, r#"{"code":0}"#)).unwrap();
        let said = |status: u16, body: &str| sink.confirmed(&unnumbered, &answer(status, body));
        let no_acknowledgement = |reason: &str| reason.starts_with("the token has no indexer acknowledgement");
        assert!(matches!(said(400, r#"{"code":14}"#), Some(Confirmed::Park(reason)) if no_acknowledgement(&reason)));
        assert!(matches!(said(200, r#"{"acks":{"0":false}}"#), Some(Confirmed::Lost(_))));
    }

    #[test]
    fn a_body_stays_below_a_megabyte_unless_one_record_is_larger() {
        let event = json!({"kind": "prompt", "target": "x".repeat(30_000), "path": "y".repeat(30_000)});
        let records = fixtures::records(&fixtures::events(&vec![event; 40]));
        let rendered = sink().render(&records);
        assert!(body(&rendered).len() <= BATCH.bytes_max && rendered.taken < 40);
        assert_eq!(sink().render(&records[..rendered.taken]), rendered);
    }
}
