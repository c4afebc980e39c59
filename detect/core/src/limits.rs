//! Every bound of the detectors and of their runner in one place, with what follows from each.

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

/// Agents of which a detector keeps a state.
pub const AGENTS_MAX: usize = 65_536;
/// Errors that are remembered to see whether other agents have them,
pub const FLEET_ERRORS_MAX: usize = 16_384;
/// and agents that are told apart for each.
pub const FLEET_AGENTS_MAX: usize = 32;
/// Streams whose counters are followed,
pub const STREAMS_MAX: usize = 65_536;
/// and holes in each that are waited for; further ones are joined to the last.
pub const STREAM_HOLES_MAX: usize = 4;
/// Collectors whose silence is noticed; further ones are not watched.
pub const COLLECTORS_MAX: usize = 1_024;
/// Tool calls that are remembered, so that one call that two events report is judged once.
pub const CALLS_MAX: usize = 65_536;
/// Things that sessions made themselves, by kind and name.
pub const MADE_MAX: usize = 32_768;
/// Denied calls that are remembered for each agent.
pub const DENIED_CALLS_MAX: usize = 4;
/// The longest command line that is judged, in bytes; of a longer one the beginning is.
pub const COMMAND_BYTES_MAX: usize = 65_536;
/// Bytes that are read of one command line, those of lines inside of it and of values that are put in included.
pub const COMMAND_WORK_BYTES_MAX: usize = 8 * COMMAND_BYTES_MAX;
/// Lines inside of lines that are followed,
pub const COMMAND_DEPTH_MAX: usize = 10;
/// commands of one line,
pub const COMMANDS_MAX: usize = 4_096;
/// words of one command,
pub const COMMAND_WORDS_MAX: usize = 1_024;
/// variables of one line,
pub const COMMAND_VARIABLES_MAX: usize = 128;
/// and the longest value of one, in bytes.
pub const COMMAND_VALUE_BYTES_MAX: usize = 4_096;
/// A sender that opened so many alerts
pub const OPENED_PER_SENDER_MAX: u32 = 100;
/// without a pause of so many seconds floods: its further alerts are told together only.
pub const OPENED_SECONDS: i64 = 600;
/// Rules that are counted by name in one text.
pub const RULES_IN_TEXT: usize = 16;
/// Senders whose alerts and forgotten keys are counted.
pub const SENDERS_MAX: usize = 4_096;
/// A key that is used again within this many seconds keeps its place in the order of use.
pub const USED_AGAIN_SECONDS: i64 = 30;
/// A key that was used within this many seconds is in use: a tenant that pushes out one of its own keys in use floods.
pub const EVICTED_IN_USE_SECONDS: i64 = 3_600;

/// Pairs of agent and domain that are remembered as allowed.
pub const ALLOWED_PAIRS_MAX: usize = 131_072;
/// Refused uploads of which it is remembered at which workspaces,
pub const FLEET_UPLOADS_MAX: usize = 8_192;
/// until nobody was refused them for so many seconds.
pub const FLEET_UPLOAD_SECONDS: i64 = 86_400;
/// Scopes whose latest secret-bearing read is remembered.
pub const SECRET_READS_MAX: usize = 65_536;

/// Names (domains, packages) of which one detector remembers who asked for them: about 130 bytes each.
pub const REACH_NAMES_MAX: usize = 32_768;
/// Agents, and teams, that are remembered for one name; a name with more is not rare.
pub const REACH_FEW: u32 = 4;
/// A name that everybody asks for counts as used again after this many seconds.
pub const REACH_REFRESH_SECONDS: i64 = 60;
/// Registers of the count of agents; its error is about one in sixteen.
pub const AGENT_REGISTERS: usize = 256;

/// Agents of which one egress detector keeps state.
pub const EGRESS_AGENTS_MAX: usize = 65_536;
/// A destination that an agent has not asked for this long gives way to any other.
pub const CANDIDATE_IDLE_SECONDS: i64 = 3 * 86_400;
/// Rare destinations of one agent whose writes are followed: 72 bytes each.
pub const TRICKLES_PER_AGENT: usize = 3;
/// Events of a trickle that are remembered as evidence before it is one.
pub const TRICKLE_EVIDENCE: usize = 6;
/// A secret that was read this many seconds before the first request of a trickle, or later, is named with it.
pub const SECRET_BEFORE_SECONDS: i64 = 86_400;
/// Rare destinations of one agent whose rhythm is followed: 60 bytes each.
pub const BEATS_PER_AGENT: usize = 4;
/// Latest intervals of a destination that are remembered.
pub const INTERVALS_MAX: usize = 20;
/// Latest refused requests of one agent that are remembered: 16 bytes each.
pub const REFUSALS_MAX: u32 = 32;
/// Names that stand in the sentences of one alert.
pub const NAMES_IN_TEXT: usize = 5;

