//! The heartbeat: a sign of life to an address outside, while everything is in order. Its receiver raises an alarm when it stays away, so
//! it tells of what nothing in here can tell of: a machine that is gone, a process that hangs, a network that ends.
//!
//! Nothing is said of what is wrong. The request has no body and no header of ours; its address is the secret. What it takes to be in order
//! is for whoever starts it: a closure that says why it is not.

use std::fmt;
use std::time::Duration;

use ledger::Timestamp;
use operations::secret::Secret;
use operations::standing::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::connections::http::Http;
use crate::connections::{Connection, Reach, SendError, excerpt};
use crate::limits::{
    HEARTBEAT_GRACE, HEARTBEAT_RETRY, HEARTBEAT_SECONDS_MAX, HEARTBEAT_SECONDS_MIN, HEARTBEAT_TIMEOUT,
};
use crate::sink::post_to_secret;
use crate::sinks::SINKS;
use crate::status::{SinkStatus, now};

/// A sign of life to an address outside: an empty POST, now and then, for as long as events are taken, detection and export run, and no
/// receiver of alerts has been out of reach for ten minutes. Whoever gets it raises an alarm when it stays away. A change is taken over on
/// SIGHUP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeartbeatConfig {
    /// The address. It is a reference, since the address is the secret.
    pub url: Secret,
    /// Seconds between two signs. The receiver should wait for three of them before it raises an alarm.
    #[schemars(range(min = HEARTBEAT_SECONDS_MIN, max = HEARTBEAT_SECONDS_MAX))]
    #[serde(default = "every_seconds")]
    pub every_seconds: u32,
    /// Whether the receiver may have a private address.
    #[serde(default)]
    pub allow_private: bool,
    /// A PEM file with the receiver's certificate authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<std::path::PathBuf>,
}

fn every_seconds() -> u32 {
    60
}

impl HeartbeatConfig {
    /// Finds what types cannot.
    pub fn check(&self) -> Result<(), String> {
        if !(HEARTBEAT_SECONDS_MIN..=HEARTBEAT_SECONDS_MAX).contains(&self.every_seconds) {
            return Err(format!("heartbeat.every_seconds is {HEARTBEAT_SECONDS_MIN} to {HEARTBEAT_SECONDS_MAX}"));
        }
        Ok(())
    }
}

/// What became of one sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beat {
    /// It was taken.
    Sent,
    /// Something is not in order, so there was none.
    Silent(String),
    /// It was not taken.
    Failed(String),
}

impl fmt::Display for Beat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sent => f.write_str("the heartbeat is sent"),
            Self::Silent(reason) => write!(f, "no heartbeat is sent: {reason}"),
            Self::Failed(reason) => write!(f, "the heartbeat is not taken: {reason}"),
        }
    }
}

/// Gives signs of life.
pub struct Heartbeat {
    url: Secret,
    every: Duration,
    connection: Box<dyn Connection<Http>>,
}

impl Heartbeat {
    /// Prepares the connection. Nothing is sent. The error says what of the configuration is wrong.
    pub fn new(config: &HeartbeatConfig) -> Result<Self, String> {
        config.check()?;
        let (allow_private, ca_file) = (config.allow_private, config.ca_file.clone());
        let connection =
            Http::connect(&Reach { allow_private, ca_file, timeout: HEARTBEAT_TIMEOUT, ..Reach::default() })?;
        let every = Duration::from_secs(config.every_seconds.into());
        Ok(Self { url: config.url.clone(), every, connection })
    }

    /// Gives a sign at once and then at every interval, and looks again soon if there was none, until `stop` is cancelled. `ailment` says what is not in order; it must not wait. Each
    /// change of what becomes of the signs is told to the log once.
    pub async fn run(self, ailment: impl Fn(Timestamp) -> Option<String> + Send, stop: CancellationToken) {
        let (mut before, mut wait) = (None, Duration::ZERO);
        while stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_some() {
            let ailment = ailment(now());
            let Some(beat) = stop.run_until_cancelled(self.beat(ailment)).await else { return };
            // A sign that got lost, or a start that takes a moment, is no reason for an alarm.
            wait = if beat == Beat::Sent { self.every } else { self.every.min(HEARTBEAT_RETRY) };
            if before.as_ref() != Some(&beat) {
                match &beat {
                    Beat::Sent => tracing::info!("{beat}"),
                    Beat::Silent(_) | Beat::Failed(_) => tracing::warn!("{beat}"),
                }
                before = Some(beat);
            }
        }
    }

