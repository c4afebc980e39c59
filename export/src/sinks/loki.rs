//! `loki`: every record to Grafana Loki by its push API (`POST /loki/api/v1/push`, JSON).
//!
//! Labels make streams, and many streams make Loki slow: they are those of the settings and the ledger, never anything of a record. What
//! a record is found by stands in its structured metadata. Its time is that of recording, which only grows: Loki refuses what is older
//! than what it has by much, and events say by themselves when they happened.

use std::collections::BTreeMap;
use std::time::Duration;

use ledger::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::capabilities::Capabilities;
use crate::connections::http::credentials::Credentials;
use crate::connections::http::{Http, Request, Response};
use crate::connections::{Connection, Reach};
use crate::judgement::Judgement;
use crate::message::{BatchLimits, Message, Rendered};
use crate::record::Record;
use crate::schemas::severity;
use crate::sink::{Class, Settings, Sink, SinkSpec, check_url};
use crate::streams::cut::{fit_string, short_text};
use crate::streams::pack::{Shape, pack, string};
use crate::streams::{Kept, Stream};
use operations::secret::{Secret, SecretError};

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "loki",
    what: "Every record to Grafana Loki by its push API.",
    guarantee: "At least once. What is sent again is byte for byte what was sent before, with the same time and labels, of which Loki keeps one as long as \
                its chunk is open; duplicates and losses can be counted by the structured metadata stream and export_seq. Loki refuses what was recorded \
                longer ago than its `reject_old_samples_max_age` (a week): such records become dead letters. Records above 200 KB are cut and say so.",
    class: Class::Stream(crate::sink::stream::<Loki>),
    example: "url = \"https://loki.acme.example\"\ntenant = \"security\"",
    fields: crate::sink::fields::<Loki>,
    schema: crate::sink::schema::<Loki>,
};

/// Loki takes 4 MB in one push and lets each stream have some megabytes a second.
const BODY_BYTES_MAX: usize = 1_000_000;
/// Records in one push.
const BATCH_RECORDS_MAX: usize = 1_000;
/// The longest line as a JSON string: Loki takes 256 KB (`max_line_size`).
const LINE_BYTES_MAX: usize = 200_000;
/// Labels of a stream: Loki takes 15.
const LABELS_MAX: usize = 12;
/// The longest value of a label or of metadata.
const VALUE_BYTES_MAX: usize = 1_024;

/// The settings.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Loki {
    /// The address of Loki, without `/loki/api/v1/push`.
    url: String,
    /// The tenant, sent as `X-Scope-OrgID`.
    #[serde(default)]
    tenant: Option<String>,
    /// Labels of every stream; `ledger` comes to them.
    #[serde(default = "labels")]
    labels: BTreeMap<String, String>,
    /// Whether positions and numbers go as structured metadata, which Loki takes from version 3 on.
    #[serde(default = "yes")]
    structured_metadata: bool,
    /// A token, sent as `Bearer`.
    #[serde(default)]
    token: Option<Secret>,
    /// The name of a user.
    #[serde(default)]
    user: Option<String>,
    /// The password of that user.
    #[serde(default)]
    password: Option<Secret>,
    /// Whether bodies are compressed.
    #[serde(default = "yes")]
    gzip: bool,
}

fn yes() -> bool {
    true
}

fn labels() -> BTreeMap<String, String> {
    BTreeMap::from([("service_name".to_owned(), "tachograph".to_owned())])
}

impl Loki {
    fn credentials<T>(&self, use_them: impl FnOnce(Credentials<'_>) -> T) -> T {
        let secrets = [("Bearer", self.token.as_ref())];
        use_them(Credentials { secrets: &secrets, user: self.user.as_deref(), password: self.password.as_ref() })
    }

    /// A value of a stream: when, what, and by what it is found.
    fn value(&self, record: &Record) -> String {
        let nanos = i128::from(record.recorded.unix_micros()) * 1_000;
        let line = string(&fit_string(&record.said, LINE_BYTES_MAX));
        if !self.structured_metadata {
            return format!("[\"{nanos}\",{line}]");
        }
        // Metadata are texts.
        let found_by = json!({
            "id": record.position.to_string(),
            "stream": record.stream(),
            "seq": record.position.seq.to_string(),
            "export_seq": record.export_seq.to_string(),
            "kind": short_text(record.kind(), VALUE_BYTES_MAX),
            "level": severity::of(record).as_str(),
        });
        format!("[\"{nanos}\",{line},{found_by}]")
    }
}

impl Settings for Loki {
    type Sink = Self;

    fn sink(self) -> Result<Self, String> {
        check_url("url", &self.url)?;
        self.credentials(|credentials| credentials.check())?;
        let is_name = |name: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.chars().all(plain)
                && name != "ledger"
        };
        let fits = self
            .labels
            .iter()
            .all(|(name, value)| is_name(name) && !value.is_empty() && value.len() <= VALUE_BYTES_MAX);
        if !fits || self.labels.is_empty() || self.labels.len() > LABELS_MAX {
            return Err(format!(
                "labels are 1 to {LABELS_MAX}, with names of letters, digits and '_' other than ledger, and values of up to {VALUE_BYTES_MAX} bytes"
            ));
        }
        if self
            .tenant
            .as_ref()
            .is_some_and(|tenant| tenant.is_empty() || !tenant.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            return Err("tenant has printable characters of ASCII, without spaces".to_owned());
        }
        Ok(self)
    }
}

