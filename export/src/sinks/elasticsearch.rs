//! `elasticsearch`: every record to Elasticsearch or OpenSearch by the bulk API (`POST /_bulk`, NDJSON).
//!
//! Each record is a `create` whose `_id` is its position in the ledger, so what is sent again is answered with 409 and stands there once.
//! `_id`s are unique within one index only: a record that is sent again after a data stream rolled over stands there twice. So records go
//! to an index whose name follows from the record, unless the settings ask for a data stream.
//!
//! The day in the name is that of recording, not that of the event: events say by themselves when they happened, and who writes a
//! thousand days into a thousand events would make a thousand indices.

mod index;
mod read;

use std::time::Duration;

use ledger::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::capabilities::{Capabilities, Outcomes};
use crate::connections::aws::{Signed, Signing};
use crate::connections::http::credentials::Credentials;
use crate::connections::http::{Http, Request, Response};
use crate::connections::{Connection, Reach, excerpt};
use crate::judgement::{Judgement, Outcome};
use crate::limits::{ANSWER_BYTES_MAX, IN_FLIGHT_MAX};
use crate::message::{BatchLimits, Message, Rendered};
use crate::record::Record;
use crate::sink::{Class, Settings, Sink, SinkSpec, check_url};
use crate::streams::fields::{Field, time};
use crate::streams::objects::{AwsKey, Credentials as KeySource, check_region};
use crate::streams::pack::{Shape, object, pack, string};
use crate::streams::{Kept, Stream};
use index::Index;
use operations::secret::{Secret, SecretError};

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "elasticsearch",
    what: "Every record to Elasticsearch or OpenSearch by the bulk API, as documents whose ids are positions in the ledger.",
    guarantee: "Effectively once with `index`: a record that is sent again has the same id in the same index, and the receiver answers that it has it. At \
                least once with `data_stream`: after a rollover the receiver does not know the ids of the index before, so a record that is sent \
                again then stands there twice; duplicates and losses can be counted by stream and export_seq. A record that does not fit the mapping \
                becomes a dead letter, alone.",
    class: Class::Stream(crate::sink::stream::<Elasticsearch>),
    example: "url = \"https://elastic.acme.example:9200\"\napi_key = \"env:ELASTIC_API_KEY\"",
    fields: crate::sink::fields::<Elasticsearch>,
    schema: crate::sink::schema::<Elasticsearch>,
};

/// Elastic advises 5 to 15 MB in one request; the server takes 100 MB (`http.max_content_length`). The answer tells of each record, so
/// that their number is bounded by what is read of an answer.
const BATCH: Shape<'_> = Shape { open: "", between: "", close: "", bytes_max: 5_000_000, records_max: 1_000 };

/// What the answer is reduced to: what became of each record.
const PATH: &str = "_bulk?filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason";

/// The settings.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Elasticsearch {
    /// The address of the cluster or of what stands before it, without `/_bulk`.
    url: String,
    /// The index of a record, in which one of `{yyyy.MM.dd}`, `{yyyy.MM}` and `{yyyy}` stands for the day, the month or the year of recording in
    /// UTC. Without it `tachograph-{yyyy.MM.dd}`.
    #[serde(default)]
    index: Option<String>,
    /// The data stream that every record goes to, in place of `index`.
    #[serde(default)]
    data_stream: Option<String>,
    /// What stands before each id. Logs that share an index need different ones: their positions are the same.
    #[serde(default)]
    id_prefix: String,
    /// An API key as Elasticsearch encodes it (`encoded`).
    #[serde(default)]
    api_key: Option<Secret>,
    /// A token, sent as `Bearer`.
    #[serde(default)]
    token: Option<Secret>,
    /// The name of a user.
    #[serde(default)]
    user: Option<String>,
    /// The password of that user.
    #[serde(default)]
    password: Option<Secret>,
    /// The region of Amazon OpenSearch Service, such as `eu-central-1`, if that is what stands there: requests are then signed (Signature Version 4).
    #[serde(default)]
    region: Option<String>,
    /// What is there: `es`, a domain, or `aoss`, a collection of OpenSearch Serverless. Collections of time series take no ids, and so no records.
    #[serde(default)]
    service: Service,
    /// Where the key for signatures comes from: `settings`, or `environment`, which is the variables and files of the AWS tools, the role of a pod, a
    /// container or a machine.
    #[serde(default)]
    credentials: KeySource,
    /// The id of the key, which is no secret.
    #[serde(default)]
    access_key_id: Option<String>,
    /// The key.
    #[serde(default)]
    secret_access_key: Option<Secret>,
    /// The token of a session, if the key belongs to one.
    #[serde(default)]
    session_token: Option<Secret>,
    /// Whether bodies are compressed.
    #[serde(default = "yes")]
    gzip: bool,
    /// Where records go, by the two settings.
    #[serde(skip)]
    place: Index,
    /// What requests are signed for, by the settings.
    #[serde(skip)]
    signing: Option<Signing>,
}

