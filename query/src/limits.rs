//! Every bound of the query engine in one place.

use std::time::Duration;

/// The longest SQL text. Planning costs time and memory that grow with it.
pub const SQL_BYTES_MAX: usize = 256 << 10;
/// The most words and signs in a statement.
pub const SQL_TOKENS_MAX: usize = 40_000;
/// The most operators, keywords and brackets between two commas: a chain is a tree of that depth, and whoever walks over it
/// needs stack for every link.
pub const SQL_CHAIN_MAX: usize = 500;
/// How many operators a join or a set operation counts for: planning one takes as long.
pub const SQL_SPINE_WEIGHT: usize = 3;
/// How many operators INTERSECT and EXCEPT count for: each is a join whose inputs are made distinct.
pub const SQL_EXCEPT_WEIGHT: usize = 20;
/// The most grouping sets that CUBE, ROLLUP and GROUPING SETS of one GROUP BY come to; sixteen columns would be 65,536.
pub const SQL_GROUPING_SETS_MAX: u64 = 256;
/// How deeply SQL expressions and subqueries nest; also guards the stack.
pub const SQL_DEPTH_MAX: usize = 50;
/// The most tables that a statement reads once its `WITH` clauses are written out: a name that stands twice in each of
/// twenty clauses is a million tables.
pub const SQL_TABLES_MAX: u64 = 1_000;
/// The most tables that a statement names: each is joined to the others, one below the other.
pub const SQL_TABLES_NAMED_MAX: u64 = 50;
/// The most nodes in a plan before it is optimised: nested `WITH` clauses multiply.
pub const PLAN_NODES_MAX: usize = 4_096;

/// The most steps of one expression of a plan, each column replaced by what it stands for: the optimiser does that to
/// conditions, and an alias that stands twice in each of thirty subqueries is a billion steps.
pub const PLAN_EXPRESSION_STEPS_MAX: u64 = 20_000;
/// Numbers in one path into JSON: each may be the index of a list or the name of a field, so that each doubles the look-ups.
pub const JSON_PATH_NUMBERS_MAX: usize = 4;
/// Steps into JSON by computed keys that follow each other: the time to plan them grows with the cube of their number.
pub const JSON_STEPS_MAX: usize = 16;
/// Operators that follow each other and are planned as calls within calls, which takes as long.
pub const CHAINED_CALLS_MAX: usize = 16;
/// The most keys of `?|` and `?&`.
pub const JSON_KEYS_MAX: usize = 64;
/// The longest operand of `?|` and `?&`, in bytes: it is written out for each key.
pub const JSON_OPERAND_BYTES_MAX: usize = 256;
/// Characters that are kept of what a parser says: it lists every name that it knows, and a person needs the beginning.
pub const PARSER_CHARS_MAX: usize = 600;
/// The most bytes that a function which can grow, such as `replace`, makes of one batch of rows.
pub const EXPRESSION_BYTES_MAX: u64 = 64 << 20;
/// Such a function is applied to fewer rows at once if their values could have more bytes than this.
pub const EXPRESSION_PIECE_BYTES: u64 = 16 << 20;

/// The stack of each thread that parses, plans or runs queries; only what is touched is memory.
pub const STACK_BYTES: usize = 64 << 20;
/// How often a running query or a live tail asks whether its token still stands, if nothing else happens.
pub const STANDING_CHECK: Duration = Duration::from_secs(1);

/// Queries that run at the same time. The next one is answered `Busy`.
pub const QUERIES_MAX: usize = 8;
/// What a busy server asks clients to wait.
pub const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Time that one query may take, the sending of its result included.
pub const QUERY_TIME_DEFAULT: Duration = Duration::from_mins(1);
/// The most time that a request can ask for.
pub const QUERY_TIME_MAX: Duration = Duration::from_mins(10);
/// Memory of one query's sorts, joins and aggregates. There is no spilling to disk: temporary files would outlive erasure.
pub const QUERY_MEMORY_BYTES: usize = 256 << 20;
/// Rows in one result.
pub const RESULT_ROWS_DEFAULT: u64 = 1_000_000;
/// The most rows that a request can ask for.
pub const RESULT_ROWS_MAX: u64 = 100_000_000;
/// Bytes in one result, as columns in memory.
pub const RESULT_BYTES_DEFAULT: u64 = 1 << 30;
/// The most bytes that a request can ask for.
pub const RESULT_BYTES_MAX: u64 = 64 << 30;