    /// One sign, unless something is not in order.
    pub async fn beat(&self, ailment: Option<String>) -> Beat {
        if let Some(reason) = ailment {
            return Beat::Silent(reason);
        }
        let request = match post_to_secret(&self.url, Vec::new()) {
            Ok(request) => request,
            Err(error) => return Beat::Failed(error.to_string()),
        };
        match self.connection.send(request).await {
            Ok(answer) if (200..300).contains(&answer.status) => Beat::Sent,
            // What it says may change with each sign; the status is enough.
            Ok(answer) => Beat::Failed(format!("the receiver answers {}", answer.status)),
            Err(SendError::NotSent(reason) | SendError::Uncertain(reason) | SendError::Refused(reason)) => {
                Beat::Failed(excerpt(&reason))
            }
        }
    }
}

/// What is wrong with export, as far as people would not be told of alerts: a worker ended, or a receiver of alerts has taken nothing for some
/// minutes. A SIEM that is away is no reason: alerts tell of that.
pub fn ailment_of_sinks(sinks: &[SinkStatus], now: Timestamp) -> Option<String> {
    let tells_people = |sink: &SinkStatus| {
        let spec = SINKS.iter().find(|spec| spec.kind == sink.kind);
        spec.is_some_and(|spec| spec.class.is_delivery())
    };
    sinks.iter().find_map(|sink| {
        let long = now.since(sink.standing.since) > HEARTBEAT_GRACE;
        match sink.standing.state {
            State::Stopped => Some(format!("sink {} ended", sink.sink)),
            State::Blocked | State::Parked | State::Refused if long && tells_people(sink) => {
                Some(format!("sink {} has told nobody for minutes", sink.sink))
            }
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

    use axum::Router;
    use axum::body::Bytes;
    use axum::http::{HeaderMap, StatusCode};
    use axum::routing::post;
    use futures::FutureExt as _;
    use futures::future::BoxFuture;
    use operations::standing::Standing;
    use serde_json::{Value, json};

    use super::*;
    use crate::config::SinkConfig;
    use crate::connections::http::{Request, Response};

    /// A receiver in memory, which counts and answers with a status.
    #[derive(Clone)]
    struct Receiver {
        taken: Arc<AtomicUsize>,
        status: Arc<AtomicU16>,
    }

    impl Connection<Http> for Receiver {
        fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, SendError>> {
            assert!(request.body.is_empty() && request.headers.is_empty() && request.authorization.is_none());
            self.taken.fetch_add(1, Ordering::Relaxed);
            let status = self.status.load(Ordering::Relaxed);
            async move { Ok(Response { status, retry_after: None, body: String::new() }) }.boxed()
        }
    }

    fn secret(dir: &tempfile::TempDir, url: &str) -> Secret {
        std::fs::write(dir.path().join("url"), url).unwrap();
        Secret::File(dir.path().join("url"))
    }

    #[tokio::test(start_paused = true)]
    async fn it_beats_at_every_interval_while_all_is_well_and_looks_again_soon_otherwise() {
        let dir = tempfile::tempdir().unwrap();
        let (taken, status) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU16::new(200)));
        let connection = Box::new(Receiver { taken: Arc::clone(&taken), status });
        let url = secret(&dir, "https://hc.example/ping/hunter2");
        let heartbeat = Heartbeat { url, every: Duration::from_mins(1), connection };
        let (asked, stop) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
        let (counter, ends) = (Arc::clone(&asked), stop.clone());
        // The third, fourth and fifth time something is wrong; the eighth is the last.
        let ailment = move |_| {
            let number = counter.fetch_add(1, Ordering::Relaxed) + 1;
            if number == 8 {
                ends.cancel();
            }
            (3..=5).contains(&number).then(|| "detection stopped".to_owned())
        };
        let started = tokio::time::Instant::now();
        heartbeat.run(ailment, stop).await;
        assert_eq!(
            (asked.load(Ordering::Relaxed), started.elapsed().as_secs()),
            (8, 4 * 60 + 3 * 2),
            "it looks again soon"
        );
        assert_eq!(taken.load(Ordering::Relaxed), 4, "the first two, the sixth and the seventh");
    }

    #[tokio::test]
    async fn a_sign_is_an_empty_post_and_its_address_is_in_no_text() {
        async fn ping(headers: HeaderMap, body: Bytes) -> StatusCode {
            assert!(body.is_empty() && !headers.contains_key("authorization"));
            StatusCode::OK
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/ping/hunter2", post(ping));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let dir = tempfile::tempdir().unwrap();
        let url = secret(&dir, &format!("http://{address}/ping/hunter2"));
        let config = HeartbeatConfig { url, every_seconds: 60, allow_private: true, ca_file: None };
        let heartbeat = Heartbeat::new(&config).unwrap();
        assert_eq!(heartbeat.beat(None).await, Beat::Sent);
        assert_eq!(heartbeat.beat(Some("x".to_owned())).await, Beat::Silent("x".to_owned()));
        secret(&dir, &format!("http://{address}/ping/hunter3"));
        assert_eq!(heartbeat.beat(None).await, Beat::Failed("the receiver answers 404".to_owned()));
        secret(&dir, "hunter2");
        let failed = heartbeat.beat(None).await.to_string();
        assert!(failed.starts_with("the heartbeat is not taken") && !failed.contains("hunter2"), "{failed}");
        let guarded = Heartbeat::new(&HeartbeatConfig { allow_private: false, ..config }).unwrap();
        secret(&dir, &format!("http://{address}/ping/hunter2"));
        let refused = guarded.beat(None).await.to_string();
        assert!(refused.contains("private") && !refused.contains("hunter2"), "{refused}");
        serving.abort();
    }

    #[test]
    fn receivers_of_alerts_that_are_away_for_long_and_workers_that_ended_are_ailments() {
        let status = |settings: Value, state: State, minutes: i64| {
            let sink = SinkConfig::from_settings(settings.as_object().unwrap().clone()).unwrap();
            let mut status = SinkStatus::new(&sink, ledger::LedgerName::Operations);
            let since = Timestamp::from_unix_seconds(3_600 - minutes * 60);
            status.standing = Standing { state, ..Standing::ok(since) };
            ailment_of_sinks(&[status], Timestamp::from_unix_seconds(3_600))
        };
        let pager = || json!({"name": "pager", "type": "pagerduty", "routing_key": "env:P"});
        let siem =
            || json!({"name": "siem", "type": "splunk_hec", "url": "https://splunk.acme.example", "token": "env:T"});
        assert_eq!(status(pager(), State::Blocked, 9), None);
        assert!(status(pager(), State::Blocked, 11).is_some_and(|why| why.contains("pager")));
        assert!(status(pager(), State::Parked, 11).is_some());
        assert_eq!((status(siem(), State::Blocked, 50), status(pager(), State::Ok, 50)), (None, None));
        assert_eq!((status(pager(), State::Paused, 50), status(pager(), State::Rejected, 50)), (None, None));
        assert!(status(siem(), State::Stopped, 0).is_some());
    }

    #[test]
    fn mistakes_are_named() {
        let config = |seconds: u32| {
            let config: HeartbeatConfig =
                serde_json::from_value(json!({"url": "env:H", "every_seconds": seconds})).unwrap();
            config.check()
        };
        assert!(config(60).is_ok() && config(9).is_err() && config(3_601).is_err());
        assert!(serde_json::from_value::<HeartbeatConfig>(json!({"url": "https://hc.example/ping/x"})).is_err());
    }
}