/// A service of Amazon, as signatures name it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Service {
    /// A domain of Amazon OpenSearch Service.
    #[default]
    Es,
    /// A collection of Amazon OpenSearch Serverless.
    Aoss,
}

fn yes() -> bool {
    true
}

impl Elasticsearch {
    fn credentials<T>(&self, use_them: impl FnOnce(Credentials<'_>) -> T) -> T {
        let secrets = [("ApiKey", self.api_key.as_ref()), ("Bearer", self.token.as_ref())];
        use_them(Credentials { secrets: &secrets, user: self.user.as_deref(), password: self.password.as_ref() })
    }

    /// What requests are signed for, if they are. The error says what of the settings cannot be meant.
    fn signing(&mut self) -> Result<Option<Signing>, String> {
        let key = AwsKey {
            credentials: self.credentials,
            access_key_id: self.access_key_id.take(),
            secret_access_key: self.secret_access_key.take(),
            session_token: self.session_token.take(),
        };
        let Some(region) = self.region.clone() else {
            let is_unset =
                key.access_key_id.is_none() && key.secret_access_key.is_none() && key.session_token.is_none();
            return if is_unset && key.credentials == KeySource::Settings {
                Ok(None)
            } else {
                Err("region is missing: a key of AWS signs for one".to_owned())
            };
        };
        check_region(&region)?;
        if self.api_key.is_some() || self.token.is_some() || self.user.is_some() {
            return Err("only one proof of who sends may be set: with region requests are signed".to_owned());
        }
        let service = match self.service {
            Service::Es => "es",
            Service::Aoss => "aoss",
        };
        Ok(Some(Signing { region, service, key: key.check()? }))
    }

    /// The id of a record. A test is no record: its id must not be the one of a record that comes later.
    fn id(&self, record: &Record) -> String {
        let position = record.position;
        match record.fields.get("test").and_then(Field::as_json) {
            Some(Value::Bool(true)) => format!("{}test-{}", self.id_prefix, record.recorded.unix_micros()),
            _ => format!("{}{}-{}-{}", self.id_prefix, position.ledger, position.shard, position.seq),
        }
    }

    /// The two lines of a record.
    fn lines(&self, record: &Record) -> String {
        let target =
            object(&[("_index", &string(&self.place.of(record.recorded))), ("_id", &string(&self.id(record)))]);
        format!("{}\n{}\n", object(&[("create", &target)]), document(record))
    }
}

/// A record as a document. Every document has `@timestamp`, which data streams want; schemas of Elastic's bring their own.
fn document(record: &Record) -> String {
    let moment = time(record.time).to_string();
    let said = &record.said;
    match said.text.strip_prefix('{') {
        Some(_) if said.is_json && said.schema == "ecs" => said.text.clone(),
        Some(members) if said.is_json && members != "}" => format!("{{\"@timestamp\":{moment},{members}"),
        _ => object(&[("@timestamp", &moment), ("message", &said.json())]),
    }
}

/// What became of one record: the answer of an operation is an object with one member, which is named by the operation.
fn outcome(item: &Value) -> Option<Outcome> {
    let result = item.as_object()?.values().next()?;
    let status = result["status"].as_u64()?;
    let kind = result["error"]["type"].as_str().unwrap_or_default();
    let reason = excerpt(&format!("{status} {kind}: {}", result["error"]["reason"].as_str().unwrap_or_default()));
    Some(match (status, kind) {
        // 409 is the answer to a `create` whose id is there: an earlier request has made it.
        (200..=299 | 409, _) => Outcome::Taken,
        (429 | 500..=599, _) | (_, "es_rejected_execution_exception" | "rejected_execution_exception") => {
            Outcome::Later(reason)
        }
        (_, "unavailable_shards_exception" | "circuit_breaking_exception") => Outcome::Later(reason),
        // The shards of the cluster are as many as it may have, or the name is none: no record would be taken.
        // There is no such index and none may be made (404), nobody may write (403, also a disk that is full), or nobody knows us (401).
        (400, "validation_exception" | "invalid_index_name_exception") | (300..=399 | 401..=407 | 410, _) => {
            Outcome::Park(reason)
        }
        // The mapping does not fit (400), or the document is too long (413).
        _ => Outcome::Refused(reason),
    })
}

impl Settings for Elasticsearch {
    type Sink = Self;