/// Names in a list that an operator writes into the parameters of a detector,
pub const NAMES_MAX: usize = 1_024;
/// and the longest of them in bytes.
pub const LISTED_NAME_BYTES_MAX: usize = 253;
/// Canaries in the parameters,
pub const CANARIES_MAX: usize = 256;
/// and texts of one event that are compared with them.
pub const CANARY_TOKENS_MAX: usize = 256;
/// The longest text of one event in which detectors look for names, commands and canaries, in bytes.
pub const SCANNED_BYTES_MAX: usize = 16_384;
/// Hosts and packages that are remembered as like no other.
pub const JUDGED_NAMES_MAX: usize = 32_768;
/// Packages of one command that are looked at.
pub const PACKAGES_PER_COMMAND_MAX: usize = 32;
/// The longest package name that is compared with others, in bytes.
pub const PACKAGE_BYTES_MAX: usize = 64;
/// Weak policies whose latest alert is remembered.
pub const POLICIES_MAX: usize = 8_192;
/// A request under a weak rule counts again after this many seconds.
pub const POLICY_REPEAT_SECONDS: i64 = 60;

/// Agents, runs, teams and organisations whose spend one detector remembers.
pub const SPENDERS_MAX: usize = 65_536;
/// Teams whose hours of the week one detector remembers, at about a kilobyte and a half each.
pub const SPENDING_TEAMS_MAX: usize = 4_096;
/// Budgets of single agents, runs, teams and organisations in the configuration.
pub const NAMED_BUDGETS_MAX: usize = 256;
/// How long after a gateway's last word on a tenant's spend other sources of the same tenant are not counted.
pub const GATEWAY_MEMORY_SECONDS: i64 = 3_600;

/// User rules of one configuration,
pub const USER_RULES_MAX: usize = 128;
/// and the bytes of one file of them.
pub const RULE_FILE_BYTES_MAX: u64 = 256 << 10;
/// Bytes of all user rules as they are recorded: an entry of `operations` and every snapshot hold them.
pub const USER_RULES_BYTES_MAX: usize = 1 << 20;
/// The longest condition, in bytes,
pub const CONDITION_BYTES_MAX: usize = 4_096;
/// its parts,
pub const CONDITION_NODES_MAX: usize = 512;
/// and its levels of brackets, or operators of one rank in a row.
pub const CONDITION_DEPTH_MAX: usize = 24;
/// The longest pattern of a condition, in bytes,
pub const PATTERN_BYTES_MAX: usize = 1_024;
/// and the memory that it takes once it is compiled.
pub const PATTERN_MEMORY_MAX: usize = 256 << 10;
/// Columns by which a user rule keeps its state.
pub const RULE_KEYS_MAX: usize = 4;
/// States of one user rule,
pub const RULE_STATES_MAX: usize = 16_384;
/// values that one user rule remembers over all its states,
pub const RULE_VALUES_MAX: usize = 65_536;
/// and bytes of the states of all user rules together: where they might take more, each rule has fewer states.
pub const USER_STATES_BYTES_MAX: u64 = 256 << 20;
/// Open episodes of all user rules together, in even shares: about two kilobytes each.
pub const USER_EPISODES_MAX: usize = 131_072;
/// The longest title or reason of a user rule, in bytes.
pub const TEMPLATE_BYTES_MAX: usize = 1_024;
/// Different values that one state of a user rule counts, and keys for which a value may be rare.
pub const RULE_DISTINCT_MAX: u32 = 256;
/// Steps of a sequence.
pub const RULE_STEPS_MAX: usize = 8;
/// Positions that a state of a user rule keeps as evidence before it speaks.
pub const RULE_EVIDENCE_MAX: usize = 8;
/// Windows of a budget's burn rate.
pub const RULE_WINDOWS_MAX: usize = 4;
/// Tests of one rule, and events of one test.
pub const RULE_TESTS_MAX: usize = 64;
/// Events of one test, those of `repeat` included.
pub const TEST_EVENTS_MAX: u64 = 100_000;
/// The longest time that a test lets pass, in seconds.
pub const TEST_SECONDS_MAX: i64 = 31 * 86_400;

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

/// A live event did not happen longer than this before it was seen: sources send in batches of seconds.
pub const TIME_TOLERANCE: Duration = Duration::from_mins(1);
/// An event that was seen longer than this before it was recorded, or before the first start, is backfill.
pub const BACKFILL_AGE: Duration = Duration::from_mins(15);
/// A recorded gap above this, without the heartbeats that a running ledger leaves, is an outage.
pub const OUTAGE_SECONDS: i64 = 30;

/// How long the bookkeeper of hard budgets collects before it writes.
pub const BOOKKEEPER_LINGER: Duration = Duration::from_millis(250);
/// Rows of `operations` that it reads before it writes, so that one group holds what it has to say about them,
pub const BOOKKEEPER_READ_ROWS: usize = 1_024;
/// events that it passes over before it notes how far it is,
pub const BOOKKEEPER_EVENTS_MAX: u64 = 65_536;
/// and reservations whose cost it has seen before it writes that down.
pub const BOOKKEEPER_MATCHED_MAX: usize = 1_024;

/// How long the runner waits when the disk has no space left for its alerts.
pub const NO_SPACE_RETRY: Duration = Duration::from_secs(1);
