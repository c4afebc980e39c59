//! `splunk_hec`: events, alerts and administration to Splunk's HTTP Event Collector.
//!
//! The format is that of Splunk's "Format events for HTTP Event Collector": JSON objects that simply follow one another.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use ledger::LedgerName;
use ledger::fold::Outbox;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{BatchLimits, Message, Rendered, Sink, SinkSpec, check_url, excerpt};
use crate::config::Start;
use crate::http::{Answer, Request};
use crate::outcome::Outcome;
use crate::record::{Body, Record};
use crate::secret::{Secret, SecretError, SecretText};

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "splunk_hec",
    what: "Events, alerts and administration to Splunk's HTTP Event Collector.",
    guarantee: "At least once. Splunk knows no ids; duplicates and losses can be counted by stream and export_seq.",
    ledgers: &LedgerName::ALL,
    alerts_only: false,
    start: Start::Beginning,
    example: "url = \"https://splunk.acme.example:8088\"\ntoken = \"env:SPLUNK_HEC_TOKEN\"\nindex = \"tachograph\"",
    parse: super::parse::<SplunkHec>,
};

/// Splunk takes up to 1 MB in one request whatever its edition.
const BODY_BYTES_MAX: usize = 1_000_000;
/// Events in one request.
const BATCH_RECORDS_MAX: usize = 500;

/// The settings.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct SplunkHec {
    /// The address of the collector, without a path.
    url: String,
    /// The HEC token.
    token: Secret,
    /// The index; the token's default if absent.
    #[serde(default)]
    index: Option<String>,
    /// `source` of every record.
    #[serde(default = "tachograph")]
    source: String,
    /// Whether bodies are compressed.
    #[serde(default = "yes")]
    gzip: bool,
}

fn tachograph() -> String {
    "tachograph".to_owned()
}

fn yes() -> bool {
    true
}

impl SplunkHec {
    fn event(&self, record: &Record) -> Value {
        let (sourcetype, kind) = match &record.body {
            Body::Event => ("tachograph:event", None),
            Body::Alert(_) => ("tachograph:alert", Some("alert")),
            Body::Operation | Body::Step(_) => ("tachograph:operation", None),
        };
        let position = record.position;
        // Indexed fields are texts. They make losses and duplicates countable without reading the events.
        let fields = json!({
            "stream": format!("{}/{}", position.ledger, position.shard),
            "seq": position.seq.to_string(),
            "id": position.to_string(),
            "export_seq": record.export_seq.to_string(),
        });
        let mut event = json!({
            "source": self.source,
            "sourcetype": sourcetype,
            "fields": fields,
            "event": record.fields,
        });
        // A number with exactly three decimals, whatever a float would make of it.
        let time = format!("{}.{:03}", record.time.div_euclid(1_000_000), record.time.rem_euclid(1_000_000) / 1_000);
        event["time"] = serde_json::from_str(&time).unwrap_or(Value::Null);
        if let Some(kind) = kind {
            event["event"]["kind"] = kind.into();
        }
        if let Some(host) = &record.host {
            event["host"] = host.as_str().into();
        }
        if let Some(index) = &self.index {
            event["index"] = index.as_str().into();
        }
        event
    }

    /// The answer to a 400: which record it is about, or whether the configuration is wrong.
    fn judge_bad_request(code: Option<u64>, invalid: Option<u64>, reason: String) -> Outcome {
        match (code, invalid) {
            // Wrong index, channel or acknowledgement settings: every record would be refused.
            (Some(7 | 10 | 11 | 14 | 16), _) => Outcome::Park { reason },
            (_, Some(index)) => Outcome::Reject { index: index as usize, reason },
            _ => Outcome::Split { reason },
        }
    }
}

impl Sink for SplunkHec {
    fn limits(&self) -> BatchLimits {
        BatchLimits { records: BATCH_RECORDS_MAX, burst: 1, interval: Duration::ZERO }
    }

    fn render(&self, records: &[Record], _outbox: &Outbox) -> Rendered {
        let (mut body, mut taken) = (Vec::new(), 0);
        for record in records {
            let text = self.event(record).to_string();
            if taken > 0 && body.len() + text.len() + 1 > BODY_BYTES_MAX {
                break;
            }
            body.extend_from_slice(text.as_bytes());
            body.push(b'\n');
            taken += 1;
        }
        Rendered::whole(body, taken)
    }

