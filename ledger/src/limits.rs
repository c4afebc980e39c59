//! Every bound of the ledger in one place: queues, batches, frames, files and strings, with what follows from each.
//!
//! Bounds of other packages stand in their own `limits.rs`.

use std::time::Duration;

/// Column ids are below this, so that a row can be an array.
pub const COLUMN_ID_LIMIT: u16 = 128;

/// The largest value of one column in bytes. Intake refuses lines above 1 MiB, and escaping can grow them sixfold.
pub const VALUE_BYTES_MAX: usize = 8 << 20;
/// The largest encoded entry: both parts together.
pub const ENTRY_BYTES_MAX: usize = 16 << 20;
/// The most entries in one group; a group is never split over commits.
pub const GROUP_ENTRIES_MAX: usize = 4_096;
/// The largest group in bytes. A group that is larger by its last entry is still taken.
pub const GROUP_BYTES_MAX: usize = 4 << 20;
/// Bytes of groups that wait for the writer. What comes on top is answered `Full`.
pub const QUEUE_BYTES_MAX: usize = 32 << 20;

/// A commit takes groups until it has this many bytes.
pub const COMMIT_BYTES_MAX: usize = 4 << 20;
/// The WAL reserves space on the disk in steps of this size, so that a full disk shows before anything is written.
pub const WAL_ALLOCATE_BYTES: u64 = 8 << 20;
/// A batch is closed when it holds this many events.
pub const BATCH_ENTRIES_MAX: usize = 16_384;
/// A batch is closed when its first commit is this old.
pub const BATCH_AGE_MAX: Duration = Duration::from_millis(500);
/// A batch is closed before a commit would bring more keys of inputs than this.
pub const BATCH_INPUTS_MAX: usize = 1_024;
/// An idle ledger closes an empty batch this often, so that truncation shows as staleness.
pub const HEARTBEAT: Duration = Duration::from_secs(10);
/// The first one comes this long after the last batch with entries, so that whoever counts recorded time (an open alert is brought
/// up to date 5 s after its last event) does not wait for the next.
pub const HEARTBEAT_FIRST: Duration = Duration::from_secs(6);
/// The most inputs in one group, so that two groups always fit a batch.
pub const GROUP_INPUTS_MAX: usize = BATCH_INPUTS_MAX / 2;
/// The longest key or value of an input.
pub const INPUT_BYTES_MAX: usize = 4_096;

/// The largest WAL frame that a reader believes.
pub const FRAME_BYTES_MAX: usize = ENTRY_BYTES_MAX + 1_024;

