//! Every bound of export in one place, with what follows from each.

use std::time::Duration;

/// Rows that a sink reads from the ledger at once,
pub const READ_ROWS: usize = 1_024;
/// and the most bytes of them.
pub const READ_BYTES: usize = 4 << 20;
/// Batches that may be on their way at once,
pub const IN_FLIGHT_MAX: u8 = 16;
/// and how many there are unless the configuration says otherwise, where the receiver allows more than one.
pub const IN_FLIGHT: u8 = 4;
/// Bytes of rendered records that wait for a batch; reading pauses above it.
pub const PENDING_BYTES_MAX: usize = 16 << 20;
/// Entries that the filter left out before a receipt is written although nothing was sent.
pub const EXCLUDED_MAX: u64 = 10_000;

/// Entries of a ledger that a sink of everything is sent under one intent while nothing fails,
pub const WINDOW_ENTRIES_MAX: u64 = 10_000;
/// and the time in which one receipt is enough for what it took. Two entries in five seconds are little beside the events of
/// that time, and what a process that is killed sends again, since it has no receipt, is little beside those of a day.
pub const RECEIPT_EVERY: Duration = Duration::from_secs(5);
/// A sink that so many closed batches of the ledger wait for is behind: it is sent full batches, not one for each of them.
pub const BEHIND_BATCHES: u64 = 4;

/// Problems of receipts that are named one by one; the others are counted.
pub const PROBLEMS_MAX: usize = 1_000;
/// Records of a receiver's copy that are compared at once: about 100 bytes of memory each.
pub const COPY_RECORDS_MAX: usize = 20_000_000;
/// The longest line of such a copy: a whole answer to a search fits in.
pub const COPY_VALUE_BYTES_MAX: usize = 256 << 20;
/// How many layers a SIEM may put around a record.
pub const COPY_WRAPPERS_MAX: usize = 4;
/// Records that a destination is asked for at once where it gives them back in pages,
pub const READ_BACK_RECORDS: usize = 200;
/// and bytes of an object.
pub const READ_BACK_BYTES: u64 = 4 << 20;
/// The longest page, and the longest record where they come one by one.
pub const READ_BACK_ANSWER_MAX: usize = 64 << 20;
/// How long one answer may take, piece by piece.
pub const READ_BACK_MAX: Duration = Duration::from_hours(24);

/// The longest text value in an exported record, in bytes; longer ones end in a note of what was cut.
pub const VALUE_BYTES_MAX: usize = 32 << 10;

/// The first wait after a failure lies between zero and this,
pub const RETRY_MIN: Duration = Duration::from_millis(250);
/// and the bound doubles up to this. There is no limit on the age of a record: the ledger keeps it.
pub const RETRY_MAX: Duration = Duration::from_mins(1);
/// A `Retry-After` above this is cut to it, so that a confused receiver cannot stop a sink for ever.
pub const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);
/// A parked sink tries again this often.
pub const PARK: Duration = Duration::from_mins(1);

/// Alerts that one batch to a receiver of alerts holds. In a storm these become a few urgent messages and a digest.
pub const ALERTS_MAX: usize = 2_000;
/// Alerts that are told one by one; when more wait they are a digest,
pub const NOTIFICATIONS_MAX: usize = 10;
/// apart from so many critical ones.
pub const NOTIFICATIONS_URGENT_MAX: usize = 5;
/// Alerts that a digest names one by one; the others are counted.
pub const DIGEST_NAMED_MAX: usize = 50;
/// Rules that a digest counts one by one.
pub const DIGEST_RULES_MAX: usize = 20;
/// How long alerts about old events wait for each other.
pub const DIGEST_WAIT: Duration = Duration::from_secs(5);
/// How long alerts of a sender that floods wait for each other.
pub const FLOOD_WAIT: Duration = Duration::from_mins(1);
/// The longest title of an alert in a message, in characters,
pub const TITLE_CHARS_MAX: usize = 200;
/// the longest reason,
pub const REASON_CHARS_MAX: usize = 2_000;
/// and the longest other value.
pub const VALUE_CHARS_MAX: usize = 300;

/// The longest wait between two questions whether an accepted message is safe.
pub const CONFIRM_WAIT_MAX: Duration = Duration::from_secs(10);
/// The longest time after which an accepted message that is not safe is sent again.
pub const CONFIRM_TIMEOUT_MAX: Duration = Duration::from_hours(1);

/// The most routes.
pub const ROUTES_MAX: usize = 256;
/// Patterns of one kind in a route,
pub const PATTERNS_MAX: usize = 64;
/// and the longest of them.
pub const PATTERN_BYTES_MAX: usize = 256;

/// The longest template of a body,
pub const TEMPLATE_BYTES_MAX: usize = 16 << 10;
/// and the most values in one.
pub const TEMPLATE_VALUES_MAX: usize = 64;

