//! The copy that a destination gives back when it is asked for it. How each is asked is the business of the sinks (`capabilities::ReadBack`).

use std::time::Duration;

use serde_json::Value;

use super::copy::Copy;
use super::{Evidence, ReceiptsError};
use crate::capabilities::ReadBack;
use crate::config::SinkConfig;
use crate::sink::AnySink;

/// The types of sinks that can be asked for what they have.
pub const KINDS: [&str; 8] =
    ["splunk_hec", "elasticsearch", "kafka", "file", "s3", "gcs", "azure_blob", "security_lake"];

/// How long what a sink acknowledged may not be found at its destination yet. The error says why it cannot be asked.
pub fn settling(sink: &SinkConfig) -> Result<Duration, ReceiptsError> {
    let asked = asked(sink)?;
    Ok(read_back(sink, &asked)?.settling())
}

/// Asks the destination for everything that it has of the sink, by the sink's settings with those of `read` in place of its own.
pub async fn ask(evidence: &Evidence<'_>) -> Result<Copy, ReceiptsError> {
    let asked = asked(evidence.sink)?;
    let origin = evidence.events.origin()?;
    let mut copy = Copy::new(evidence.schema()?);
    read_back(evidence.sink, &asked)?.read_back(&evidence.sink.reach(&origin), &mut copy).await?;
    Ok(copy)
}

/// Whether `read` can be meant.
pub fn check_read(sink: &SinkConfig) -> Result<(), String> {
    if sink.common.read.is_empty() {
        return Ok(());
    }
    match other(sink)?.erased().read_back() {
        Some(_) => Ok(()),
        None => Err(format!("{} cannot be asked for what it has", sink.spec.kind)),
    }
}

fn asked(sink: &SinkConfig) -> Result<AnySink, ReceiptsError> {
    other(sink).map_err(ReceiptsError::Unanswered)
}

/// The sink with the settings of `read` in place of its own.
fn other(sink: &SinkConfig) -> Result<AnySink, String> {
    let mut settings = sink.settings.clone();
    for (name, value) in &sink.common.read {
        if value.as_str() == Some("") {
            settings.remove(name);
        } else {
            settings.insert(name.clone(), value.clone());
        }
    }
    sink.spec.class.parse(Value::Object(settings))
}

fn read_back<'a>(sink: &SinkConfig, asked: &'a AnySink) -> Result<&'a dyn ReadBack, ReceiptsError> {
    let kind = sink.spec.kind;
    let read_back = asked.erased().read_back().ok_or(ReceiptsError::NotAskable { kind })?;
    match read_back.needs() {
        settings if !settings.is_empty() && sink.common.read.is_empty() => Err(ReceiptsError::Unset { kind, settings }),
        _ => Ok(read_back),
    }
}
