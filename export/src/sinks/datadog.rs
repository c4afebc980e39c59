//! `datadog`: every record to Datadog Logs (`POST /api/v2/logs`, a JSON array).
//!
//! The record is the log's message, which Datadog reads as JSON. The time of a log is that of recording: Datadog keeps what is up to 18
//! hours old, and events say by themselves when they happened, which stands in the record.

use std::time::Duration;

use ledger::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capabilities::Capabilities;
use crate::connections::http::{Http, Request, Response};
use crate::connections::{Connection, Reach};
use crate::judgement::Judgement;
use crate::message::{BatchLimits, Message, Rendered};
use crate::record::Record;
use crate::schemas::severity;
use crate::sink::{Class, Settings, Sink, SinkSpec, check_url};
use crate::streams::cut::{fit_string, short_text};
use crate::streams::pack::{Shape, object, pack, string};
use crate::streams::{Kept, Stream};
use operations::secret::{Secret, SecretError};

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "datadog",
    what: "Every record to Datadog Logs.",
    guarantee: "At least once, from the moment that Datadog accepts a batch (202). Datadog knows no ids; duplicates and losses can be counted by stream and \
                export_seq. It keeps logs whose time is at most 18 hours ago: what was recorded earlier, after a long outage or for a sink that starts at \
                the beginning, needs `timestamps = \"arrival\"`. Records above 900 KB are cut and say so.",
    class: Class::Stream(crate::sink::stream::<Datadog>),
    example: "url = \"https://http-intake.logs.datadoghq.eu\"\napi_key = \"env:DATADOG_API_KEY\"",
    fields: crate::sink::fields::<Datadog>,
    schema: crate::sink::schema::<Datadog>,
};

/// Datadog takes an array of 1,000 logs and 5 MB before compression.
const BATCH: Shape<'_> = Shape { open: "[", between: ",", close: "]", bytes_max: 4_900_000, records_max: 1_000 };
/// The longest message as a JSON string: a log has 1 MB with everything, and Datadog cuts it in silence.
const MESSAGE_BYTES_MAX: usize = 900_000;
/// The longest other value.
const VALUE_BYTES_MAX: usize = 1_024;

/// The settings.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Datadog {
    /// The intake of your site, such as `https://http-intake.logs.datadoghq.com`, without a path.
    url: String,
    /// The API key.
    api_key: Secret,
    /// `service` of every log.
    #[serde(default = "tachograph")]
    service: String,
    /// `ddsource` of every log: pipelines choose by it.
    #[serde(default = "tachograph")]
    source: String,
    /// `ddtags` of every log, such as `env:prod,team:soc`.
    #[serde(default)]
    tags: String,
    /// Which time a log has.
    #[serde(default)]
    timestamps: Timestamps,
    /// Whether bodies are compressed.
    #[serde(default = "yes")]
    gzip: bool,
}

/// Which time a log has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Timestamps {
    /// That of recording.
    #[default]
    Recorded,
    /// That of its arrival at Datadog, which then takes logs of any age.
    Arrival,
}

fn tachograph() -> String {
    "tachograph".to_owned()
}

fn yes() -> bool {
    true
}

impl Datadog {
    fn log(&self, record: &Record) -> String {
        let value = |text: &str| string(short_text(text, VALUE_BYTES_MAX));
        let (source, tags, service) = (value(&self.source), value(&self.tags), value(&self.service));
        let (host, kind) = (value(record.host.as_deref().unwrap_or_default()), value(record.kind()));
        let message = string(&fit_string(&record.said, MESSAGE_BYTES_MAX));
        let (id, stream) = (string(&record.position.to_string()), string(&record.stream()));
        // Attributes beside the reserved ones are texts.
        let (seq, export_seq) = (string(&record.position.seq.to_string()), string(&record.export_seq.to_string()));
        let status = match severity::syslog(severity::of(record)) {
            0..=2 => "\"critical\"",
            3 => "\"error\"",
            4 => "\"warning\"",
            5 => "\"notice\"",
            _ => "\"info\"",
        };
        let millis = (record.recorded.unix_micros() / 1_000).to_string();
        let mut members = vec![("ddsource", source.as_str()), ("ddtags", &tags), ("export_seq", &export_seq)];
        if record.host.is_some() {
            members.push(("hostname", &host));
        }
        members.extend([("id", id.as_str()), ("kind", &kind), ("message", &message), ("seq", &seq)]);
        members.extend([("service", service.as_str()), ("status", status), ("stream", &stream)]);
        if self.timestamps == Timestamps::Recorded {
            members.push(("timestamp", &millis));
        }
        object(&members)
    }
}

