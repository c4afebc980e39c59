//! `secops`: every record to Google SecOps (Chronicle) by its API `v1alpha`: records that are said as UDM by `events:import`, others as raw logs
//! by `logs:import`. UDM is what it takes unless the settings say otherwise: of a raw log it knows nothing until somebody has written a parser.
//!
//! A batch with one record that it does not take is refused as a whole, so halves of it are tried until that one is alone.

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capabilities::Capabilities;
use crate::connections::http::{Http, Request, Response};
use crate::connections::oauth::{Authorized, ServiceAccount};
use crate::connections::{Connection, Reach};
use crate::judgement::Judgement;
use crate::message::{BatchLimits, Message, Rendered};
use crate::record::Record;
use crate::schemas::{SCHEMAS, SchemaSpec, udm};
use crate::sink::{Class, Settings, Sink, SinkSpec, check_url};
use crate::streams::cut::{fit_inside, fit_plain};
use crate::streams::fields::time;
use crate::streams::pack::{Shape, object, pack, string};
use crate::streams::{Kept, Stream};
use operations::secret::{Secret, SecretError};

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "secops",
    what: "Every record to Google SecOps as a UDM event, or with another `schema` as a raw log of a custom log type, which needs a parser there.",
    guarantee: "At least once, from the moment that SecOps accepts a batch (200). It promises nothing of ids; duplicates and losses can be counted by chain and \
                export_seq under `additional`, or by stream and export_seq in a raw log. Records above 700 KB are cut and say so.",
    class: Class::Stream(crate::sink::stream::<SecOps>),
    example: "project = \"acme-security\"\nlocation = \"eu\"\ninstance = \"11111111-2222-3333-4444-555555555555\"\ncredentials = \"file:/run/secrets/secops.json\"",
    fields: crate::sink::fields::<SecOps>,
    schema: crate::sink::schema::<SecOps>,
};

/// A call has 1 MB by the documents of the older API, 4 MB by those of this one.
const BODY_BYTES_MAX: usize = 1_000_000;
/// Records in one call.
const BATCH_RECORDS_MAX: usize = 500;
/// The longest record. Base64 makes a third more of it.
const RECORD_BYTES_MAX: usize = 700_000;
/// The member of an event that takes what the model has no field for.
const ADDITIONAL: &str = "additional";
/// The schemas that it takes, that of its own first.
static TAKEN: LazyLock<Vec<&SchemaSpec>> = LazyLock::new(|| {
    let mut taken = SCHEMAS.to_vec();
    taken.sort_by_key(|schema| schema.name != udm::SPEC.name);
    taken
});
/// Where a message goes: to the method for events,
const EVENTS: &str = "events";
/// or to the one for raw logs.
const LOGS: &str = "logs";

/// The settings.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SecOps {
    /// The Google Cloud project that the instance is bound to.
    project: String,
    /// The region of the instance, such as `us`, `eu` or `europe-west2`.
    location: String,
    /// The customer id of the instance.
    instance: String,
    /// The log type of raw logs.
    #[serde(default = "log_type")]
    log_type: String,
    /// The id of the forwarder that raw logs are counted for; raw logs need one.
    #[serde(default)]
    forwarder: Option<String>,
    /// The JSON key of a service account that may import.
    #[serde(default)]
    credentials: Option<Secret>,
    /// An access token, in place of the key: a file that something else keeps fresh.
    #[serde(default)]
    token: Option<Secret>,
    /// The address of the API, in place of the one that follows from `location`.
    #[serde(default)]
    url: Option<String>,
    /// Whether bodies are compressed.
    #[serde(default = "yes")]
    gzip: bool,
}

fn log_type() -> String {
    "TACHOGRAPH".to_owned()
}

fn yes() -> bool {
    true
}

impl SecOps {
    /// The instance as the API names it.
    fn parent(&self) -> String {
        format!("projects/{}/locations/{}/instances/{}", self.project, self.location, self.instance)
    }