/// A WAL file is sealed when it holds this many events,
pub const SEGMENT_ENTRIES_MAX: u64 = 262_144;
/// or this many bytes,
pub const SEGMENT_WAL_BYTES_MAX: u64 = 256 << 20;
/// or when its first event is this old.
pub const SEGMENT_AGE_MAX: Duration = Duration::from_mins(15);
/// Rows in one row group of a segment.
pub const ROW_GROUP_ENTRIES_MAX: usize = 65_536;
/// Bytes of parts in one row group, roughly: sealing, reading and verifying hold one in memory.
pub const ROW_GROUP_BYTES_MAX: usize = 32 << 20;
/// Bytes of decoded row groups that the readers of one ledger share.
pub const ROW_GROUP_CACHE_BYTES_MAX: usize = 128 << 20;
/// Decoded parts of row groups in that cache.
pub const ROW_GROUP_CACHE_ENTRIES_MAX: usize = 4;
/// The largest `identity`, key or checkpoint that is read, in bytes: each has some hundreds.
pub const SMALL_FILE_BYTES_MAX: u64 = 1 << 20;
/// The most bytes of a sealed file that are read at once: a sidecar, a footer or a row group as it is stored.
pub const BLOB_READ_BYTES_MAX: u64 = 512 << 20;
/// The most bytes of one commit in the WAL: the groups of a commit, the last of which may be larger by an entry, and what
/// closes and opens batches around them. What follows the last whole commit of a file is never more.
pub const COMMIT_READ_BYTES_MAX: usize = 2 * (COMMIT_BYTES_MAX + GROUP_BYTES_MAX + ENTRY_BYTES_MAX);
/// The largest file of a segment in bytes: far above what the largest WAL file can become.
pub const SEALED_FILE_BYTES_MAX: u64 = 16 << 30;
/// Bytes that a backup copies at once.
pub const COPY_BYTES: usize = 4 << 20;
/// How often a backup looks at the state again because it changed meanwhile.
pub const BACKUP_TRIES_MAX: usize = 50;
/// How often another process' look at the disk starts over because files vanished under it, before it gives up.
pub const REFRESH_TRIES_MAX: usize = 10;
/// The most closed batches that a process leaves unsigned when it dies: it signs each before it closes the next.
pub const UNSIGNED_BATCHES_MAX: u64 = 1;
/// How long a start waits until the loss of a torn copy is signed,
pub const SIGNED_WAIT_MAX: Duration = BATCH_AGE_MAX.saturating_mul(20);
/// and how often it looks.
pub const SIGNED_WAIT_STEP: Duration = Duration::from_millis(10);
/// Newest manifests that are kept.
pub const MANIFESTS_KEPT: u64 = 8;
/// Faults that one verification lists; the rest is only counted.
pub const FAULTS_MAX: usize = 1_000;
/// Events of one commit that a replay gives to a thread at least: fewer are hashed sooner than a thread starts.
pub const REPLAY_EVENTS_PER_THREAD: usize = 128;
/// WAL files that a verification holds open at once; a ledger in order has fewer.
pub const VERIFY_WAL_FILES_MAX: usize = 64;
/// How often a verification reads a ledger again because it was sealed meanwhile,
pub const VERIFY_TRIES_MAX: usize = 5;
/// and its checkpoint, because the log grew.
pub const VERIFY_ROUNDS_MAX: usize = 20;
/// Rows in one block of the hot tail's columns.
pub const TAIL_BLOCK_ENTRIES_MAX: usize = 8_192;
/// Sealed WAL files that wait for the sealer; when there are more, intake answers `Full`.
pub const UNSEALED_FILES_MAX: usize = 4;

/// Rows that a fold over `operations` reads at once,
pub const FOLD_READ_ROWS: usize = 4_096;
/// and the most bytes of them.
pub const FOLD_READ_BYTES: usize = 8 << 20;

/// Alerts whose life the fold of triage keeps,
pub const TRIAGE_ALERTS_MAX: usize = 65_536;
/// and the most bytes of them. Alerts that are done are forgotten first, the oldest before the others.
pub const TRIAGE_BYTES_MAX: usize = 64 << 20;
/// The largest record of an alert, a step or a silence that the fold reads: no detector and no person of ours writes more.
pub const TRIAGE_RECORD_BYTES_MAX: usize = 64 << 10;
/// Steps of one alert that are kept one by one; older ones are only counted.
pub const TRIAGE_STEPS_KEPT: usize = 32;
/// Tags of one alert that are kept.
pub const TRIAGE_TAGS_KEPT: usize = 32;
/// The longest id of an alert or a silence, and the longest name of a person or a receiver.
pub const TRIAGE_NAME_BYTES_MAX: usize = 256;
/// The longest reason of a silence.
pub const REASON_BYTES_MAX: usize = 1_024;
/// The longest note on an alert.
pub const NOTE_BYTES_MAX: usize = 16 << 10;
/// The longest matcher as text.
pub const MATCHER_BYTES_MAX: usize = 512;
/// Matchers of one silence or rule.
pub const MATCHERS_MAX: usize = 16;
/// Silences and maintenance windows that stand at the same time; one more is refused.
pub const SILENCES_MAX: usize = 1_024;
/// Silences that are kept, over ones included; those that ended first are forgotten first.
pub const SILENCES_KEPT: usize = 4_096;
/// The longest silence, in days: what is hidden for longer is a rule that should change.
pub const SILENCE_DAYS_MAX: i64 = 30;
/// The longest time from a maintenance window's first start to its last end, in days.
pub const MAINTENANCE_DAYS_MAX: i64 = 366;
/// How far back a silence is tried before it is recorded, in days.
pub const SILENCE_HISTORY_DAYS: i64 = 7;
/// Inhibition rules and escalation steps of a configuration, each.
pub const POLICY_RULES_MAX: usize = 64;
/// The longest wait of an escalation step, in minutes: a week.
pub const ESCALATION_MINUTES_MAX: u32 = 7 * 24 * 60;

