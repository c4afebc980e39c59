//! Every bound of what detectors share in one place, with what follows from each.

use std::time::Duration;

/// The longest text in an alert, in characters; longer ones end in an ellipsis.
pub const TEXT_CHARS_MAX: usize = 256;

/// Names and targets of episodes that are longer, in bytes, are cut and end in their hash.
pub const NAME_BYTES_MAX: usize = 512;
/// Open episodes of one detector. Above it the one that has been quiet for longest is resolved early.
pub const EPISODES_MAX: usize = 16_384;
/// Open episodes of one scope; further targets share one episode, so that one agent cannot push out another's.
pub const EPISODES_PER_SCOPE_MAX: u32 = 64;
/// Findings that all detectors together give in one second of silence; the others follow in the next second. Bounds the
/// group of one commit.
pub const RESOLVED_PER_ADVANCE_MAX: usize = 128;
/// An update is due when the count has grown by this factor since the last revision: a flood gives few updates.
pub const UPDATE_FACTOR: u64 = 4;

/// What was not said of an open alert is said this many seconds after the latest event,
pub const QUIET_SECONDS: i64 = 5;
/// or this many after the first of them, if they do not cease,
pub const QUIET_SECONDS_MAX: i64 = 60;
/// so often for one alert,
pub const QUIET_BURST: u32 = 16;
/// and then no more than once in so many seconds.
pub const QUIET_PAUSE_SECONDS: i64 = 60;
/// Findings of one second after which such revisions wait for the next one.
pub const QUIET_PER_ADVANCE_MAX: usize = 32;

/// A sender that opened so many alerts
pub const OPENED_PER_SENDER_MAX: u32 = 100;
/// without a pause of so many seconds floods: its further alerts are told together only.
pub const OPENED_SECONDS: i64 = 600;
/// Senders whose alerts and forgotten keys are counted.
pub const SENDERS_MAX: usize = 4_096;
/// A key that is used again within this many seconds keeps its place in the order of use.
pub const USED_AGAIN_SECONDS: i64 = 30;
/// A key that was used within this many seconds is in use: a tenant that pushes out one of its own keys in use floods.
pub const EVICTED_IN_USE_SECONDS: i64 = 3_600;

/// Data that goes to a new place within so many seconds of a secret that was read has to do with it.
pub const AFTER_SECRET_SECONDS: i64 = 900;
/// Scopes whose latest secret-bearing read is remembered.
pub const SECRET_READS_MAX: usize = 65_536;

/// Agents of which is remembered what the person named and asked for.
pub const PERSONS_MAX: usize = 65_536;

/// Names (domains, packages) of which one detector remembers who asked for them: about 130 bytes each.
pub const REACH_NAMES_MAX: usize = 32_768;
/// Agents, and teams, that are remembered for one name; a name with more is not rare.
pub const REACH_FEW: u32 = 4;
/// An agent that fetched from a place so many seconds before it first wrote there works with it.
pub const OWN_PLACE_SECONDS: i64 = 1_800;
/// One that both fetches from it and writes to it for so many seconds does, too.
pub const OWN_PLACE_DAY_SECONDS: i64 = 86_400;
/// A name that everybody asks for counts as used again after this many seconds.
pub const REACH_REFRESH_SECONDS: i64 = 60;
/// Registers of the count of agents; its error is about one in sixteen.
pub const AGENT_REGISTERS: usize = 256;

/// Names in a list that an operator writes into the parameters of a detector,
pub const NAMES_MAX: usize = 1_024;
/// and the longest of them in bytes.
pub const LISTED_NAME_BYTES_MAX: usize = 253;
/// The longest text of one event in which detectors look for names, commands and canaries, in bytes.
pub const SCANNED_BYTES_MAX: usize = 16_384;

/// Agents, runs, teams and organisations whose spend one detector remembers.
pub const SPENDERS_MAX: usize = 65_536;
/// Sessions of which is remembered who told of them, and who tells of their money: about 60 bytes each.
pub const SESSIONS_MAX: usize = 65_536;
/// After so many events
pub const SETTLED_EVENTS: u8 = 16;
/// and so many seconds it can be said who tells of a session.
pub const SETTLED_SECONDS: i64 = 600;

/// Events of one test, those of `repeat` included.
pub const TEST_EVENTS_MAX: u64 = 100_000;
/// The longest time that a test lets pass, in seconds.
pub const TEST_SECONDS_MAX: i64 = 31 * 86_400;

/// A live event did not happen longer than this before it was seen: sources send in batches of seconds.
pub const TIME_TOLERANCE: Duration = Duration::from_mins(1);
/// Old events of one agent may come in another order by so many seconds: windows bear it.
pub const DISORDER_SECONDS: i64 = 600;
/// Agents whose time is kept to tell what came after what happened later.
pub const ORDERED_AGENTS_MAX: usize = 65_536;
/// An event that was seen longer than this before it was recorded, or before the first start, is backfill.
pub const BACKFILL_AGE: Duration = Duration::from_mins(15);
/// A recorded gap above this, without the heartbeats that a running ledger leaves, is an outage.
pub const OUTAGE_SECONDS: i64 = 30;
/// The longest misspelt name to which the nearest one is looked for: ours are shorter.
pub const MISSPELT_BYTES_MAX: usize = 64;

/// Weeks of which it is measured how many alerts a team has: the one that is not over, and four before it.
pub const BUDGET_WEEKS: usize = 5;
/// So many days a team must have been watched before alerts are lowered,
pub const BUDGET_DAYS_MIN: i64 = 7;
/// and so many days of its agents.
pub const BUDGET_AGENT_DAYS_MIN: u32 = 20;
/// So many alerts of a kind within these weeks are rare, and never lowered.
pub const BUDGET_RARE: u32 = 3;
/// Kinds of alerts that are told apart in one team, at about 60 bytes each; rules give few.
pub const BUDGET_KINDS_MAX: usize = 64;
/// Teams whose alerts are measured.
pub const BUDGET_TEAMS_MAX: usize = 512;
/// Agents of which it is remembered that their day was counted, at about 24 bytes each.
pub const BUDGET_AGENTS_MAX: usize = 131_072;
/// Alerts of which it is remembered how they were judged: about as many as are open.
pub const BUDGET_JUDGED_MAX: usize = 16_384;
