//! `otlp`: every record as a log record of OpenTelemetry, over HTTP with protobuf (`POST /v1/logs`) or over gRPC (`LogsService/Export`).
//!
//! `log.record.uid` is the position in the ledger: it is what the semantic conventions know duplicates by. A receiver that takes a part of a
//! batch says how many records it rejected, but not which: they are counted and told, and nothing of the batch is sent again, as the
//! specification wants it. If it rejected all of them, each is a dead letter.

mod wire;

use std::time::Duration;

use ledger::Timestamp;
use operations::alert::Severity;
use prost::Message as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capabilities::{Capabilities, Outcomes};
use crate::connections::grpc::Grpc;
use crate::connections::http::credentials::Credentials;
use crate::connections::http::{Http, PROTOBUF, Request, Response};
use crate::connections::{Connection, Reach, excerpt};
use crate::judgement::{Judgement, Outcome, Parts};
use crate::message::{BatchLimits, Message, Rendered};
use crate::record::Record;
use crate::schemas::severity;
use crate::sink::{Class, Settings, Sink, SinkSpec, check_url};
use crate::streams::cut::{fit_plain, short_text};
use crate::streams::{Kept, Stream};
use operations::secret::{Secret, SecretError};
use wire::{AnyValue, KeyValue, LogRecord, PartialSuccess, Resource, ResourceLogs, Scope, ScopeLogs, Value};

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "otlp",
    what: "Every record as a log record of OpenTelemetry over HTTP with protobuf or gRPC, to a Collector or to whatever takes OTLP.",
    guarantee: "At least once, from the moment that the receiver answers; what a Collector does with it then is its own business. Duplicates are told by \
                `log.record.uid`, and duplicates and losses can be counted by tachograph.stream and tachograph.export_seq. Records that the receiver \
                rejects of a batch are counted and told, but it does not say which they are; they are not sent again. Records above 3 MB are cut and \
                say so.",
    class: Class::Stream(crate::sink::stream::<Otlp>),
    example: "url = \"https://otel.acme.example:4318\"",
    fields: crate::sink::fields::<Otlp>,
    schema: crate::sink::schema::<Otlp>,
};

/// A receiver behind gRPC takes 4 MiB by default, and so do some over HTTP.
const BODY_BYTES_MAX: usize = 3_500_000;
/// Records in one request.
const BATCH_RECORDS_MAX: usize = 1_000;
/// The longest body of a record.
const RECORD_BYTES_MAX: usize = 3_000_000;
/// The longest attribute.
const VALUE_BYTES_MAX: usize = 1_024;
/// What a record takes in a request beside its own bytes.
const FRAME_BYTES: usize = 16;

/// Columns that the semantic conventions have a name for, with that name.
const ATTRIBUTES: [(&str, &str); 6] = [
    ("agent", "gen_ai.agent.name"),
    ("model", "gen_ai.request.model"),
    ("session", "gen_ai.conversation.id"),
    ("tool", "gen_ai.tool.name"),
    ("user", "user.name"),
    ("host", "server.address"),
];

/// The settings.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Otlp {
    /// The address of the receiver, without `/v1/logs`; with `transport = "grpc"` usually that of another port.
    url: String,
    /// What carries the messages.
    #[serde(default)]
    transport: Transport,
    /// `service.name` of the resource.
    #[serde(default = "tachograph")]
    service: String,
    /// A token, sent as `Bearer`.
    #[serde(default)]
    token: Option<Secret>,
    /// The name of a user.
    #[serde(default)]
    user: Option<String>,
    /// The password of that user.
    #[serde(default)]
    password: Option<Secret>,
    /// A key, sent in the header `key_header`.
    #[serde(default)]
    key: Option<Secret>,
    /// The header of that key.
    #[serde(default = "key_header")]
    key_header: String,
    /// Whether bodies are compressed.
    #[serde(default = "yes")]
    gzip: bool,
}

/// What carries the messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Transport {
    /// HTTP/1.1 with protobuf, usually at port 4318.
    #[default]
    Http,
    /// gRPC, usually at port 4317.
    Grpc,
}

impl Transport {
    /// Where the messages go.
    fn path(self) -> &'static str {
        match self {
            Self::Http => "v1/logs",
            Self::Grpc => "opentelemetry.proto.collector.logs.v1.LogsService/Export",
        }
    }
}

fn tachograph() -> String {
    "tachograph".to_owned()
}

fn key_header() -> String {
    "api-key".to_owned()
}

fn yes() -> bool {
    true
}