/// How old a request may be that Slack signed.
pub const SLACK_SIGNATURE_AGE_MAX: Duration = Duration::from_mins(5);
/// How far back a message whose fate is not certain is looked for in a channel.
pub const SLACK_LOOK_BACK: Duration = Duration::from_hours(24);

/// Records of one object,
pub const OBJECT_RECORDS_MAX: usize = 1_000_000;
/// and the bytes of them in memory, before they are packed, unless a sink says otherwise,
pub const OBJECT_BYTES: usize = 64 << 20;
/// the fewest that a sink may say,
pub const OBJECT_BYTES_MIN: usize = 1 << 20;
/// and the most.
pub const OBJECT_BYTES_MAX: usize = 512 << 20;
/// How long an object waits for records, in seconds,
pub const OBJECT_SECONDS: u64 = 300;
/// and the longest time that a sink may set: a day.
pub const OBJECT_SECONDS_MAX: u64 = 86_400;
/// The longest prefix of names,
pub const OBJECT_PREFIX_MAX: usize = 200;
/// and the level of zstd in objects.
pub const OBJECT_ZSTD_LEVEL: i32 = 3;
/// Records of an object that become columns at once,
pub const OBJECT_CHUNK_RECORDS: usize = 4_096;
/// rows of a group in Parquet,
pub const PARQUET_GROUP_ROWS: usize = 1 << 20;
/// and its bytes.
pub const PARQUET_GROUP_BYTES: usize = 128 << 20;
/// How long before it was recorded an event may have happened to be filed under its own day,
pub const EVENT_DAY_BEFORE: Duration = Duration::from_hours(7 * 24);
/// and how long after. Else anybody who sends events could make an object for each of them.
pub const EVENT_DAY_AFTER: Duration = Duration::from_hours(24);

/// The longest answer that is read from a receiver: fifty messages of a channel fit in.
pub const ANSWER_BYTES_MAX: usize = 512 << 10;
/// How much of an answer, or of an error, is kept in receipts and in the status, in characters.
pub const ANSWER_CHARS_KEPT: usize = 256;
/// How much of what was answered to several objects of one batch is kept in its receipt, in characters: some thirty of them.
pub const ACKS_CHARS_MAX: usize = 10_000;
/// How much a receiver of frames may say before it closes.
pub const FAREWELL_BYTES_MAX: usize = 4 << 10;
/// How far back the newest checkpoint is looked for in Kafka before all of the topic is read, in records.
pub const KAFKA_CHECKPOINT_TAIL: i64 = 10_000;
/// The least time that a transaction of Kafka has, whatever a sink's own time limit.
pub const KAFKA_TRANSACTION_MIN: Duration = Duration::from_secs(5);
/// The longest datagram of UDP over IPv4, without its headers.
pub const DATAGRAM_BYTES_MAX: usize = 65_507;
/// Messages of RELP without an answer at once, as in librelp,
pub const RELP_WINDOW: usize = 128;
/// and the longest data of an answer.
pub const RELP_ANSWER_BYTES_MAX: usize = 4 << 10;
/// The longest head of a proxy's answer.
pub const PROXY_HEAD_BYTES_MAX: usize = 8 << 10;
/// How long a connection may take,
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// and a whole request by default.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// An access token is not used in so much of the end of its life,
pub const TOKEN_MARGIN: Duration = Duration::from_mins(5);
/// nor for longer than this, whatever its issuer says.
pub const TOKEN_LIFE_MAX: Duration = Duration::from_hours(24);
/// The longest file of certificates,
pub const CA_BYTES_MAX: usize = 1 << 20;
/// and how many of them are read: the bundles of systems have some hundreds.
pub const CERTIFICATES_MAX: usize = 4_096;
/// Recipients of mail.
pub const RECIPIENTS_MAX: usize = 50;
/// The longest time between two messages that a sink may set, in milliseconds.
pub const INTERVAL_MS_MAX: u64 = 60_000;
/// How often the lag of a sink is looked at while a message is on its way,
pub const STATUS_EVERY: Duration = Duration::from_secs(1);
/// and after how long a message that is not taken is told.
pub const BLOCKED_AFTER: Duration = Duration::from_secs(10);
/// The shortest time between two signs of life, in seconds,
pub const HEARTBEAT_SECONDS_MIN: u32 = 10;
/// and the longest.
pub const HEARTBEAT_SECONDS_MAX: u32 = 3_600;
/// How long a sign of life may take: less than the shortest time between two.
pub const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(8);
/// The wait after a sign of life that there was a reason not to send, or that was not taken.
pub const HEARTBEAT_RETRY: Duration = Duration::from_secs(2);
/// How long a receiver of alerts may be out of reach before the sign of life stays away.
pub const HEARTBEAT_GRACE: Duration = Duration::from_mins(10);
/// The most sinks.
pub const SINKS_MAX: usize = 64;
/// The longest name of a sink.
pub const SINK_NAME_MAX: usize = 64;

/// The longest line of CEF and LEEF, in bytes: what receivers of syslog take without being told to.
pub const LINE_BYTES_MAX: usize = 8 << 10;
