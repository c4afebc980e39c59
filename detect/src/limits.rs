//! Every bound of the detectors and of their runner in one place, with what follows from each.

use std::time::Duration;

/// The longest text in an alert, in characters; longer ones end in an ellipsis.
pub const TEXT_CHARS_MAX: usize = 256;

/// Open episodes of one detector. Above it the one that has been quiet for longest is resolved early.
pub const EPISODES_MAX: usize = 16_384;
/// Open episodes of one scope; further targets share one episode, so that one agent cannot push out another's.
pub const EPISODES_PER_SCOPE_MAX: u32 = 64;
/// Findings that all detectors together give in one second of silence; the others follow in the next second. Bounds the
/// group of one commit.
pub const RESOLVED_PER_ADVANCE_MAX: usize = 128;
/// An update is due when the count has grown by this factor since the last revision: a flood gives few updates.
pub const UPDATE_FACTOR: u64 = 4;

/// A key that was used within this many seconds is in use: a tenant that pushes out one of its own keys in use floods.
pub const EVICTED_IN_USE_SECONDS: i64 = 3_600;

/// Pairs of agent and domain that are remembered as allowed.
pub const ALLOWED_PAIRS_MAX: usize = 131_072;
/// Scopes whose latest secret-bearing read is remembered.
pub const SECRET_READS_MAX: usize = 65_536;

/// Agents, runs, teams and organisations whose spend one detector remembers.
pub const SPENDERS_MAX: usize = 65_536;
/// Teams whose hours of the week one detector remembers, at about a kilobyte and a half each.
pub const SPENDING_TEAMS_MAX: usize = 4_096;
/// Budgets of single agents, runs, teams and organisations in the configuration.
pub const NAMED_BUDGETS_MAX: usize = 256;
/// How long after a gateway's last word on a tenant's spend other sources of the same tenant are not counted.
pub const GATEWAY_MEMORY_SECONDS: i64 = 3_600;

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

/// An event that was older than this when it was recorded, or at the first start, is backfill.
pub const BACKFILL_AGE: Duration = Duration::from_mins(15);
/// A recorded gap above this, without the heartbeats that a running ledger leaves, is an outage.
pub const OUTAGE_SECONDS: i64 = 30;

/// How long the runner waits when the disk has no space left for its alerts.
pub const NO_SPACE_RETRY: Duration = Duration::from_secs(1);