impl Otlp {
    fn credentials<T>(&self, use_them: impl FnOnce(Credentials<'_>) -> T) -> T {
        let secrets = [("Bearer", self.token.as_ref())];
        use_them(Credentials { secrets: &secrets, user: self.user.as_deref(), password: self.password.as_ref() })
    }

    /// The request for these log records. The version of the program is left out: what is sent again after an update is the same.
    fn request(&self, log_records: Vec<LogRecord>) -> wire::Request {
        let resource = Resource { attributes: vec![KeyValue::text("service.name", self.service.as_str())] };
        let scope = Some(Scope { name: "tachograph".to_owned() });
        let scope_logs = vec![ScopeLogs { scope, log_records }];
        wire::Request { resource_logs: vec![ResourceLogs { resource: Some(resource), scope_logs }] }
    }
}

/// The range of severities that OpenTelemetry calls INFO, WARN, ERROR and FATAL.
fn severity_number(severity: Severity) -> i32 {
    match severity {
        Severity::Info => 9,
        Severity::Low => 10,
        Severity::Medium => 13,
        Severity::High => 17,
        Severity::Critical => 21,
    }
}

/// Nanoseconds since 1970; zero, which means unknown, for what is before.
fn nanos(moment: Timestamp) -> u64 {
    u64::try_from(moment.unix_micros()).unwrap_or_default().saturating_mul(1_000)
}

fn log_record(record: &Record) -> LogRecord {
    let short = |text: &str| short_text(text, VALUE_BYTES_MAX).to_owned();
    let severity = severity::of(record);
    let mut attributes = vec![
        KeyValue::text("log.record.uid", record.position.to_string()),
        KeyValue::text("tachograph.stream", record.stream()),
        KeyValue::integer("tachograph.seq", record.position.seq.get()),
        KeyValue::integer("tachograph.export_seq", record.export_seq),
        KeyValue::text("tachograph.schema", record.said.schema),
    ];
    attributes.extend(record.host.as_ref().map(|host| KeyValue::text("host.name", short(host))));
    let named = ATTRIBUTES.iter().filter_map(|(column, name)| Some(KeyValue::text(name, short(record.text(column)?))));
    attributes.extend(named);
    LogRecord {
        time_unix_nano: nanos(record.time),
        severity_number: severity_number(severity),
        severity_text: severity.as_str().to_owned(),
        body: Some(AnyValue { value: Some(Value::Text(fit_plain(&record.said, RECORD_BYTES_MAX).into_owned())) }),
        attributes,
        observed_time_unix_nano: nanos(record.recorded),
        event_name: format!("tachograph.{}", short(record.kind())),
    }
}

/// What the receiver rejected of what it took, if it rejected something.
fn rejected(answer: &Response) -> Option<(u64, String)> {
    let bytes = answer.bytes().filter(|_| (200..300).contains(&answer.status))?;
    let PartialSuccess { rejected_log_records, error_message } =
        wire::Response::decode(bytes.as_slice()).ok()?.partial_success?;
    let count = u64::try_from(rejected_log_records).ok().filter(|count| *count > 0)?;
    Some((count, excerpt(&error_message)))
}

impl Settings for Otlp {
    type Sink = Self;

    fn sink(self) -> Result<Self, String> {
        check_url("url", &self.url)?;
        self.credentials(|credentials| credentials.check())?;
        if self.key.is_some() && (self.token.is_some() || self.user.is_some()) {
            return Err("only one proof of who sends may be set: a token, a key, or user and password".to_owned());
        }
        let is_name = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        if is_name(&self.key_header) {
            Ok(self)
        } else {
            Err("key_header has small letters, digits and '-'".to_owned())
        }
    }
}

impl Sink for Otlp {
    type Protocol = Http;

    fn limits(&self) -> BatchLimits {
        BatchLimits { records: BATCH_RECORDS_MAX, burst: 1, interval: Duration::ZERO }
    }

    fn connect(&self, reach: &Reach) -> Result<Box<dyn Connection<Http>>, String> {
        match self.transport {
            Transport::Http => Http::connect(reach),
            Transport::Grpc => Grpc::connect(reach),
        }
    }

    fn payload(&self, message: &Message, _now: Timestamp) -> Result<Request, SecretError> {
        let url = format!("{}/{}", self.url.trim_end_matches('/'), self.transport.path());
        let request = Request::post(&url, message.body.clone()).header("content-type", PROTOBUF).gzip(self.gzip);
        match &self.key {
            Some(key) => Ok(request.keyed(self.key_header.clone(), key.read()?)),
            None => self.credentials(|credentials| credentials.put(request)),
        }
    }

    /// The specification says of 429, 502, 503 and 504 that they may be tried again.
    fn judge(&self, answer: &Response) -> Judgement {
        if let Some((unnamed, reason)) = rejected(answer) {
            let said =
                format!("{}: {unnamed} log records were rejected, which ones is not said: {reason}", answer.status);
            return Judgement::Parts(Parts { refused: Vec::new(), unnamed, said });
        }
        match answer.status {
            502 | 504 => Judgement::Retry { after: answer.retry_after, reason: answer.to_string() },
            _ => answer.judge_status(),
        }
    }

    fn capabilities(&self) -> Capabilities<'_, Http> {
        Capabilities { outcomes: Some(self), ..Capabilities::default() }
    }
}

impl Outcomes<Http> for Otlp {
    /// Which records were rejected is known only where all of them were.
    fn outcomes(&self, answer: &Response, records: usize) -> Option<Vec<Outcome>> {
        let (_, reason) = rejected(answer).filter(|(count, _)| *count >= records as u64)?;
        Some(vec![Outcome::Refused(format!("{} {reason}", answer.status)); records])
    }

    fn after(&self, answer: &Response) -> Option<Duration> {
        answer.retry_after
    }
}

impl Stream for Otlp {
    fn kept<'a>(&self, record: &'a Record) -> Kept<'a> {
        Kept::fitted(fit_plain(&record.said, RECORD_BYTES_MAX))
    }

    fn render(&self, records: &[Record]) -> Rendered {
        let (mut logs, mut bytes) = (Vec::new(), self.request(Vec::new()).encoded_len() + FRAME_BYTES);
        for record in records.iter().take(BATCH_RECORDS_MAX) {
            let log = log_record(record);
            bytes += log.encoded_len() + FRAME_BYTES;
            if !logs.is_empty() && bytes > BODY_BYTES_MAX {
                break;
            }
            logs.push(log);
        }
        let taken = logs.len();
        Rendered::whole(self.request(logs).encode_to_vec(), taken)
    }
}

#[cfg(test)]
mod tests;