impl Settings for Datadog {
    type Sink = Self;

    fn sink(self) -> Result<Self, String> {
        check_url("url", &self.url)?;
        Ok(self)
    }
}

impl Sink for Datadog {
    type Protocol = Http;

    fn limits(&self) -> BatchLimits {
        BatchLimits { records: BATCH.records_max, burst: 1, interval: Duration::ZERO }
    }

    fn connect(&self, reach: &Reach) -> Result<Box<dyn Connection<Http>>, String> {
        Http::connect(reach)
    }

    fn payload(&self, message: &Message, _now: Timestamp) -> Result<Request, SecretError> {
        let url = format!("{}/api/v2/logs", self.url.trim_end_matches('/'));
        let request = Request::post(&url, message.body.clone()).header("content-type", "application/json");
        Ok(request.gzip(self.gzip).keyed("dd-api-key", self.api_key.read()?))
    }

    fn judge(&self, answer: &Response) -> Judgement {
        answer.judge_status()
    }

    fn capabilities(&self) -> Capabilities<'_, Http> {
        Capabilities::default()
    }
}

impl Stream for Datadog {
    fn kept<'a>(&self, record: &'a Record) -> Kept<'a> {
        Kept::fitted(fit_string(&record.said, MESSAGE_BYTES_MAX))
    }

    fn render(&self, records: &[Record]) -> Rendered {
        pack(records, &BATCH, |record, body| body.extend_from_slice(self.log(record).as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures;
    use operations::alert::Severity;

    fn logs(settings: Value, rows: &ledger::Rows) -> Vec<Value> {
        let mut all = json!({"url": "https://dd.acme.example", "api_key": "env:K"});
        let serde_json::Value::Object(settings) = settings else { panic!("settings are an object") };
        all.as_object_mut().unwrap().extend(settings);
        let sink = serde_json::from_value::<Datadog>(all).unwrap().sink().unwrap();
        serde_json::from_slice(&sink.render(&fixtures::records(rows)).messages[0].body).unwrap()
    }

    #[test]
    fn the_format_is_frozen() {
        let rows = fixtures::events(&[json!({"kind": "prompt", "workspace_name": "alice/api"})]);
        let mut log = logs(json!({"tags": "env:prod"}), &rows).remove(0);
        let message: Value = serde_json::from_str(log["message"].take().as_str().unwrap()).unwrap();
        assert_eq!(message["tachograph"]["stream"], "events/0");
        let expected = json!({"ddsource": "tachograph", "ddtags": "env:prod", "export_seq": "0", "hostname": "alice/api", "id": "events/0/0",
            "kind": "prompt", "message": null, "seq": "0", "service": "tachograph", "status": "info", "stream": "events/0",
            "timestamp": 1_763_683_200_000_i64});
        assert_eq!(log, expected);
        assert!(logs(json!({"timestamps": "arrival"}), &rows)[0].get("timestamp").is_none());
    }

    #[test]
    fn alerts_have_their_status_and_every_value_but_times_is_a_text() {
        let rows = fixtures::operations(&Severity::ALL.map(|severity| fixtures::alert(1, severity)));
        let logs = logs(json!({}), &rows);
        let statuses: Vec<&Value> = logs.iter().map(|log| &log["status"]).collect();
        assert_eq!(statuses, ["info", "notice", "warning", "error", "critical"]);
        let members = logs.iter().flat_map(|log| log.as_object().unwrap());
        assert!(members.into_iter().all(|(name, value)| value.is_string() || name == "timestamp"));
    }
}
