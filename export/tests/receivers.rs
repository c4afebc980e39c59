//! Destinations over HTTP against receivers: programs of others where they can be had, and strict receivers of our own for what goes wrong.
//!
//! `make opensearch otlp-collector victoria-logs validators` fetches those of others. Our own (`receivers/fake.rs`) take nothing that the vendors' documents do
//! not allow, and keep what they took so that it can be compared with what was recorded.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

#[path = "receivers/amazon.rs"]
mod amazon;
#[path = "support/asked.rs"]
mod asked;
#[path = "receivers/client.rs"]
mod client;
#[path = "receivers/collector.rs"]
mod collector;
#[path = "support/dice.rs"]
mod dice;
#[path = "receivers/fake.rs"]
mod fake;
#[path = "receivers/faults.rs"]
mod faults;
#[path = "receivers/fleet.rs"]
mod fleet;
#[path = "../../tests/harness/opensearch.rs"]
mod node;
#[path = "receivers/opensearch.rs"]
mod opensearch;
#[path = "../../tests/harness/port.rs"]
mod port;
#[path = "support/process.rs"]
mod process;
#[path = "receivers/splunk_hec.rs"]
mod splunk_hec;
#[path = "receivers/tenzir.rs"]
mod tenzir;
#[path = "receivers/victoria_logs.rs"]
mod victoria_logs;

use std::path::PathBuf;
use std::time::Duration;

/// How long anything may take on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_mins(4);

/// How often somebody who waits for a process looks. Nothing depends on it.
const LOOK: Duration = Duration::from_millis(50);

/// A file or folder of the target directory that a target of `make` fetches.
fn fetched(name: &str, make: &str) -> PathBuf {
    let target = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let path = target.join(name);
    assert!(path.exists(), "there is no {}: `make {make}` fetches it", path.display());
    path
}