    /// A raw log. It says that it was written before it was collected, or the API refuses it; events may say otherwise.
    fn log(record: &Record) -> String {
        let data = STANDARD.encode(fit_plain(&record.said, RECORD_BYTES_MAX).as_bytes());
        object(&[
            ("data", &string(&data)),
            ("log_entry_time", &time(record.time.min(record.recorded)).to_string()),
            ("collection_time", &time(record.recorded).to_string()),
        ])
    }

    fn event(record: &Record) -> String {
        object(&[("udm", &fit_inside(&record.said, RECORD_BYTES_MAX, ADDITIONAL))])
    }
}

impl Settings for SecOps {
    type Sink = Self;

    fn sink(self) -> Result<Self, String> {
        self.url.as_deref().map_or(Ok(()), |url| check_url("url", url))?;
        let plain = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'))
        };
        let parts = [
            ("project", Some(&self.project)),
            ("location", Some(&self.location)),
            ("instance", Some(&self.instance)),
            ("log_type", Some(&self.log_type)),
            ("forwarder", self.forwarder.as_ref()),
        ];
        if let Some((name, _)) = parts.iter().find(|(_, part)| part.is_some_and(|part| !plain(part))) {
            return Err(format!("{name} has letters, digits, '-', '_', '.' and ':'"));
        }
        match (&self.credentials, &self.token) {
            (Some(_), None) | (None, Some(_)) => Ok(self),
            _ => Err("set either credentials or token".to_owned()),
        }
    }
}

impl Sink for SecOps {
    type Protocol = Http;

    fn limits(&self) -> BatchLimits {
        BatchLimits { records: BATCH_RECORDS_MAX, burst: 1, interval: Duration::ZERO }
    }

    fn connect(&self, reach: &Reach) -> Result<Box<dyn Connection<Http>>, String> {
        let connection = Http::connect(reach)?;
        Ok(match &self.credentials {
            Some(key) => {
                let scope = "https://www.googleapis.com/auth/cloud-platform".to_owned();
                Authorized::over(connection, Box::new(ServiceAccount { key: key.clone(), scope }))
            }
            None => connection,
        })
    }

    fn payload(&self, message: &Message, _now: Timestamp) -> Result<Request, SecretError> {
        let usual = format!("https://{}-chronicle.googleapis.com", self.location);
        let base = self.url.as_deref().unwrap_or(&usual).trim_end_matches('/');
        let method = match message.to {
            EVENTS => "events:import".to_owned(),
            _ => format!("logTypes/{}/logs:import", self.log_type),
        };
        let url = format!("{base}/v1alpha/{}/{method}", self.parent());
        let request =
            Request::post(&url, message.body.clone()).header("content-type", "application/json").gzip(self.gzip);
        match &self.token {
            Some(token) => Ok(request.authorized("Bearer", token.read()?)),
            None => Ok(request),
        }
    }

    fn judge(&self, answer: &Response) -> Judgement {
        answer.judge_status()
    }

    fn capabilities(&self) -> Capabilities<'_, Http> {
        Capabilities::default()
    }
}