/// Batches of a result that wait for a slow receiver.
pub const RESULT_BATCHES_QUEUED_MAX: usize = 2;
/// Memory of the alerts that are read again for a query because the projection of the API has forgotten some.
pub const ALERTS_READ_BYTES: usize = 256 << 20;
/// Rows in one batch of a result.
pub const BATCH_ROWS: usize = 8_192;

/// Parsed Parquet footers and page indexes, over all queries.
pub const METADATA_CACHE_BYTES: usize = 64 << 20;
/// What is read from the end of a Parquet file at once, in the hope that it holds the footer and the page index.
pub const METADATA_READ_BYTES: usize = 256 << 10;

/// Rows whose content is fetched in one go.
pub const CONTENT_ROWS_MAX: usize = 32_768;
/// Bytes of facts that wait for their content.
pub const CONTENT_FACTS_BYTES_MAX: usize = 16 << 20;
/// Row groups whose positions a content reader remembers.
pub const CONTENT_ROW_GROUPS_CACHED_MAX: usize = 4;

/// Rows that set the column widths of a terminal table.
pub const TABLE_WIDTH_ROWS: usize = 500;
/// The widest column of a terminal table; longer values are cut and end in an ellipsis.
pub const TABLE_COLUMN_WIDTH_MAX: usize = 120;
/// The narrowest that a column is made so that a table fits its terminal; with too many columns for that, each row gets
/// a line per column instead.
pub const TABLE_COLUMN_WIDTH_MIN: usize = 8;
/// Rows in one row group of a Parquet result.
pub const PARQUET_ROW_GROUP_ROWS: usize = 65_536;

