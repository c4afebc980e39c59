//! `sentinel`: every record to Microsoft Sentinel by the Logs Ingestion API of Azure Monitor, a row of a custom table each.
//!
//! The columns are ours and the same for every schema: the record itself is the dynamic column `Record`. A column that the data collection
//! rule does not declare is dropped there without a word, so the rule of `docs/destinations/sentinel.md` declares all of them.

use std::time::Duration;

use ledger::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capabilities::Capabilities;
use crate::connections::http::{Http, Request, Response};
use crate::connections::oauth::{Authorized, ClientCredentials};
use crate::connections::{Connection, Reach};
use crate::judgement::Judgement;
use crate::message::{BatchLimits, Message, Rendered};
use crate::record::Record;
use crate::schemas::severity;
use crate::sink::{Class, Settings, Sink, SinkSpec, check_url};
use crate::streams::cut::{fit_value, short_text};
use crate::streams::fields::time;
use crate::streams::pack::{Shape, object, pack, string};
use crate::streams::{Kept, Stream};
use operations::secret::{Secret, SecretError};

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "sentinel",
    what: "Every record to a custom table of Microsoft Sentinel by the Logs Ingestion API.",
    guarantee: "At least once, from the moment that Azure Monitor accepts a batch (204). It knows no ids; duplicates and losses can be counted by Stream and \
                ExportSeq. Records above 60 KB are cut and say so, since Azure cuts a field at 64 KB in silence. Columns that the data collection rule does \
                not declare are dropped by Azure without a word.",
    class: Class::Stream(crate::sink::stream::<Sentinel>),
    example: "url = \"https://tachograph-x1.westeurope-1.ingest.monitor.azure.com\"\nrule = \"dcr-00000000000000000000000000000000\"\ntenant = \"11111111-2222-3333-4444-555555555555\"\nclient_id = \"66666666-7777-8888-9999-000000000000\"\nclient_secret = \"env:SENTINEL_CLIENT_SECRET\"",
    fields: crate::sink::fields::<Sentinel>,
    schema: crate::sink::schema::<Sentinel>,
};

/// A call has 1 MB, compressed or not.
const BATCH: Shape<'_> = Shape { open: "[", between: ",", close: "]", bytes_max: 1_000_000, records_max: 1_000 };
/// The longest value of the column `Record`: 64 KB are kept.
const FIELD_BYTES_MAX: usize = 60_000;
/// The longest other value.
const VALUE_BYTES_MAX: usize = 1_024;
/// Tables of the plan Auxiliary want the times of one call within half an hour.
const SPAN: Duration = Duration::from_mins(29);

/// The settings.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Sentinel {
    /// The logs ingestion endpoint of the data collection rule or of a data collection endpoint, without a path.
    url: String,
    /// The immutable id of the data collection rule, `dcr-…`.
    rule: String,
    /// The stream that the rule declares.
    #[serde(default = "stream")]
    stream: String,
    /// The directory (tenant) of the application.
    #[serde(default)]
    tenant: Option<String>,
    /// The application (client) that may publish by the rule.
    #[serde(default)]
    client_id: Option<String>,
    /// A secret of that application.
    #[serde(default)]
    client_secret: Option<Secret>,
    /// A token for `https://monitor.azure.com`, in place of the three: a file that something else keeps fresh.
    #[serde(default)]
    token: Option<Secret>,
    /// Where tokens are given out.
    #[serde(default = "authority")]
    authority: String,
    /// Whether bodies are compressed.
    #[serde(default = "yes")]
    gzip: bool,
}

fn stream() -> String {
    "Custom-Tachograph".to_owned()
}

fn authority() -> String {
    "https://login.microsoftonline.com".to_owned()
}

fn yes() -> bool {
    true
}

impl Sentinel {
    fn row(record: &Record) -> String {
        let value = |text: &str| string(short_text(text, VALUE_BYTES_MAX));
        let fitted = fit_value(&record.said, FIELD_BYTES_MAX);
        let text = if record.said.is_json { fitted.into_owned() } else { string(&fitted) };
        object(&[
            ("TimeGenerated", &time(record.recorded).to_string()),
            ("EventTime", &time(record.time).to_string()),
            ("Stream", &string(&record.stream())),
            ("Seq", &record.position.seq.to_string()),
            ("ExportSeq", &record.export_seq.to_string()),
            ("RecordId", &string(&record.position.to_string())),
            ("Kind", &value(record.kind())),
            ("Severity", &string(severity::of(record).as_str())),
            ("Host", &value(record.host.as_deref().unwrap_or_default())),
            ("Record", &text),
        ])
    }

    /// The application, if it proves itself by a secret.
    fn client(&self) -> Option<ClientCredentials> {
        let (tenant, client_id) = (self.tenant.as_deref()?, self.client_id.clone()?);
        Some(ClientCredentials {
            url: format!("{}/{tenant}/oauth2/v2.0/token", self.authority.trim_end_matches('/')),
            client_id,
            client_secret: self.client_secret.clone()?,
            scope: "https://monitor.azure.com/.default".to_owned(),
        })
    }
}

impl Settings for Sentinel {
    type Sink = Self;

    fn sink(self) -> Result<Self, String> {
        check_url("url", &self.url)?;
        check_url("authority", &self.authority)?;
        let plain = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        };
        let parts = [("rule", Some(&self.rule)), ("stream", Some(&self.stream)), ("tenant", self.tenant.as_ref())];
        if let Some((name, _)) = parts.iter().find(|(_, part)| part.is_some_and(|part| !plain(part))) {
            return Err(format!("{name} has letters, digits, '-', '_' and '.'"));
        }
        let any = self.tenant.is_some() || self.client_id.is_some() || self.client_secret.is_some();
        match (self.client().is_some(), any, self.token.is_some()) {
            (true, _, false) | (false, false, true) => Ok(self),
            _ => Err("set either tenant, client_id and client_secret, or token".to_owned()),
        }
    }
}