impl Stream for SecOps {
    fn kept<'a>(&self, record: &'a Record) -> Kept<'a> {
        let is_event = record.said.schema == udm::SPEC.name;
        Kept::fitted(if is_event {
            fit_inside(&record.said, RECORD_BYTES_MAX, ADDITIONAL)
        } else {
            fit_plain(&record.said, RECORD_BYTES_MAX)
        })
    }

    fn schemas(&self) -> &'static [&'static SchemaSpec] {
        &TAKEN
    }

    fn render(&self, records: &[Record]) -> Rendered {
        let is_udm = |record: &Record| record.said.schema == udm::SPEC.name;
        let as_events = records.first().is_some_and(is_udm);
        let alike = records.iter().take_while(|record| is_udm(record) == as_events).count();
        let open = match (as_events, &self.forwarder) {
            (true, _) => "{\"inline_source\":{\"events\":[".to_owned(),
            (false, Some(forwarder)) => {
                let name = string(&format!("{}/forwarders/{forwarder}", self.parent()));
                format!("{{\"inline_source\":{{\"forwarder\":{name},\"logs\":[")
            }
            (false, None) => "{\"inline_source\":{\"logs\":[".to_owned(),
        };
        let shape = Shape {
            open: &open,
            between: ",",
            close: "]}}",
            bytes_max: BODY_BYTES_MAX,
            records_max: BATCH_RECORDS_MAX,
        };
        let say = if as_events { Self::event } else { Self::log };
        let mut rendered =
            pack(&records[..alike], &shape, |record, body| body.extend_from_slice(say(record).as_bytes()));
        for message in &mut rendered.messages {
            message.to = if as_events { EVENTS } else { LOGS };
        }
        rendered
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures;
    use crate::schemas::Said;

    fn sink(settings: Value) -> Result<SecOps, String> {
        let mut all = json!({"project": "acme", "location": "eu", "instance": "i-1"});
        let serde_json::Value::Object(settings) = settings else { panic!("settings are an object") };
        all.as_object_mut().unwrap().extend(settings);
        serde_json::from_value::<SecOps>(all).unwrap().sink()
    }

    fn sent(records: &[Record]) -> (String, Value) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("t"), "t").unwrap();
        let token = format!("file:{}", dir.path().join("t").display());
        let sink = sink(json!({"token": token, "forwarder": "f-1", "gzip": false})).unwrap();
        let request = sink.payload(&sink.render(records).messages[0], Timestamp::EPOCH).unwrap();
        (request.shown_url, serde_json::from_slice(&request.body).unwrap())
    }

    #[test]
    fn what_it_takes_without_a_word_is_udm() {
        let sink = sink(json!({"token": "env:T"})).unwrap();
        let names: Vec<_> = sink.schemas().iter().map(|schema| schema.name).collect();
        assert_eq!((names.first(), names.len()), (Some(&"udm"), SCHEMAS.len()), "{names:?}");
    }

    #[test]
    fn an_event_that_is_cut_has_no_member_that_the_model_lacks() {
        let mut records = fixtures::records(&fixtures::events(&[json!({"kind": "prompt"})]));
        let event = json!({"additional": {"export_seq": "0"}, "target": {"url": "x".repeat(800_000)}});
        records[0].said = Said { schema: udm::SPEC.name, ..Said::object(&event) };
        let (_, body) = sent(&records);
        let event = &body["inline_source"]["events"][0]["udm"];
        assert!(event.get("is_truncated").is_none() && event.to_string().len() < 700_000, "{event}");
        assert_eq!(
            (&event["additional"]["is_truncated"], &event["additional"]["export_seq"]),
            (&json!("true"), &json!("0"))
        );
    }

    #[test]
    fn a_record_is_a_raw_log_unless_it_is_said_as_udm() {
        let future = json!({"kind": "prompt", "time": 4_102_444_800_000_000_i64});
        let mut records = fixtures::records(&fixtures::events(&[future]));
        let (url, body) = sent(&records);
        let parent = "projects/acme/locations/eu/instances/i-1";
        assert_eq!(
            url,
            format!("https://eu-chronicle.googleapis.com/v1alpha/{parent}/logTypes/TACHOGRAPH/logs:import")
        );
        let source = &body["inline_source"];
        assert_eq!(source["forwarder"], format!("{parent}/forwarders/f-1"));
        let log = &source["logs"][0];
        assert_eq!(STANDARD.decode(log["data"].as_str().unwrap()).unwrap(), records[0].said.text.as_bytes());
        assert_eq!(log["log_entry_time"], log["collection_time"], "nothing is written after it was collected");
        records[0].said.schema = udm::SPEC.name;
        let (url, body) = sent(&records);
        assert!(url.ends_with("/instances/i-1/events:import"), "{url}");
        assert_eq!(body["inline_source"]["events"][0]["udm"]["kind"], "prompt");
    }

    #[test]
    fn mistakes_are_named() {
        for settings in [json!({}), json!({"token": "env:T", "credentials": "env:C"})] {
            assert!(sink(settings).err().unwrap().contains("either"));
        }
        assert!(sink(json!({"token": "env:T", "instance": "a/b"})).err().unwrap().contains("instance"));
    }
}
