//! Every bound of what runs the detectors in one place, with what follows from each.

use std::time::Duration;

/// Bytes of one file of user rules.
pub const RULE_FILE_BYTES_MAX: u64 = 256 << 10;

/// Alerts that one backtest tells apart, at about 40 bytes each; further ones are counted only.
pub const BACKTEST_ALERTS_MAX: usize = 1_000_000;
/// Examples of alerts that a backtest keeps for each rule and set.
pub const BACKTEST_EXAMPLES_MAX: usize = 64;

/// Findings that the runner holds before it commits.
pub const FINDINGS_MAX: usize = 128;
/// Rows that the runner reads at once,
pub const READ_ROWS: usize = 4_096;
/// and the most bytes of them.
pub const READ_BYTES: usize = 8 << 20;

/// A snapshot is written after this many events,
pub const SNAPSHOT_EVENTS: u64 = 1_000_000;
/// or this many seconds of recorded time, if there were events.
pub const SNAPSHOT_SECONDS: i64 = 300;
/// Snapshots that are kept: when the newest is damaged, the one before it is read.
pub const SNAPSHOTS_KEPT: usize = 2;
/// The largest snapshot that is believed.
pub const SNAPSHOT_BYTES_MAX: u64 = 1 << 30;
/// Outages between the oldest kept snapshot and the cursor; the next one forces a snapshot.
pub const OUTAGES_MAX: usize = 64;

/// How long the reconciler of hard budgets collects before it writes.
pub const RECONCILER_LINGER: Duration = Duration::from_millis(250);
/// Rows of `operations` that it reads before it writes, so that one group holds what it has to say about them,
pub const RECONCILER_READ_ROWS: usize = 1_024;
/// events that it passes over before it notes how far it is,
pub const RECONCILER_EVENTS_MAX: u64 = 65_536;
/// and reservations whose cost it has seen before it writes that down.
pub const RECONCILER_MATCHED_MAX: usize = 1_024;

/// Values of a rule's parameters that a report tries in one pass, each with an engine of its own.
pub const REPORT_TRIALS_MAX: usize = 64;
/// Values that it proposes of one rule.
pub const REPORT_PROPOSALS_MAX: usize = 3;
