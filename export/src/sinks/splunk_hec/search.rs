//! Reads every event of a sink back: a search of Splunk's that is exported while it runs (`/services/search/v2/jobs/export`, `output_mode=json`).
//!
//! The answer is a JSON object on each line: an event in `result`, or what Splunk has to say in `messages`. Events of a preview come again in the
//! end. Whoever has the last line has everything: it says `lastrow`.

use std::time::Duration;

use async_trait::async_trait;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::Value;

use super::SplunkHec;
use crate::capabilities::ReadBack;
use crate::connections::http::Request;
use crate::connections::http::ask::{Asking, Pieces};
use crate::connections::{Reach, excerpt};
use crate::limits::READ_BACK_ANSWER_MAX;
use crate::receipts::ReceiptsError;
use crate::receipts::copy::Copy;

/// How long an event may not be found after the collector took it.
const SETTLING: Duration = Duration::from_mins(5);

impl SplunkHec {
    /// The search for everything that this sink sent. It makes nothing of the events, so Splunk gives back all of them.
    fn search(&self) -> String {
        let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let index = self.index.as_deref().map_or_else(|| "*".to_owned(), quoted);
        format!("search index={index} source={} sourcetype=\"tachograph:*\" | fields _raw", quoted(&self.source))
    }

    fn export(&self) -> Result<Request, ReceiptsError> {
        // Agents say when events happened, so some may be dated ahead.
        let fields = [
            ("search", self.search().as_str()),
            ("output_mode", "json"),
            ("preview", "false"),
            ("earliest_time", "0"),
            ("latest_time", "+10y"),
        ]
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
        let url = format!("{}/services/search/v2/jobs/export", self.url.trim_end_matches('/'));
        let request = Request::post(&url, fields.join("&").into_bytes());
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        Ok(request.authorized("Bearer", self.token.read()?))
    }
}

/// What one line of the answer is.
#[derive(Debug, PartialEq)]
enum Row {
    /// An event.
    Event(Value),
    /// The last line, with its event, if there are events.
    Last(Option<Value>),
    /// Nothing that matters.
    Other,
}

/// Reads a line. What Splunk calls an error or worse is one.
fn row(line: &[u8]) -> Result<Row, ReceiptsError> {
    let mut line: Value = serde_json::from_slice(line)
        .map_err(|error| ReceiptsError::Unanswered(format!("a line of the answer is no JSON: {error}")))?;
    let messages = line["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_bad = |message: &&Value| matches!(message["type"].as_str(), Some("ERROR" | "FATAL"));
    if let Some(message) = messages.iter().find(is_bad) {
        let said = message["text"].as_str().unwrap_or_default();
        return Err(ReceiptsError::Unanswered(format!("Splunk says: {}", excerpt(said))));
    }
    let event = line.get_mut("result").map(Value::take);
    Ok(match (line["preview"] == true, line["lastrow"] == true, event) {
        (false, true, event) => Row::Last(event),
        (false, false, Some(event)) => Row::Event(event),
        _ => Row::Other,
    })
}

/// The lines of an answer, each within bounds.
struct Lines {
    pieces: Pieces,
    read: Vec<u8>,
    /// How much of what was read has no end of a line.
    looked: usize,
}

impl Lines {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, ReceiptsError> {
        loop {
            if let Some(at) = self.read.iter().skip(self.looked).position(|byte| *byte == b'\n') {
                let rest = self.read.split_off(self.looked + at + 1);
                self.looked = 0;
                return Ok(Some(std::mem::replace(&mut self.read, rest)));
            }
            self.looked = self.read.len();
            if self.looked > READ_BACK_ANSWER_MAX {
                let why = format!("a line of the answer has more than {READ_BACK_ANSWER_MAX} bytes");
                return Err(ReceiptsError::Unanswered(why));
            }
            match self.pieces.next().await? {
                Some(piece) => self.read.extend_from_slice(&piece),
                None if self.read.is_empty() => return Ok(None),
                None => {
                    self.looked = 0;
                    return Ok(Some(std::mem::take(&mut self.read)));
                }
            }
        }
    }
}

#[async_trait]
impl ReadBack for SplunkHec {
    fn settling(&self) -> Duration {
        SETTLING
    }

    fn needs(&self) -> &'static str {
        "url = \"https://splunk.acme.example:8089\", token = \"env:SPLUNK_SEARCH_TOKEN\""
    }

    async fn read_back(&self, reach: &Reach, copy: &mut Copy) -> Result<(), ReceiptsError> {
        let pieces = Asking::new(reach)?.ask(Method::POST, self.export()?).await?;
        let mut lines = Lines { pieces, read: Vec::new(), looked: 0 };
        let (mut number, mut is_whole) = (0_u64, false);
        while let Some(line) = lines.next().await? {
            if line.trim_ascii().is_empty() {
                continue;
            }
            let row = row(&line)?;
            is_whole |= matches!(row, Row::Last(_));
            if let Row::Event(event) | Row::Last(Some(event)) = row {
                number += 1;
                copy.value(&event, || format!("event {number} of the search"))?;
            }
        }
        if is_whole {
            return Ok(());
        }
        Err(ReceiptsError::Unanswered(format!("the answer ended after {number} events, without a last one")))
    }
}

#[cfg(test)]
mod tests;