    fn request(&self, message: &Message, _now: i64) -> Result<Request, SecretError> {
        let body = &message.body;
        let url = format!("{}/services/collector/event", self.url.trim_end_matches('/'));
        let mut headers = vec![("content-type", "application/json".to_owned())];
        let mut sent = body.clone();
        if self.gzip {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            // Writing to memory does not fail; if it did, the plain body is as good.
            if let Ok(compressed) = encoder.write_all(body).and_then(|()| encoder.finish()) {
                sent = compressed;
                headers.push(("content-encoding", "gzip".to_owned()));
            }
        }
        let authorization = Some(("authorization", "Splunk ", self.token.read()?));
        Ok(Request { url: SecretText::public(&url), shown_url: url, headers, authorization, body: sent, mail: None })
    }

    fn judge(&self, answer: &Answer) -> Outcome {
        let reply: Value = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
        let (code, invalid) = (reply["code"].as_u64(), reply["invalid-event-number"].as_u64());
        let reason = format!("{} {}", answer.status, excerpt(&answer.body));
        match answer.status {
            200..=299 => Outcome::Acked(reason),
            400 => Self::judge_bad_request(code, invalid, reason),
            // A wrong token, a wrong path, or a proxy in between that sends elsewhere.
            300..=399 | 401..=407 | 410 | 426 => Outcome::Park { reason },
            413 => Outcome::Split { reason },
            429 | 503 => Outcome::Retry { after: answer.retry_after, reason },
            _ => Outcome::Uncertain { reason },
        }
    }

    fn check(&self) -> Result<(), String> {
        check_url("url", &self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use ledger::alert::Severity;

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
        let body = body(&sink().render(&fixtures::records(&rows), &fixtures::outbox()));
        let expected = concat!(
            r#"{"event":{"host":"attacker-logger.com","kind":"egress.http","position":"events/0/0","recorded":"2025-11-21T00:00:00.000000Z","#,
            r#""time":"2025-11-21T18:33:20.123456Z","workspace_name":"alice/api"},"fields":{"export_seq":"0","id":"events/0/0","seq":"0","#,
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
        let body = String::from_utf8(body(&sink().render(&fixtures::records(&rows), &fixtures::outbox()))).unwrap();
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
            sink().judge(&Answer { status, retry_after: Some(Duration::from_secs(3)), body: body.to_owned() })
        };
        assert!(matches!(judge(200, r#"{"text":"Success","code":0}"#), Outcome::Acked(_)));
        assert!(matches!(judge(200, r#"{"text":"nearly full","code":24}"#), Outcome::Acked(_)));
        assert!(matches!(judge(400, r#"{"code":6,"invalid-event-number":4}"#), Outcome::Reject { index: 4, .. }));
        assert!(matches!(judge(400, r#"{"code":5}"#), Outcome::Split { .. }));
        assert!(matches!(judge(400, r#"{"code":7,"invalid-event-number":0}"#), Outcome::Park { .. }));
        assert!(matches!(judge(401, ""), Outcome::Park { .. }));
        assert!(matches!(judge(403, r#"{"code":4}"#), Outcome::Park { .. }));
        assert!(matches!(judge(302, ""), Outcome::Park { .. }));
        assert!(matches!(judge(413, ""), Outcome::Split { .. }));
        assert!(matches!(judge(429, r#"{"code":26}"#), Outcome::Retry { after: Some(_), .. }));
        assert!(matches!(judge(503, r#"{"code":9}"#), Outcome::Retry { .. }));
        assert!(matches!(judge(500, ""), Outcome::Uncertain { .. }));
        assert!(matches!(judge(408, ""), Outcome::Uncertain { .. }));
    }

    #[test]
    fn a_body_stays_below_a_megabyte_unless_one_record_is_larger() {
        let event = json!({"kind": "prompt", "target": "x".repeat(30_000), "path": "y".repeat(30_000)});
        let records = fixtures::records(&fixtures::events(&vec![event; 40]));
        let outbox = fixtures::outbox();
        let rendered = sink().render(&records, &outbox);
        assert!(body(&rendered).len() <= BODY_BYTES_MAX && rendered.taken < 40);
        assert_eq!(sink().render(&records[..rendered.taken], &outbox), rendered);
    }
}
