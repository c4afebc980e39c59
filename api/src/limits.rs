//! Every bound of the HTTP API in one place. What a query may take is bounded by `query::limits`.

use std::time::Duration;

use query::limits::SQL_BYTES_MAX;

/// The largest request body.
pub const REQUEST_BYTES_MAX: usize = SQL_BYTES_MAX + (16 << 10);
/// Bytes of an encoded result that are held back before the HTTP status is sent: a result that fails or ends within them
/// gets its true status and its statistics as headers.
pub const RESPONSE_HEAD_BYTES: usize = 64 << 10;

/// Live tails that are open at the same time. The next one is answered `Busy`.
pub const TAILS_MAX: usize = 64;
/// The most of them of one token.
pub const TAILS_PER_TOKEN_MAX: usize = 16;
/// Rows that a live tail reads at once.
pub const TAIL_READ_ROWS: usize = 256;
/// Bytes that a live tail reads at once.
pub const TAIL_READ_BYTES: usize = 1 << 20;
/// A live tail sends a heartbeat when nothing else was sent for this long.
pub const TAIL_HEARTBEAT: Duration = Duration::from_secs(10);
/// Filter values in one live tail.
pub const TAIL_FILTERS_MAX: usize = 64;

/// Live streams that are open at the same time. The next one is answered `Busy`.
pub const STREAMS_MAX: usize = 64;
/// The most of them of one token.
pub const STREAMS_PER_TOKEN_MAX: usize = 16;
/// A live stream sends no topic more often than this.
pub const STREAM_TICK: Duration = Duration::from_millis(250);
/// What a client is asked to wait before it comes back.
pub const STREAM_RETRY: Duration = Duration::from_secs(2);
/// A live stream sends a comment when nothing else was sent for this long.
pub const STREAM_KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Agents in one update of a live stream; the others follow.
pub const STREAM_AGENTS_MAX: usize = 200;
/// How often agents are sent of which nothing changed but what time changes, and totals.
pub const STREAM_PULSE: Duration = Duration::from_secs(5);
/// The shortest time between two totals of the fleet.
pub const STREAM_TOTALS_EVERY: Duration = Duration::from_secs(1);
/// Events in one update of a live stream; of more it says how many there were.
pub const STREAM_EVENTS_MAX: usize = 12;
/// A client that is so many rows behind is told to load everything anew.
pub const STREAM_BEHIND_MAX: u64 = 1_000_000;
/// Alerts in one update of a live stream; if more changed, the client is told to load everything anew.
pub const STREAM_ALERTS_MAX: usize = 256;

/// Alerts or silences in one page of a list, unless the request asks for another number.
pub const PAGE_DEFAULT: usize = 100;
/// The most that a page has.
pub const PAGE_MAX: usize = 1_000;
/// Parts of the time in the overview of a session, unless the request asks for another number.
pub const SESSION_BUCKETS_DEFAULT: usize = 600;
/// Records of a session in one page, unless the request asks for another number.
pub const RECORDS_DEFAULT: usize = 200;
/// Filter values of one list.
pub const LIST_FILTERS_MAX: usize = 64;
/// Bytes of content that are read for one note.
pub const NOTE_READ_BYTES: usize = 1 << 20;

/// Seconds for which a reservation keeps money unless the request says otherwise.
pub const RESERVATION_TTL_SECONDS_DEFAULT: u32 = 300;
/// Requests for decisions about budgets that are served at once: each holds a thread for one fsync.
pub const BUDGET_REQUESTS_MAX: usize = 256;
/// The most of them of one token.
pub const BUDGET_REQUESTS_PER_TOKEN_MAX: usize = 192;
/// The largest body of such a request.
pub const BUDGET_REQUEST_BYTES_MAX: usize = 8 << 10;

/// The largest body of a Slack interaction: it repeats the message, as a form.
pub const SLACK_REQUEST_BYTES_MAX: usize = 256 << 10;
/// Slack waits three seconds for an answer.
pub const SLACK_ANSWER_MAX: Duration = Duration::from_millis(2_500);
/// The longest id and name of a Slack user.
pub const SLACK_USER_BYTES_MAX: usize = 64;
/// Interactions that are served at once; Slack says so to whoever pressed a button, who presses it again.
pub const SLACK_REQUESTS_MAX: usize = 16;
/// Signatures of interactions that were carried out and are remembered.
pub const SLACK_SIGNATURES_MAX: usize = 16_384;

/// Positions of which one request may ask.
pub const POSITIONS_MAX: usize = 200;