impl Sink for Sentinel {
    type Protocol = Http;

    fn limits(&self) -> BatchLimits {
        BatchLimits { records: BATCH.records_max, burst: 1, interval: Duration::ZERO }
    }

    fn connect(&self, reach: &Reach) -> Result<Box<dyn Connection<Http>>, String> {
        let connection = Http::connect(reach)?;
        Ok(match self.client() {
            Some(client) => Authorized::over(connection, Box::new(client)),
            None => connection,
        })
    }

    fn payload(&self, message: &Message, _now: Timestamp) -> Result<Request, SecretError> {
        let url = format!(
            "{}/dataCollectionRules/{}/streams/{}?api-version=2023-01-01",
            self.url.trim_end_matches('/'),
            self.rule,
            self.stream
        );
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

impl Stream for Sentinel {
    fn kept<'a>(&self, record: &'a Record) -> Kept<'a> {
        Kept::fitted(fit_value(&record.said, FIELD_BYTES_MAX))
    }

    fn render(&self, records: &[Record]) -> Rendered {
        let first = records.first().map_or(Timestamp::EPOCH, |record| record.recorded);
        let together = records.iter().take_while(|record| record.recorded.since(first) <= SPAN).count();
        pack(&records[..together.max(1).min(records.len())], &BATCH, |record, body| {
            body.extend_from_slice(Self::row(record).as_bytes());
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::fixtures;

    fn sink(settings: Value) -> Result<Sentinel, String> {
        let mut all = json!({"url": "https://a.ingest.acme.example", "rule": "dcr-1"});
        let serde_json::Value::Object(settings) = settings else { panic!("settings are an object") };
        all.as_object_mut().unwrap().extend(settings);
        serde_json::from_value::<Sentinel>(all).unwrap().sink()
    }

    fn with_token() -> Sentinel {
        sink(json!({"token": "env:T"})).unwrap()
    }

    #[test]
    fn the_format_is_frozen() {
        let rows = fixtures::events(&[json!({"kind": "prompt", "time": 1_763_750_000_123_456_i64})]);
        let body = with_token().render(&fixtures::records(&rows)).messages.remove(0).body;
        let expected = concat!(
            r#"[{"TimeGenerated":"2025-11-21T00:00:00.000000Z","EventTime":"2025-11-21T18:33:20.123456Z","Stream":"events/0","Seq":0,"ExportSeq":0,"#,
            r#""RecordId":"events/0/0","Kind":"prompt","Severity":"info","Host":"","Record":{"kind":"prompt","position":"events/0/0","#,
            r#""recorded":"2025-11-21T00:00:00.000000Z","tachograph":{"export_seq":0,"seq":0,"stream":"events/0"},"time":"2025-11-21T18:33:20.123456Z"}}]"#
        );
        assert_eq!(String::from_utf8(body).unwrap(), expected);
    }

    /// What the rule does not declare is dropped without a word.
    #[test]
    fn the_rule_of_the_page_declares_every_column() {
        let page = include_str!("../../../docs/destinations/sentinel.md");
        let rule = page.split("```json").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let rule: Value = serde_json::from_str(rule).unwrap();
        let stream = rule["streamDeclarations"][with_token().stream.as_str()]["columns"].as_array().unwrap();
        let mut declared: Vec<&str> = stream.iter().map(|column| column["name"].as_str().unwrap()).collect();
        declared.sort_unstable();
        let body = with_token()
            .render(&fixtures::records(&fixtures::events(&[json!({"kind": "prompt"})])))
            .messages
            .remove(0)
            .body;
        let rows: Vec<Map<String, Value>> = serde_json::from_slice(&body).unwrap();
        assert_eq!(rows[0].keys().collect::<Vec<_>>(), declared);
    }

    #[test]
    fn a_field_is_below_64_kilobytes_and_a_call_within_half_an_hour() {
        let long = json!({"kind": "prompt", "target": "x".repeat(30_000), "path": "\"".repeat(30_000), "host": "y".repeat(9_000)});
        let mut records = fixtures::records(&fixtures::events(&vec![long; 9]));
        records[7].recorded = records[0].recorded.saturating_add(Duration::from_mins(30));
        let rendered = with_token().render(&records);
        let rows: Vec<Value> = serde_json::from_slice(&rendered.messages[0].body).unwrap();
        assert_eq!((rendered.taken, rows.len()), (7, 7));
        for row in rows {
            assert!(row["Record"].to_string().len() <= 64_000 && row["Record"]["is_truncated"] == true);
        }
    }

    #[test]
    fn who_sends_is_said_one_way() {
        let client = json!({"tenant": "t", "client_id": "c", "client_secret": "env:S"});
        let grant = sink(client.clone()).unwrap().client().unwrap();
        assert_eq!(grant.url, "https://login.microsoftonline.com/t/oauth2/v2.0/token");
        let mut both = client;
        both["token"] = "env:T".into();
        for settings in [both, json!({}), json!({"tenant": "t"}), json!({"tenant": "t", "token": "env:T"})] {
            assert!(sink(settings).err().unwrap().contains("either"));
        }
        assert!(sink(json!({"token": "env:T", "rule": "a/b"})).err().unwrap().contains("rule"));
    }
}
