//! Export requests as Claude Code (2.1.332) fills them, in protobuf and in JSON, with numbers of their own so that nothing is a duplicate. They
//! are made before anything is measured. How they are sent stands elsewhere.

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat};
use prost::Message as _;
use serde::{Serialize, Serializer};

/// Sessions that tell at one time.
const SESSIONS: u64 = 2_000;
/// Records of one session that stand together in a request: a gateway in front of many agents sends those of several.
const RESOURCE_RECORDS: u64 = 50;
/// Records of a session that belong to one step: a request to a model, a permission, a call.
const STEP_RECORDS: u64 = 3;

/// `ExportLogsServiceRequest` of OTLP 1.9, as far as these records have its members.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[prost(message, repeated, tag = "1")]
    resource_logs: Vec<ResourceLogs>,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceLogs {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_logs: Vec<ScopeLogs>,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<Attribute>,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
#[serde(rename_all = "camelCase")]
struct ScopeLogs {
    #[prost(message, optional, tag = "1")]
    scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    log_records: Vec<LogRecord>,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
struct Scope {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    version: String,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
#[serde(rename_all = "camelCase")]
struct LogRecord {
    #[prost(fixed64, tag = "1")]
    #[serde(serialize_with = "as_text")]
    time_unix_nano: u64,
    #[prost(message, optional, tag = "5")]
    body: Option<AnyValue>,
    #[prost(message, repeated, tag = "6")]
    attributes: Vec<Attribute>,
    #[prost(fixed32, tag = "8")]
    flags: u32,
    #[prost(bytes = "vec", tag = "9")]
    #[serde(serialize_with = "as_hex")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "10")]
    #[serde(serialize_with = "as_hex")]
    span_id: Vec<u8>,
    #[prost(fixed64, tag = "11")]
    #[serde(serialize_with = "as_text")]
    observed_time_unix_nano: u64,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
struct Attribute {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
struct AnyValue {
    #[prost(oneof = "Value", tags = "1, 2, 3, 4")]
    #[serde(flatten)]
    value: Option<Value>,
}

#[derive(Clone, PartialEq, prost::Oneof, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::enum_variant_names)] // The names of OTLP in JSON follow from these.
enum Value {
    #[prost(string, tag = "1")]
    StringValue(String),
    #[prost(bool, tag = "2")]
    BoolValue(bool),
    #[prost(int64, tag = "3")]
    #[serde(serialize_with = "as_text")]
    IntValue(i64),
    #[prost(double, tag = "4")]
    DoubleValue(f64),
}

/// OTLP has integers of 64 bits as text in JSON.
fn as_text<S: Serializer>(number: &impl ToString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&number.to_string())
}

/// OTLP has ids as hexadecimal digits in JSON.
fn as_hex<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(bytes))
}

/// One request, which both formats say alike.
pub struct Body {
    /// Its log records.
    pub records: u64,
    /// `application/x-protobuf`, and the message of gRPC.
    pub protobuf: Bytes,
    /// `application/json`.
    pub json: Bytes,
}

/// So many records in requests of `batch`; the last time that they tell is `now`, in nanoseconds since 1970 UTC.
pub fn bodies(records: u64, batch: u64, now: u64) -> Vec<Body> {
    let mut session = 0;
    let starts = (0..records).step_by(batch as usize);
    starts
        .map(|start| {
            let length = batch.min(records - start);
            let request = Request {
                resource_logs: (0..length)
                    .step_by(RESOURCE_RECORDS as usize)
                    .map(|first| {
                        let told = RESOURCE_RECORDS.min(length - first);
                        // Between two turns of a session each of the others has had one.
                        let turn = session / SESSIONS;
                        let first_nanos = now - (records - start - first) * 1_000_000;
                        let of_session = Session { number: session % SESSIONS };
                        session += 1;
                        of_session.tell(turn * RESOURCE_RECORDS, told, first_nanos)
                    })
                    .collect(),
            };
            let json = serde_json::to_vec(&request).unwrap().into();
            Body { records: length, protobuf: request.encode_to_vec().into(), json }
        })
        .collect()
}

/// One session of an agent in a workspace of its own.
struct Session {
    number: u64,
}

impl Session {
    /// Its records from number `first` on, a millisecond apart.
    fn tell(&self, first: u64, records: u64, first_nanos: u64) -> ResourceLogs {
        let log_records = (0..records).map(|at| self.record(first + at, first_nanos + at * 1_000_000)).collect();
        let scope = Scope { name: "com.anthropic.claude_code.events".to_owned(), version: "2.1.332".to_owned() };
        let mut attributes = self.workspace();
        attributes.extend([
            text("service.name", "claude-code"),
            text("service.version", "2.1.332"),
            text("host.arch", "amd64"),
            text("os.type", "linux"),
            text("os.version", "6.8.0"),
        ]);
        ResourceLogs {
            resource: Some(Resource { attributes }),
            scope_logs: vec![ScopeLogs { scope: Some(scope), log_records }],
        }
    }

    fn workspace(&self) -> Vec<Attribute> {
        vec![
            text("coder.workspace_id", format!("00000000-0000-4000-9000-{:012x}", self.number)),
            text("team.id", format!("team-{}", self.number % 40)),
        ]
    }

    fn record(&self, sequence: u64, nanos: u64) -> LogRecord {
        let step = mix(self.number, sequence / STEP_RECORDS);
        let name = ["api_request", "tool_decision", "tool_result"][(sequence % STEP_RECORDS) as usize];
        let time = DateTime::from_timestamp_nanos(nanos as i64).to_rfc3339_opts(SecondsFormat::Millis, true);
        let mut attributes = self.workspace();
        attributes.extend([
            text("user.id", format!("{0:016x}{0:016x}{0:016x}{0:016x}", mix(self.number % 500, 7))),
            text("session.id", format!("00000000-0000-4000-8000-{:012x}", self.number)),
            text("anthropic.provider", "firstParty"),
            value("anthropic.custom_base_url", Value::BoolValue(true)),
            text("terminal.type", "xterm"),
            text("event.name", name),
            text("event.timestamp", time),
            whole("event.sequence", sequence as i64),
            text("prompt.id", format!("00000000-0000-4000-a000-{:012x}", mix(self.number, sequence / 60) >> 16)),
        ]);
        match name {
            "api_request" => tell_request(&mut attributes, step),
            "tool_decision" => tell_decision(&mut attributes, step),
            _ => tell_result(&mut attributes, step),
        }
        attributes.push(text("request_id", format!("req_011{step:016x}")));
        let ids = [mix(step, 1), mix(step, 2), mix(step, 3)].map(u64::to_be_bytes);
        LogRecord {
            time_unix_nano: nanos,
            body: Some(AnyValue { value: Some(Value::StringValue(format!("claude_code.{name}"))) }),
            attributes,
            flags: 1,
            trace_id: [ids[0], ids[1]].concat(),
            span_id: ids[2].to_vec(),
            observed_time_unix_nano: nanos,
        }
    }
}

fn tell_request(attributes: &mut Vec<Attribute>, step: u64) {
    let (input, output, cached) = (step % 3_000, 20 + step % 700, 10_000 + step % 50_000);
    let micros = input * 3 + output * 15 + cached * 3 / 10;
    attributes.extend([
        text("model", "claude-sonnet-4-5"),
        whole("input_tokens", input as i64),
        whole("output_tokens", output as i64),
        whole("cache_read_tokens", cached as i64),
        whole("cache_creation_tokens", 0),
        whole("cache_creation_5m_tokens", 0),
        whole("cache_creation_1h_tokens", 0),
        value("cost_usd", Value::DoubleValue(micros as f64 / 1e6)),
        whole("cost_usd_micros", micros as i64),
        whole("duration_ms", 800 + (step % 9_000) as i64),
        whole("ttft_ms", 300 + (step % 500) as i64),
        text("speed", "normal"),
        text("query_source", "sdk"),
    ]);
}

/// Tools with their input, so that what is searched for secrets and analysed is as it is in life.
const CALLS: [(&str, &str); 6] = [
    ("Bash", r#"{"command":"cargo test --workspace --lib -- parser","description":"Run the parser's tests"}"#),
    ("Read", r#"{"file_path":"/home/dev/billing/src/invoice/parser.rs"}"#),
    (
        "Edit",
        r#"{"file_path":"/home/dev/billing/src/invoice/total.rs","old_string":"let sum = 0;","new_string":"let mut sum = 0;"}"#,
    ),
    ("Bash", r#"{"command":"git status --short && git diff --stat","description":"See what changed"}"#),
    ("Grep", r#"{"pattern":"fn total","path":"/home/dev/billing/src","output_mode":"content"}"#),
    ("Bash", r#"{"command":"npm run build 2>&1 | tail -20","description":"Build the pages"}"#),
];

fn tell_decision(attributes: &mut Vec<Attribute>, step: u64) {
    let (tool, input) = CALLS[(step % CALLS.len() as u64) as usize];
    attributes.extend([
        text("decision", "accept"),
        text("source", "config"),
        text("tool_name", tool),
        text("tool_use_id", format!("toolu_01{step:016x}")),
        text("tool_source", "builtin"),
        text("tool_parameters", input),
        text("permission_mode", "acceptEdits"),
    ]);
}

fn tell_result(attributes: &mut Vec<Attribute>, step: u64) {
    let (tool, input) = CALLS[(step % CALLS.len() as u64) as usize];
    attributes.extend([
        text("tool_name", tool),
        text("tool_use_id", format!("toolu_01{step:016x}")),
        text("success", "true"),
        text("duration_ms", (20 + step % 4_000).to_string()),
        text("tool_input", input),
        text("tool_input_size_bytes", input.len().to_string()),
        text("tool_result_size_bytes", (step % 20_000).to_string()),
    ]);
}

fn text(key: &str, words: impl Into<String>) -> Attribute {
    value(key, Value::StringValue(words.into()))
}

fn whole(key: &str, number: i64) -> Attribute {
    value(key, Value::IntValue(number))
}

fn value(key: &str, value: Value) -> Attribute {
    Attribute { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }) }
}

/// Spreads two numbers over 64 bits (the finaliser of SplitMix64).
fn mix(a: u64, b: u64) -> u64 {
    let mut value = a.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(b);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