impl Sink for Loki {
    type Protocol = Http;

    fn limits(&self) -> BatchLimits {
        BatchLimits { records: BATCH_RECORDS_MAX, burst: 1, interval: Duration::ZERO }
    }

    fn connect(&self, reach: &Reach) -> Result<Box<dyn Connection<Http>>, String> {
        Http::connect(reach)
    }

    fn payload(&self, message: &Message, _now: Timestamp) -> Result<Request, SecretError> {
        let url = format!("{}/loki/api/v1/push", self.url.trim_end_matches('/'));
        let mut request = Request::post(&url, message.body.clone()).header("content-type", "application/json");
        if let Some(tenant) = &self.tenant {
            request = request.header("x-scope-orgid", tenant.as_str());
        }
        self.credentials(|credentials| credentials.put(request.gzip(self.gzip)))
    }

    /// Loki takes what it can of a push and answers 400 for the rest: halves are tried until what it refuses is alone. What it has by then
    /// comes again with the same time and text.
    fn judge(&self, answer: &Response) -> Judgement {
        answer.judge_status()
    }

    fn capabilities(&self) -> Capabilities<'_, Http> {
        Capabilities::default()
    }
}

impl Stream for Loki {
    fn kept<'a>(&self, record: &'a Record) -> Kept<'a> {
        Kept::fitted(fit_string(&record.said, LINE_BYTES_MAX))
    }

    fn render(&self, records: &[Record]) -> Rendered {
        let ledger = records.first().map(|record| record.position.ledger);
        let one_stream = records.iter().take_while(|record| Some(record.position.ledger) == ledger).count();
        let mut labels = self.labels.clone();
        labels.extend(ledger.map(|ledger| ("ledger".to_owned(), ledger.to_string())));
        let open = format!("{{\"streams\":[{{\"stream\":{},\"values\":[", json!(labels));
        let shape = Shape {
            open: &open,
            between: ",",
            close: "]}]}",
            bytes_max: BODY_BYTES_MAX,
            records_max: BATCH_RECORDS_MAX,
        };
        pack(&records[..one_stream], &shape, |record, body| body.extend_from_slice(self.value(record).as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::fixtures;

    fn sink(settings: Value) -> Result<Loki, String> {
        let mut all = json!({"url": "https://loki.acme.example/"});
        let serde_json::Value::Object(settings) = settings else { panic!("settings are an object") };
        all.as_object_mut().unwrap().extend(settings);
        serde_json::from_value::<Loki>(all).unwrap().sink()
    }

    #[test]
    fn the_format_is_frozen() {
        let records = fixtures::records(&fixtures::events(&[json!({"kind": "prompt"})]));
        let body =
            |settings| String::from_utf8(sink(settings).unwrap().render(&records).messages.remove(0).body).unwrap();
        let line = r#"{\"kind\":\"prompt\",\"position\":\"events/0/0\",\"recorded\":\"2025-11-21T00:00:00.000000Z\",\"tachograph\":{\"export_seq\":0,\"seq\":0,\"stream\":\"events/0\"}}"#;
        let open = r#"{"streams":[{"stream":{"ledger":"events","service_name":"tachograph"},"values":[["1763683200000000000",""#;
        let found_by =
            r#"{"export_seq":"0","id":"events/0/0","kind":"prompt","level":"info","seq":"0","stream":"events/0"}"#;
        assert_eq!(body(json!({})), format!("{open}{line}\",{found_by}]]}}]}}"));
        assert_eq!(body(json!({"structured_metadata": false})), format!("{open}{line}\"]]}}]}}"));
    }

    #[test]
    fn a_push_has_one_stream_and_its_tenant() {
        let sink = sink(json!({"tenant": "security", "gzip": false})).unwrap();
        let mut records = fixtures::records(&fixtures::events(&vec![json!({"kind": "prompt"}); 3]));
        records.extend(fixtures::records(&fixtures::operations(&[json!({"kind": "token"})])));
        let rendered = sink.render(&records);
        assert_eq!(rendered.taken, 3);
        let request = sink.payload(&rendered.messages[0], Timestamp::EPOCH).unwrap();
        assert_eq!(request.shown_url, "https://loki.acme.example/loki/api/v1/push");
        assert!(request.headers.contains(&("x-scope-orgid", "security".to_owned())));
    }

    #[test]
    fn mistakes_are_named() {
        for settings in [
            json!({"labels": {"a b": "c"}}),
            json!({"labels": {"ledger": "x"}}),
            json!({"labels": {}}),
            json!({"labels": {"a": ""}}),
        ] {
            assert!(sink(settings).err().unwrap().contains("labels"));
        }
        assert!(sink(json!({"tenant": "a b"})).err().unwrap().contains("tenant"));
    }
}