/// Characters of a text in a list of records: 2 KiB of ASCII.
pub const PREVIEW_CHARS_MAX: usize = 2_048;
/// Parts of the time in the overview of a session.
pub const BUCKETS_MAX: usize = 2_000;
/// Records that are read at once to fold them: a longer repetition begins again.
pub const FOLD_RECORDS_MAX: usize = 2_000;
/// Positions in the answer to a search.
pub const FOUND_MAX: usize = 10_000;
/// How far around a record its neighbours lie, in microseconds.
pub const NEIGHBOURS_MICROS: i64 = 30_000_000;
/// The most neighbours of a record.
pub const NEIGHBOURS_MAX: usize = 200;
/// How far from a record is looked for where else the same was seen, before and after, in microseconds: 30 days.
pub const ELSEWHERE_MICROS: i64 = 30 * 86_400_000_000;
/// Records in the index of one session.
pub const INDEX_RECORDS_MAX: usize = 200_000;
/// Agents that the fleet's fold keeps. Above it, whoever brought the most of them loses those that were silent for longest.
pub const FLEET_AGENTS_MAX: usize = 16_384;
/// So many of them go at once, so that one more agent does not cost a look at all of them.
pub const FLEET_EVICTED_AT_ONCE: usize = FLEET_AGENTS_MAX / 16;
/// The longest text that is kept of an agent, in bytes.
pub const FLEET_TEXT_BYTES_MAX: usize = 256;
/// Sessions of one agent by whose names its events are found.
pub const FLEET_SESSIONS_MAX: usize = 4;
/// Agents of one name or workspace that are compared to find whose an event is.
pub const FLEET_NAMESAKES_MAX: usize = 64;
/// Questions for approval of one agent that are kept.
pub const FLEET_APPROVALS_MAX: usize = 8;
/// Minutes of activity that are kept of an agent.
pub const FLEET_MINUTES: usize = 60;
/// Minutes over which requests that were denied and allowed are added up.
pub const FLEET_REQUEST_MINUTES: i64 = 10;
/// An agent that was not heard of for so long is quiet.
pub const FLEET_QUIET: Duration = Duration::from_mins(5);
/// An event that came so long after it happened was read in later: it counts for when it happened.
pub const FLEET_IMPORTED: Duration = Duration::from_mins(15);
/// An agent that was not heard of for so long is left out.
pub const FLEET_SHOWN: Duration = Duration::from_hours(24);
/// The same action so often in a row counts as repetition in the strip of activity.
pub const FLEET_REPEATS_MIN: u32 = 3;
/// Domains of which the fleet's fold remembers that somebody asked for them.
pub const FLEET_DOMAINS_MAX: usize = 32_768;
/// For so long after its first event the fold learns which domains are usual, and calls none of them new.
pub const FLEET_DOMAINS_LEARNT: Duration = Duration::from_hours(24);
/// Collectors of which the fleet's fold knows their newest event.
pub const FLEET_COLLECTORS_MAX: usize = 1_024;
/// The longest content in which a prompt or the counts of a test run are looked for, in bytes.
pub const FLEET_CONTENT_BYTES_MAX: usize = 256 << 10;
/// How far back the fleet's fold begins where no snapshot of it can be used.
pub const FLEET_HISTORY: Duration = Duration::from_hours(24);
/// Rows that the fleet's fold reads at once,
pub const FLEET_READ_ROWS: usize = 2_048;
/// and the most bytes of them.
pub const FLEET_READ_BYTES: usize = 8 << 20;
/// A snapshot of the fleet's fold is written after so many events,
pub const FLEET_SNAPSHOT_EVENTS: u64 = 500_000;
/// or so long after the last one if anything was recorded.
pub const FLEET_SNAPSHOT_EVERY: Duration = Duration::from_mins(2);
/// The largest snapshot that is written, and read.
pub const FLEET_SNAPSHOT_BYTES_MAX: u64 = 256 << 20;
/// How long the fleet's fold waits for more after it caught up, so that many small commits are one piece of work.
pub const FLEET_LINGER: Duration = Duration::from_millis(50);
/// The shortest time between two looks at the open alerts.
pub const FLEET_ALERTS_EVERY: Duration = Duration::from_millis(200);
/// Newest events that are kept as they are shown one after the other,
pub const FLEET_TICKER_ROWS: usize = 256;
/// and the most that one piece of rows brings.
pub const FLEET_TICKER_ROWS_AT_ONCE: usize = 16;

/// Over so many days is asked whose money it was.
pub const ATTRIBUTION_DAYS: u32 = 7;

/// The largest file of rates.
pub const RATES_BYTES_MAX: u64 = 1 << 20;
/// The longest version of a rate table, and the longest name of a rate.
pub const RATES_VERSION_BYTES_MAX: usize = 64;
/// Rates of a table: each is compared with each workspace.
pub const RATES_MAX: usize = 256;
/// Prices of all rates together: a workspace's time is cut where one begins.
pub const RATE_PRICES_MAX: usize = 2_048;
/// Patterns in each list of a rate.
pub const RATE_PATTERNS_MAX: usize = 256;
/// The most that an hour of a workspace, or a month of a GiB, costs in dollars.
pub const RATE_USD_MAX: u32 = 100_000;
/// The most storage of a workspace, in GiB.
pub const RATE_GIB_MAX: u32 = 1_000_000;
/// Over so many days back the time of workspaces is told day by day; what is older month by month, so that one that runs for years is few rows.
pub const COMPUTE_DAYS: i64 = 400;
/// Pieces of the time of workspaces that are looked at in one go, whether they are asked for or not.
pub const COMPUTE_PIECES_AT_ONCE: usize = 65_536;
/// Over so many days the summary of compute looks.
pub const COMPUTE_SUMMARY_DAYS: u32 = 7;
/// Templates without a rate that the summary names.
pub const COMPUTE_UNRATED_MAX: usize = 20;
