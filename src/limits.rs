//! Every bound of the root package in one place. The bounds of other packages stand in their own `limits.rs`.

use std::time::Duration;

/// The largest configuration file.
pub const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// The longest line on the control socket, in either direction.
pub const CONTROL_LINE_BYTES_MAX: usize = 256 << 10;
/// Connections to the control socket that are served at once; more wait in the system's queue.
pub const CONTROL_CONNECTIONS_MAX: usize = 16;
/// A peer of the control socket that says nothing for this long is hung up on.
pub const CONTROL_IDLE_MAX: Duration = Duration::from_secs(30);

/// The longest name of a token or of one of its fixed identities.
pub const TOKEN_NAME_BYTES_MAX: usize = 256;
/// Dialects that one token may name.
pub const TOKEN_DIALECTS_MAX: usize = 64;
/// Active tokens that are held in memory; an entry above that is refused by `token create`.
pub const TOKENS_MAX: usize = 100_000;

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

/// Connections to one listener that are served at once; more wait in the system's queue.
pub const CONNECTIONS_MAX: usize = 1_024;
/// How long a peer may take to send the head of a request.
pub const HEADER_READ_MAX: Duration = Duration::from_secs(15);

/// How long the entry of the configuration waits for space on a full disk before it is tried again.
pub const SPACE_RETRY: Duration = Duration::from_secs(1);

/// Hard budgets of a configuration.
pub const CONFIGURED_BUDGETS_MAX: usize = 1_024;

/// The shortest time between two looks at which alerts somebody is to be told of again,
pub const NOTICES_PAUSE: Duration = Duration::from_millis(250);
/// and the longest.
pub const NOTICES_WAIT_MAX: Duration = Duration::from_mins(1);

/// How long a stop waits for requests, detectors and sinks before it gives up on them.
pub const DRAIN_MAX: Duration = Duration::from_secs(20);

const _: () = assert!(TOKEN_NAME_BYTES_MAX * 16 < CONTROL_LINE_BYTES_MAX);
