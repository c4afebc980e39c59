//! Every bound of the root package in one place. The bounds of other packages stand in their own `limits.rs`.

use std::time::Duration;

/// The largest configuration file.
pub const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// Connections to the control socket that are served at once. For one more, the one that was silent for longest ends: there
/// is room for commands beside every live tail that `local` may have.
pub const CONTROL_CONNECTIONS_MAX: usize = 64;

/// The longest line of an answer, such as one row of a live tail.
pub const ANSWER_LINE_BYTES_MAX: usize = 64 << 20;
/// The largest answer that is read as a whole, such as a page of alerts.
pub const ANSWER_BYTES_MAX: usize = 256 << 20;
/// The largest error answer that is read.
pub const PROBLEM_BYTES_MAX: usize = 64 << 10;
/// How long a command tries to connect to a server.
pub const CONNECT_MAX: Duration = Duration::from_secs(10);
/// The first pause before an interrupted tail asks again; it doubles up to the longest.
pub const RECONNECT_MIN: Duration = Duration::from_millis(250);
/// The longest pause before an interrupted tail asks again.
pub const RECONNECT_MAX: Duration = Duration::from_secs(10);

/// Connections to one listener that are served at once. For one more, whoever has most of them loses one.
pub const CONNECTIONS_MAX: usize = 1_024;
/// Connections of senders that are not answered, which lost their places and are not done: those that are to come wait.
pub const STREAMS_ENDING_MAX: usize = 64;
/// Connections to a collector's socket in the file system.
pub const SOCKET_CONNECTIONS_MAX: usize = 128;
/// File handles that the server would like to have: for both listeners, and for files of the store and of collectors.
pub const FILES_WANTED: u64 = 4 * CONNECTIONS_MAX as u64;
/// How long a peer may take for a handshake of TLS.
pub const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// The same failure of a handshake is told in the log once in so long.
pub const HANDSHAKE_TOLD_EVERY: Duration = Duration::from_mins(1);
/// A certificate that ends so soon is worth a look, or in the last third of its life if that is shorter.
pub const CERTIFICATE_RENEWED_BEFORE: Duration = Duration::from_hours(14 * 24);
/// How long a peer may take to send the head of a request.
pub const HEADER_READ_MAX: Duration = Duration::from_secs(15);
/// Requests that one connection of HTTP/2 may have at once.
pub const STREAMS_PER_CONNECTION_MAX: u32 = 64;
/// How often a connection of HTTP/2 that says nothing is asked whether its peer is still there. It has as long to answer as for a head.
pub const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(30);
/// A peer that takes nothing of an answer for this long is hung up on.
pub const WRITE_STALL_MAX: Duration = Duration::from_secs(30);
/// Requests of one token that are served at once; more are answered 429.
pub const REQUESTS_PER_TOKEN_MAX: usize = 256;
/// Requests with a body that are served at once of one address without a token; more are answered 429.
pub const REQUESTS_PER_ADDRESS_MAX: usize = 32;
/// How long the body of a request with a token may keep the server waiting, beside what its bytes earn,
pub const BODY_GRACE_KNOWN: Duration = Duration::from_secs(30);
/// and how many bytes earn another second.
pub const BODY_RATE_KNOWN_MIN: u64 = 256;
/// How long the body of a request without a token may keep the server waiting, beside what its bytes earn,
pub const BODY_GRACE_UNKNOWN: Duration = Duration::from_secs(3);
/// and how many bytes earn another second.
pub const BODY_RATE_UNKNOWN_MIN: u64 = 64 << 10;
/// Mistakes in a configuration that are told at once.
pub const CONFIG_PROBLEMS_MAX: usize = 100;
/// Bytes of it that are read in search of them: each takes some readings of the whole file.
pub const CONFIG_READ_BYTES_MAX: usize = 64 << 20;
/// Names of the server in `[listen]`.
pub const LISTEN_NAMES_MAX: usize = 64;

/// The longest path of a socket that an address holds on Linux.
pub const SOCKET_PATH_BYTES_MAX: usize = 107;

/// Hard budgets of a configuration.
pub const CONFIGURED_BUDGETS_MAX: usize = 1_024;

/// The shortest time between two looks at which alerts somebody is to be told of again,
pub const NOTICES_PAUSE: Duration = Duration::from_millis(250);
/// and the longest.
pub const NOTICES_WAIT_MAX: Duration = Duration::from_mins(1);

