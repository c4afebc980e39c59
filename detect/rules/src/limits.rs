//! Every bound of the rules in one place, with what follows from each. What several families share has its bounds in `detect-core`.

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
/// Programs that do harm and that sessions wrote: about 20 bytes each.
pub const PROGRAMS_MAX: usize = 16_384;
/// Results with instructions that are remembered for each agent, 52 bytes each,
pub const TOLD_RESULTS_MAX: usize = 2;
/// and what one of them names.
pub const TOLD_NAMES_MAX: usize = 8;
/// Agents of which it is remembered that such a result came to a workspace, so that requests of the firewall find it.
pub const TOLD_WORKSPACES_MAX: usize = 8_192;
/// Names of tools of which it is kept what they are for,
pub const KNOWN_TOOLS: usize = 512;
/// and the longest of them in bytes.
pub const KNOWN_TOOL_BYTES_MAX: usize = 128;
/// Denied calls that are remembered for each agent.
pub const DENIED_CALLS_MAX: usize = 4;
/// Rules that are counted by name in one text.
pub const RULES_IN_TEXT: usize = 16;

/// Refused uploads of which it is remembered at which workspaces,
pub const FLEET_UPLOADS_MAX: usize = 8_192;
/// until nobody was refused them for so many seconds.
pub const FLEET_UPLOAD_SECONDS: i64 = 86_400;

/// Agents of which one egress detector keeps state.
pub const EGRESS_AGENTS_MAX: usize = 65_536;
/// A destination that an agent has not asked for this long gives way to any other.
pub const CANDIDATE_IDLE_SECONDS: i64 = 3 * 86_400;
/// Rare places of one agent to which data goes and that are followed: 60 bytes each.
pub const TRICKLES_PER_AGENT: usize = 3;
/// Events of a trickle that are remembered as evidence before it is one,
pub const TRICKLE_EVIDENCE: usize = 3;
/// and of data for many places.
pub const SPREAD_EVIDENCE: usize = 4;
/// Agents whose data for several rare places is added up: about 90 bytes each.
pub const SPREADS_MAX: usize = 4_096;
/// Of the bytes that went to a rare place half is forgotten in so many seconds without more,
pub const BUDGET_HALVED_SECONDS: i64 = 7 * 86_400;
/// and all of it in so many.
pub const BUDGET_IDLE_SECONDS: i64 = 21 * 86_400;
/// Teams of which it is known how much they usually send: about 90 bytes each.
pub const SENDING_TEAMS_MAX: usize = 4_096;
/// Pairs of a team and somebody to whom it gave something: about 20 bytes each.
pub const RECIPIENTS_MAX: usize = 65_536;
/// Workspaces of which it is known that a firewall sees their requests: about 20 bytes each.
pub const WATCHED_NETWORKS_MAX: usize = 65_536;
/// Pairs of agent and domain whose labels are watched for data: about 80 bytes each.
pub const TUNNELS_MAX: usize = 4_096;
/// A secret that was read this many seconds before the first request of a trickle, or later, is named with it.
pub const SECRET_BEFORE_SECONDS: i64 = 86_400;
/// Whose place is whose on services where anybody has one is only learnt for so many seconds.
pub const PLACES_LEARNT_SECONDS: i64 = 86_400;
/// Rare destinations of one agent whose rhythm is followed, and all of them together as one: 44 bytes each.
pub const BEATS_PER_AGENT: usize = 4;
/// Latest intervals of a destination that are remembered,
pub const INTERVALS_MAX: usize = 19;
/// and latest callbacks of which it is known what they asked for.
pub const MARKS_MAX: u32 = 16;
/// A gap so many times longer than the usual interval ends a rhythm.
pub const BEAT_GAP: u32 = 6;
/// A destination that is overdue by so many of its intervals gives way to any other,
pub const BEAT_PATIENCE: i64 = 8;
/// but not before so many seconds,
pub const PATIENCE_SECONDS: i64 = 600;
/// and what was asked for a few times only not before so many: it may come again.
pub const NEWCOMER_SECONDS: i64 = 3 * 3_600;
/// An agent that has run no command for so many seconds does nothing else.
pub const IDLE_SECONDS: i64 = 1_800;
/// Places of the sketch of visits, two bytes each: half a megabyte for all agents.
pub const VISIT_CELLS: usize = 1 << 18;
/// Visits that it counts for a destination,
pub const VISITS_MAX: u16 = 31;
/// those of them that count as history of one that is followed,
pub const VOTES_MAX: u32 = 15;
/// and visits of one agent in an hour that it takes: what comes above them is a flood, which must not fill it for others.
pub const VISITS_PER_HOUR_MAX: u16 = 2_048;
/// Destinations that agents call regularly,
pub const CHOIRS_MAX: usize = 8_192;
/// and agents that are told apart for each. A destination that more agents ask for is not rare.
pub const CHOIR_AGENTS_MAX: usize = 16;
/// Intervals that differ by fewer twelfths of a doubling, a factor of 1.6, are those of a program that waits the same time.
pub const STEADY_STEPS: u8 = 8;
/// Rotation takes so many rare places.
pub const ROTATION_PLACES: u32 = 4;
/// Latest refused requests of one agent that are remembered: 10 bytes each.
pub const REFUSALS_MAX: u32 = 32;
/// Names that stand in the sentences of one alert.
pub const NAMES_IN_TEXT: usize = 5;

/// Canaries in the parameters,
pub const CANARIES_MAX: usize = 256;
/// and texts of one event that are compared with them.
pub const CANARY_TOKENS_MAX: usize = 256;
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

/// Teams, organisations, templates and kinds of task of which one detector remembers what is usual, at a few hundred bytes each.
pub const SPENDING_TEAMS_MAX: usize = 4_096;
/// Tasks whose cost is added up at a time: those that nobody paid for lately give way.
pub const SPENDING_TASKS_MAX: usize = 8_192;
/// Budgets of single agents, runs, teams and organisations in the configuration.
pub const NAMED_BUDGETS_MAX: usize = 256;

/// User rules of one configuration.
pub const USER_RULES_MAX: usize = 128;
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
/// The longest label of a host name, as the DNS has it.
pub const LABEL_BYTES_MAX: usize = 63;

/// Teams and kinds of agents of which is known who usually tells of their sessions: about 40 bytes each.
pub const HABITS_MAX: usize = 4_096;
/// Sessions whose hooks failed.
pub const HOOK_FAILURES_MAX: usize = 4_096;
/// Credentials of which it is known since when they are used: about 20 bytes each.
pub const CREDENTIALS_MAX: usize = 16_384;
/// Resources of workspaces that are watched for how long they are used up: about 50 bytes each.
pub const RESOURCES_MAX: usize = 16_384;
/// MCP servers that somebody of a team has used, for each team once: about 40 bytes each.
pub const MCP_SERVERS_MAX: usize = 16_384;
/// Pull requests of which it is known what reviews and checks said: about 70 bytes each,
pub const PULL_REQUESTS_MAX: usize = 8_192;
/// checks that failed of each,
pub const FAILED_CHECKS_MAX: usize = 4;
/// and repositories in which somebody approves.
pub const REPOSITORIES_MAX: usize = 4_096;
/// Names of rules, repositories or witnesses in the parameters of one rule.
pub const LISTED_WORDS_MAX: usize = 64;
