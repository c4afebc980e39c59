//! How long it takes until somebody is told: from when an event was recorded, and from when it was due to be sent, to the
//! first request about it at a receiver, while another receiver takes every connection and never answers.

use std::collections::HashSet;
use std::net::TcpListener;
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::histogram;
use crate::receiver::{Received, receiver};

/// Time between two events that somebody is told of.
pub const INTERVAL: Duration = Duration::from_millis(200);
/// The notices of the last events are on their way for a moment when the load ends.
const LAST_NOTICE: Duration = Duration::from_secs(10);
/// The host of such an event, with its number; each has a domain of its own, so that each is an alert of its own.
const HOST: &str = "drop-";

/// The host of an event that somebody is told of.
pub fn host(number: u64) -> String {
    format!("{HOST}{number}.example")
}

/// Two receivers.
pub struct Receivers {
    told: Receiver<Received>,
    /// Kept open, so that the system takes connections for it; nobody reads them.
    dead: TcpListener,
    alive: String,
}

/// What was measured, in microseconds.
pub struct Notices {
    /// Events that somebody was told of.
    pub told: u64,
    /// Of these events.
    pub sent: u64,
    /// From when the event was recorded.
    pub after_recorded: Histogram<u64>,
    /// From when the request with the event was due.
    pub after_due: Histogram<u64>,
}

impl Receivers {
    /// Starts both.
    pub fn start() -> Self {
        let (alive, told) = receiver("ok");
        Self { told, dead: TcpListener::bind("127.0.0.1:0").unwrap(), alive }
    }

    /// The part of the configuration with both sinks; the secret is written beside it.
    pub fn configuration(&self, directory: &Path) -> String {
        let secret = std::path::absolute(directory).unwrap().join("webhook-secret");
        std::fs::write(&secret, "whsec_bG9hZCBnZW5lcmF0b3IsIG5vIHNlY3JldCBhdCBhbGw=").unwrap();
        let sink = |name: &str, address: &str| {
            format!(
                "[[sink]]\nname = \"{name}\"\ntype = \"webhook\"\nurl = \"http://{address}/\"\nsecret = \"file:{}\"\nallow_private = true\n\n",
                secret.display()
            )
        };
        sink("alive", &self.alive) + &sink("dead", &self.dead.local_addr().unwrap().to_string())
    }

    /// Matches what the living receiver was told with when the events were due, in microseconds since 1970 UTC by number.
    pub fn measure(&self, due: &[i64]) -> Notices {
        let (mut after_recorded, mut after_due) = (histogram(), histogram());
        let mut told = HashSet::new();
        while told.len() < due.len()
            && let Ok(request) = self.told.recv_timeout(LAST_NOTICE)
        {
            assert!(request.head.starts_with("POST / "), "{}", request.head);
            let text = request.text();
            let recorded = text.split_once("\"timestamp\":\"").and_then(|(_, rest)| rest.split_once('"'));
            let recorded = recorded.and_then(|(at, _)| chrono::DateTime::parse_from_rfc3339(at).ok());
            for (number, due) in due.iter().enumerate() {
                // A digest names several; only the first notice of each counts.
                if text.contains(&host(number as u64)) && told.insert(number) {
                    after_due.record((request.at - due).max(1) as u64).unwrap();
                    if let Some(recorded) = recorded {
                        after_recorded.record((request.at - recorded.timestamp_micros()).max(1) as u64).unwrap();
                    }
                }
            }
        }
        Notices { told: told.len() as u64, sent: due.len() as u64, after_recorded, after_due }
    }
}