/// Notices about alerts that are recorded at once; the others follow.
pub const NOTICES_MAX: usize = 256;

/// Newest entries of `operations` about its own sink from which an outbox is read back when it starts,
pub const OUTBOX_ENTRIES_MAX: u64 = 1 << 20;
/// as far as they stand in so many newest entries of any kind. Who was told of an alert before them is forgotten, and then
/// its end is told to everybody.
pub const OUTBOX_ROWS_MAX: u64 = 1 << 24;
/// Alerts that a receiver was told of and that are not over,
pub const OUTBOX_TOLD_MAX: usize = 65_536;
/// and records that it refused, of which an outbox knows. Older ones stay in the ledger.
pub const OUTBOX_DEAD_MAX: usize = 10_000;

/// Hard budgets; another one is refused.
pub const BUDGETS_MAX: usize = 4_096;
/// Budgets that one reservation draws on.
pub const BUDGETS_PER_RESERVATION_MAX: usize = 8;
/// Families of sources that one budget counts.
pub const BUDGET_FAMILIES_MAX: usize = 8;
/// Budgets that are set in one group of entries.
pub const BUDGETS_PER_GROUP_MAX: usize = 256;
/// Reservations in one entry about what was seen in the events.
pub const BUDGET_MATCHED_MAX: usize = 256;
/// The longest name of a budget or id of a reservation, in bytes.
pub const BUDGET_NAME_BYTES_MAX: usize = 128;
/// The largest amount in micro-USD: one billion dollars, so that sums of all reservations fit 64 bits.
pub const BUDGET_MICROS_MAX: u64 = 1_000_000_000_000_000;
/// The longest time for which money is kept.
pub const RESERVATION_TTL_SECONDS_MAX: u32 = 86_400;
/// Open reservations of one budget, so that one tenant cannot take the places of all,
pub const RESERVATIONS_PER_BUDGET_MAX: u32 = 4_096;
/// and of all budgets.
pub const RESERVATIONS_MAX: usize = 131_072;
/// Reservations that are over and whose outcome is still known, so that a request may be sent again.
pub const RESERVATIONS_OVER_MAX: usize = 65_536;
/// Answers that wait for those who asked.
pub const BUDGET_ANSWERS_MAX: usize = 65_536;

/// How often the log is told of a trouble that comes and goes.
pub const STANDING_TOLD_EVERY: Duration = Duration::from_mins(1);

/// How long writer and sealer wait before they try again what the system refused.
pub const DISK_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Space that intake leaves free on the disk, so that sealing, retention and the `operations` ledger go on.
pub const RESERVE_BYTES: u64 = 2 * SEGMENT_WAL_BYTES_MAX;

const _: () = {
    // A group fits a commit, a commit fits the queue, and a full commit fits a batch.
    assert!(GROUP_BYTES_MAX <= COMMIT_BYTES_MAX);
    assert!(COMMIT_BYTES_MAX <= QUEUE_BYTES_MAX);
    assert!(GROUP_ENTRIES_MAX <= BATCH_ENTRIES_MAX);
    assert!(VALUE_BYTES_MAX <= ENTRY_BYTES_MAX);
    assert!(ENTRY_BYTES_MAX < u32::MAX as usize);
    assert!(TAIL_BLOCK_ENTRIES_MAX <= ROW_GROUP_ENTRIES_MAX);
    // Every silence that may stand is kept, and what we write we also read: escaping in JSON grows a text sixfold at most.
    assert!(SILENCES_MAX <= SILENCES_KEPT);
    assert!(6 * (REASON_BYTES_MAX + MATCHERS_MAX * MATCHER_BYTES_MAX) < TRIAGE_RECORD_BYTES_MAX);
    // The sum of all reservations does not overflow.
    assert!(BUDGET_MICROS_MAX < u64::MAX / (2 * RESERVATIONS_PER_BUDGET_MAX as u64));
};