    fn sink(mut self) -> Result<Self, String> {
        check_url("url", &self.url)?;
        self.credentials(|credentials| credentials.check())?;
        self.signing = self.signing()?;
        self.place = Index::read(self.index.as_deref(), self.data_stream.as_deref())?;
        if self.id_prefix.len() > 128 || !self.id_prefix.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("id_prefix has at most 128 printable characters of ASCII".to_owned());
        }
        Ok(self)
    }
}

impl Sink for Elasticsearch {
    type Protocol = Http;

    fn limits(&self) -> BatchLimits {
        BatchLimits { records: BATCH.records_max, burst: 1, interval: Duration::ZERO }
    }

    fn connect(&self, reach: &Reach) -> Result<Box<dyn Connection<Http>>, String> {
        let connection = Http::connect(reach)?;
        match &self.signing {
            Some(signing) => Signed::over(connection, signing.clone(), reach),
            None => Ok(connection),
        }
    }

    fn payload(&self, message: &Message, _now: Timestamp) -> Result<Request, SecretError> {
        let url = format!("{}/{PATH}", self.url.trim_end_matches('/'));
        let request = Request::post(&url, message.body.clone()).header("content-type", "application/x-ndjson");
        self.credentials(|credentials| credentials.put(request.gzip(self.gzip)))
    }

    /// What the answer means where it does not tell of every record, as that of a batch that was refused as a whole.
    fn judge(&self, answer: &Response) -> Judgement {
        let reason = format!("the answer does not tell of every record: {answer}");
        match answer.status {
            // So many records were refused that the answer is not read to its end; fewer at once have a shorter one.
            200..=299 if answer.body.len() >= ANSWER_BYTES_MAX => Judgement::Split { reason },
            // Tenzir 6.20 answers for one record, however many there were: it is asked with one.
            200..=299 if self.outcomes(answer, 1).is_some() => Judgement::Split { reason },
            200..=299 => Judgement::Uncertain { reason },
            _ => answer.judge_status(),
        }
    }

    fn capabilities(&self) -> Capabilities<'_, Http> {
        Capabilities { outcomes: Some(self), read_back: Some(self), ..Capabilities::default() }
    }
}

impl Outcomes<Http> for Elasticsearch {
    fn outcomes(&self, answer: &Response, records: usize) -> Option<Vec<Outcome>> {
        let reply: Value = serde_json::from_str(&answer.body).ok().filter(|_| (200..300).contains(&answer.status))?;
        let items = reply["items"].as_array().filter(|items| items.len() == records)?;
        items.iter().map(outcome).collect()
    }

    fn after(&self, answer: &Response) -> Option<Duration> {
        answer.retry_after
    }
}

impl Stream for Elasticsearch {
    fn kept<'a>(&self, record: &'a Record) -> Kept<'a> {
        if record.said.is_json { Kept::whole(document(record)) } else { Kept::whole(&record.said.text) }
    }

    fn reads_columns(&self) -> bool {
        false
    }

    fn in_flight_max(&self) -> u8 {
        IN_FLIGHT_MAX
    }

    fn render(&self, records: &[Record]) -> Rendered {
        pack(records, &BATCH, |record, body| body.extend_from_slice(self.lines(record).as_bytes()))
    }
}

#[cfg(test)]
mod tests;