/// How long `tachograph hook` reads a payload,
pub const HOOK_READ_MAX: Duration = Duration::from_secs(2);
/// and how much of it.
pub const HOOK_READ_BYTES_MAX: usize = 16 << 20;
/// The largest payload that is sent as it is; of a larger one the longest texts are cut. A record has 1 MiB at most.
pub const HOOK_PAYLOAD_BYTES_MAX: usize = (1 << 20) - (16 << 10);
/// Bytes of a file of settings that are hashed when a session starts,
pub const HOOK_FILE_BYTES_MAX: u64 = 4 << 20;
/// and files of one folder of such.
pub const HOOK_FOLDER_FILES_MAX: usize = 256;
/// Bytes that wait in a spool; what comes then is counted and lost.
pub const HOOK_SPOOL_BYTES_MAX: u64 = 64 << 20;
/// How long a hook waits for another that writes.
pub const HOOK_LOCK_WAIT_MAX: Duration = Duration::from_millis(500);
/// The largest file of a spool's own state.
pub const HOOK_STATE_BYTES_MAX: u64 = 4 << 10;
/// How long one request of a delivery may take.
pub const HOOK_SEND_MAX: Duration = Duration::from_secs(30);
/// Bytes that one request of a delivery holds, unless one record is larger.
pub const HOOK_REQUEST_BYTES_MAX: usize = 4 << 20;
/// Characters of a server's reason that are kept.
pub const HOOK_REASON_CHARS_MAX: usize = 300;

/// The largest checkpoint that is read from a file, in bytes.
pub const CHECKPOINT_BYTES_MAX: u64 = 1 << 20;

/// How long a stop waits for requests, detectors and sinks before it gives up on them.
pub const DRAIN_MAX: Duration = Duration::from_secs(20);

/// How long the server waits after one verification of its directory before the next,
pub const VERIFICATION_EVERY: Duration = Duration::from_mins(15);
/// how many of them it remembers,
pub const VERIFICATIONS_KEPT_MAX: usize = 20;
/// how many faults of each,
pub const VERIFICATION_FAULTS_KEPT_MAX: usize = 20;
/// and by how much their thread lets others go first.
pub const VERIFICATION_NICENESS: i32 = 10;

/// Prices older than so many days are worth a look.
pub const PRICES_DAYS_MAX: i64 = 120;

/// Messages that each inbox of the demo keeps,
pub const DEMO_MESSAGES_MAX: usize = 200;
/// and the largest that one takes.
pub const DEMO_BODY_BYTES_MAX: usize = 16 << 20;
/// How long the demo waits for a listener that is busy,
pub const DEMO_PATIENCE: Duration = Duration::from_secs(30);
/// and for stories that were not found when its time is over.
pub const DEMO_GRACE: Duration = Duration::from_secs(45);
/// Records of one door that are sent in one request while somebody watches,
pub const DEMO_BATCH_RECORDS_MAX: usize = 256;
/// and those that wait for it.
pub const DEMO_QUEUE_RECORDS_MAX: usize = 4_096;
/// The largest proof file: an entry as large as a group may be, in hexadecimal digits.
pub const PROOF_FILE_BYTES_MAX: u64 = 256 << 20;

/// Scopes that are asked of an OpenID provider.
pub const OIDC_SCOPES_MAX: usize = 16;
/// The longest address of a provider.
pub const OIDC_ADDRESS_BYTES_MAX: usize = 512;
/// How long a session at the console lasts by which somebody came by a provider, in minutes: at least,
pub const OIDC_SESSION_MINUTES_MIN: u32 = 5;
/// and at most.
pub const OIDC_SESSION_MINUTES_MAX: u32 = (operations::limits::SESSION_AGE_MAX.as_secs() / 60) as u32;
/// The largest answer of a provider.
pub const OIDC_ANSWER_BYTES_MAX: usize = 1 << 20;
/// How long one request to a provider may take, the connection included.
pub const OIDC_REQUEST_MAX: Duration = Duration::from_secs(10);
/// How long what a provider says of itself is not asked again when somebody begins to log in,
pub const OIDC_METADATA_FRESH: Duration = Duration::from_secs(10);
/// how long after it did not answer,
pub const OIDC_RETRY_AFTER: Duration = Duration::from_secs(3);
/// and how old its keys are at least when they are asked for again because of one that is unknown.
pub const OIDC_KEYS_AGE_MIN: Duration = Duration::from_secs(10);
/// Answers of a provider that are looked at at the same time.
pub const OIDC_LOGINS_MAX: usize = 16;

/// When less of what was spent has a person, `doctor` says what would help.
pub const ATTRIBUTED_PERCENT_MIN: u8 = 95;
