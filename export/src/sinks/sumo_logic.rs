//! `sumo_logic`: every record to a hosted HTTP source of Sumo Logic, a line each.
//!
//! The address of the source is itself the secret: it stands in no log, error or entry.

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
use crate::sink::{Class, Settings, Sink, SinkSpec};
use crate::streams::cut::fit_plain;
use crate::streams::pack::{Shape, pack};
use crate::streams::{Kept, Stream};
use operations::secret::{Secret, SecretError};

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "sumo_logic",
    what: "Every record to a hosted HTTP source of Sumo Logic, as one line of JSON each.",
    guarantee: "At least once, from the moment that Sumo Logic accepts a batch (200). It knows no ids, and 408 says that it may have a batch, which is sent \
                again; duplicates and losses can be counted by stream and export_seq in the record. Records above 60 KB are cut and say so: Sumo Logic \
                makes several messages of a line above 64 KB.",
    class: Class::Stream(crate::sink::stream::<SumoLogic>),
    example: "source = \"env:SUMO_SOURCE_URL\"\ncategory = \"security/tachograph\"",
    fields: crate::sink::fields::<SumoLogic>,
    schema: crate::sink::schema::<SumoLogic>,
};

/// Sumo Logic advises 100 KB to 1 MB before compression.
const BATCH: Shape<'_> = Shape { open: "", between: "\n", close: "\n", bytes_max: 1_000_000, records_max: 1_000 };
/// The longest line.
const LINE_BYTES_MAX: usize = 60_000;

/// The settings.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SumoLogic {
    /// The address of the HTTP source, which is its only secret.
    source: Secret,
    /// `_sourceCategory` of every record, in place of the source's own.
    #[serde(default)]
    category: Option<String>,
    /// `_sourceName`, in place of the source's own.
    #[serde(default)]
    name_of_source: Option<String>,
    /// `_sourceHost`, in place of the source's own.
    #[serde(default)]
    host: Option<String>,
    /// Fields of every record, such as `team=soc,env=prod`.
    #[serde(default)]
    source_fields: Option<String>,
    /// Whether bodies are compressed.
    #[serde(default = "yes")]
    gzip: bool,
}

fn yes() -> bool {
    true
}

impl SumoLogic {
    /// The headers by which Sumo Logic describes what it gets.
    fn descriptions(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("x-sumo-category", &self.category),
            ("x-sumo-name", &self.name_of_source),
            ("x-sumo-host", &self.host),
            ("x-sumo-fields", &self.source_fields),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_deref()?)))
    }
}

impl Settings for SumoLogic {
    type Sink = Self;

    fn sink(self) -> Result<Self, String> {
        let is_header = |text: &str| {
            !text.is_empty() && text.len() <= 1_024 && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        };
        let unfit = self.descriptions().find(|(_, value)| !is_header(value)).map(|(name, _)| name);
        match unfit {
            Some(name) => Err(format!("what goes as {name} has 1 to 1024 printable characters of ASCII")),
            None => Ok(self),
        }
    }
}

impl Sink for SumoLogic {
    type Protocol = Http;

    fn limits(&self) -> BatchLimits {
        BatchLimits { records: BATCH.records_max, burst: 1, interval: Duration::ZERO }
    }

    fn connect(&self, reach: &Reach) -> Result<Box<dyn Connection<Http>>, String> {
        Http::connect(reach)
    }

    fn payload(&self, message: &Message, _now: Timestamp) -> Result<Request, SecretError> {
        let request = Request::post_secretly(self.source.read()?, message.body.clone())
            .header("content-type", "application/json");
        let described = self.descriptions().fold(request, |request, (name, value)| request.header(name, value));
        Ok(described.gzip(self.gzip))
    }

    /// 408 says that the batch was accepted and the answer took too long; 504 the same of what stands before.
    fn judge(&self, answer: &Response) -> Judgement {
        answer.judge_status()
    }

    fn capabilities(&self) -> Capabilities<'_, Http> {
        Capabilities::default()
    }
}

impl Stream for SumoLogic {
    fn kept<'a>(&self, record: &'a Record) -> Kept<'a> {
        Kept::fitted(fit_plain(&record.said, LINE_BYTES_MAX))
    }

    fn render(&self, records: &[Record]) -> Rendered {
        pack(records, &BATCH, |record, body| body.extend_from_slice(self.kept(record).text.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::connections::Payload as _;
    use crate::fixtures;

    #[test]
    fn each_record_is_a_line_and_the_address_is_not_shown() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("s"), "https://collectors.acme.example/receiver/v1/http/hunter2").unwrap();
        let source = format!("file:{}", dir.path().join("s").display());
        let sink: SumoLogic =
            serde_json::from_value(json!({"source": source, "category": "security", "gzip": false})).unwrap();
        let sink = sink.sink().unwrap();
        let rendered = sink.render(&fixtures::records(&fixtures::events(&vec![json!({"kind": "a\nb"}); 3])));
        let request = sink.payload(&rendered.messages[0], Timestamp::EPOCH).unwrap();
        assert_eq!(String::from_utf8(request.body.clone()).unwrap().matches('\n').count(), 3);
        for (number, line) in String::from_utf8(request.body.clone()).unwrap().lines().enumerate() {
            let line: Value = serde_json::from_str(line).unwrap();
            assert_eq!((&line["tachograph"]["export_seq"], &line["kind"]), (&json!(number), &json!("a\nb")));
        }
        let shown = request.shown(b"");
        assert!(shown.contains("x-sumo-category: security") && !shown.contains("hunter2"), "{shown}");
        let sink: SumoLogic = serde_json::from_value(json!({"source": source, "category": "a\nb"})).unwrap();
        assert!(sink.sink().err().unwrap().contains("x-sumo-category"));
    }
}
