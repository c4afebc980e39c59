//! What the demo sees of the server, by the routes of its API: alerts as they become durable, and how far detection is.

use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use futures::StreamExt;
use ledger::{SystemClock, TimeSource as _, Timestamp};
use operations::alert::Alert;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::client::{self, Api};
use crate::exit::Failure;

/// A revision of an alert.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The revision.
    pub alert: Alert,
    /// When it was seen here, durable.
    pub at: Timestamp,
}

/// How often detection is asked how far it is.
const LOOK: Duration = Duration::from_millis(100);

/// The API of the server that runs on this directory.
pub fn api(data: &Path) -> Result<Api, Failure> {
    client::running(data)?.ok_or_else(|| Failure::from(anyhow::anyhow!("the server of the demo does not answer")))
}

/// Follows the alerts from the beginning until nobody listens or the server ends.
pub async fn follow(api: Api, alerts: mpsc::Sender<Seen>) -> Result<(), Failure> {
    let headers = [("accept", "text/event-stream")];
    let path = "/api/v1/tail?ledger=operations&from=start&kind=alert";
    let answer = api.ask("GET", path, &headers, String::new()).await?;
    let mut events = pin!(answer.events());
    while let Some(event) = events.next().await {
        let event = event?;
        if event.data.is_empty() {
            continue;
        }
        let at = SystemClock.now();
        let Some(alert) = read(&event.data) else { continue };
        if alerts.send(Seen { alert, at }).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// The record of a row.
fn read(row: &str) -> Option<Alert> {
    let mut row: Value = serde_json::from_str(row).ok()?;
    match row["record"].take() {
        Value::String(text) => serde_json::from_str(&text).ok(),
        record => serde_json::from_value(record).ok(),
    }
}

/// Waits until detection has seen everything that is recorded.
pub async fn caught_up(api: &Api) -> Result<(), Failure> {
    loop {
        let answer = api.ask("GET", "/metrics", &[], String::new()).await?;
        let mut lines = pin!(answer.lines());
        let mut behind = None;
        while let Some(line) = lines.next().await {
            behind = behind.or(lag(&line?));
        }
        match behind {
            Some(0) => return Ok(()),
            Some(_) => tokio::time::sleep(LOOK).await,
            None => return Err(anyhow::anyhow!("the server does not say how far detection is").into()),
        }
    }
}

/// How many events detection has not seen, if this line of the metrics says so.
fn lag(line: &str) -> Option<u64> {
    let rest = line.strip_prefix("tachograph_consumer_lag_entries{")?;
    let (labels, value) = rest.split_once("} ")?;
    labels.contains("consumer=\"detection\"").then(|| value.trim().parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lag_of_detection_is_read_and_no_other() {
        let name = "tachograph_consumer_lag_entries";
        assert_eq!(lag(&format!("{name}{{consumer=\"detection\",ledger=\"events\"}} 42")), Some(42));
        assert_eq!(lag(&format!("{name}{{consumer=\"budgets\",ledger=\"events\"}} 42")), None);
        assert_eq!(lag("# TYPE tachograph_consumer_lag_entries gauge"), None);
    }
}
