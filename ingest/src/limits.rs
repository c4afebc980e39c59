//! Every bound of intake in one place: lines, bodies, queues, caches and samples, with what follows from each.
//!
//! Bounds that describe what a dialect quotes stand with the dialect; the bounds of a group stand in `ledger::limits`.

use std::ops::RangeInclusive;
use std::time::Duration;

use ledger::column::Quantity;

/// The longest record in bytes. Of a longer one the first part is kept as `unparsed`.
pub const LINE_BYTES_MAX: usize = 1 << 20;
/// The longest frame of a stream of tagged frames, without its header: what boundary and Coder's workspace agent agree on.
pub const TAGGED_BYTES_MAX: usize = 1 << 15;
/// The longest text in a frame of a relay: a reason, a name.
pub const RELAY_TEXT_BYTES_MAX: usize = 4 << 10;
/// The longest frame of a relay, without its length: a record with all that may stand around it.
pub const RELAY_FRAME_BYTES_MAX: usize = LINE_BYTES_MAX + (64 << 10);
/// What a record of a relay may continue.
pub const RELAY_LINEAGES_MAX: usize = 8;
/// Records that will not come, in one frame.
pub const RELAY_VOID_MAX: u64 = 1 << 40;
/// The largest body of one request, both as sent and decompressed.
pub const BODY_BYTES_MAX: u64 = 64 << 20;
/// The largest window that a zstd body may ask for, as a power of two: 8 MiB, what the format tells decoders to support.
pub const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// So many NUL bytes in a row are a hole in a file: they end a line that was not finished before them.
pub const HOLE_BYTES_MIN: usize = 512;
/// Marks of one kind that a record gets; what is told after them says nothing new.
pub const MARKS_MAX: usize = 8;
/// The longest name of a member that a mark tells.
pub const MARK_NAME_BYTES_MAX: usize = 64;
/// Lines of a source after the first one of a record that is written in several: then the record has ended. In bytes it is
/// [`LINE_BYTES_MAX`].
pub const GATHER_LINES_MAX: u64 = 256;
/// The same in the time that the source's lines tell.
pub const GATHER_TIME_MAX: Duration = Duration::from_secs(2);
/// How long a source is silent before the records that it has begun have ended.
pub const GATHER_SILENCE: Duration = Duration::from_secs(1);
/// Records that were taken while others between whose lines they stand are held; beyond it the source's position moves on.
pub const GATHER_TAKEN_MAX: usize = 256;
/// The buffer that compressed bodies and files are read into.
pub const READ_BYTES: usize = 256 << 10;
/// The most events that one record may hold, such as a saved page of a REST interface. They go into one group.
pub const RECORD_EVENTS_MAX: usize = ledger::limits::GROUP_ENTRIES_MAX;
/// The most bytes that the events of a record of several have together. Each repeats what its record says once, such as the session, so
/// a short record may be many times as long.
pub const RECORD_EVENTS_BYTES_MAX: usize = 8 << 20;

/// A group is appended when it has this many bytes and the group before it is durable: the larger the disk's latency,
/// the larger the groups, and reading never waits for a sync before the next bound.
pub const GROUP_BYTES_MIN: usize = 128 << 10;
/// A group that has this many bytes waits for the group before it. So a source holds at most two groups of this size.
pub const GROUP_BYTES_MAX: usize = 1 << 20;
/// How long a request waits for its turn, and then for room in the ledger's queue, before it is answered 503.
pub const REQUEST_PATIENCE: Duration = Duration::from_secs(2);
/// How long a source may be silent before what it sent so far is appended.
pub const QUIET: Duration = Duration::from_millis(20);
/// How long a request may be silent in the middle of its body before it is answered 408.
pub const BODY_SILENCE_MAX: Duration = Duration::from_secs(30);
/// Requests whose bodies are read at one time; each holds at most two groups and a decoder's window.
pub const REQUESTS_MAX: usize = 128;
/// The most of them of one token.
pub const REQUESTS_PER_TOKEN_MAX: usize = 16;
/// Requests that are open at one time, those that wait for their turn included; more are answered 429.
pub const REQUESTS_OPEN_MAX: usize = 4_096;
/// The most of them of one token.
pub const REQUESTS_OPEN_PER_TOKEN_MAX: usize = 1_024;
/// Requests of one producer that wait for the one before; more are answered 429.
pub const PRODUCER_REQUESTS_MAX: usize = 16;
/// Producers whose next offset is kept at hand. The offset of one that was forgotten is read from the ledger again.
pub const PRODUCERS_MAX: usize = 4_096;
/// The greatest offset that a producer may state: what every JSON reader holds exactly.
pub const OFFSET_MAX: u64 = 1 << 53;
/// What `Retry-After` says when nothing better is known.
pub const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The largest body that is signed as a whole, and so held until its signature was checked: the most that GitHub sends.
pub const SIGNED_BODY_BYTES_MAX: usize = 25 << 20;
/// Such bodies of all requests to one collector that are held at one time; more are told to come again.
pub const SIGNED_BODIES_BYTES_MAX: usize = 64 << 20;
/// How far the time of a signed request may lie from ours, in seconds, unless the configuration says it,
pub const SIGNATURE_WINDOW_SECONDS: u64 = 300;
/// and what that may say.
pub const SIGNATURE_WINDOW_SECONDS_RANGE: RangeInclusive<u64> = 1..=3_600;
/// Signatures of one request that are looked at: a sender that changes its secret has two.
pub const SIGNATURES_MAX: usize = 8;
/// Signed deliveries of one collector that are remembered as taken,
pub const DELIVERIES_MAX: usize = 4_096;
/// and the longest id of one.
pub const DELIVERY_ID_BYTES_MAX: usize = 128;

/// The largest body of an export request of OTLP over HTTP, both as sent and decompressed: it is held whole.
pub const OTLP_BODY_BYTES_MAX: usize = 16 << 20;
/// The same over gRPC, whose clients send no larger messages unless they are told to.
pub const OTLP_MESSAGE_BYTES_MAX: usize = 4 << 20;
/// Bodies of all export requests to one collector that are held at one time; more are told to come again.
pub const OTLP_BODIES_BYTES_MAX: usize = 256 << 20;
/// Log records, spans or metrics in one request.
pub const OTLP_ELEMENTS_MAX: usize = 1 << 16;
/// Messages in messages of one element. Written as JSON each is three deep, and what reads JSON goes 128 deep.
pub const OTLP_DEPTH_MAX: usize = 32;

/// What is read at once from a connection over which records come without requests: each that is open has such a buffer.
pub const STREAM_READ_BYTES: usize = 16 << 10;
/// Connections of one collector whose records are being recorded; the others wait for their turn, each with one buffer.
pub const STREAM_TURNS_MAX: usize = 64;
/// A turn ends when so many bytes were read,
pub const STREAM_TURN_BYTES: usize = 256 << 10;
/// or after this time, however the bytes trickle.
pub const STREAM_TURN_MAX: Duration = Duration::from_millis(100);
/// How long a peer may take to take the end of its connection.
pub const STREAM_CLOSE_MAX: Duration = Duration::from_secs(2);
/// The log tells of connections that end for the same reason this often.
pub const STREAM_TOLD_EVERY: Duration = Duration::from_mins(1);
/// The longest message of syslog; of a longer one so much is kept as `unparsed`. Each connection may hold one that is unfinished.
pub const SYSLOG_MESSAGE_BYTES_MAX: usize = 256 << 10;
/// The longest message that is waited for to its end when its length comes first. Who states more ends its connection.
pub const SYSLOG_COUNT_MAX: u64 = 16 << 20;
/// The longest path of a socket: what the system takes (108 bytes with the byte that ends it), without the four of the name under
/// which it is made.
pub const SOCKET_PATH_BYTES_MAX: usize = 103;

/// Keys of records that are remembered to find duplicates, apart from the streams' windows.
pub const DEDUP_KEYS_MAX: usize = 1 << 22;
/// Streams whose windows are remembered.
pub const DEDUP_STREAMS_MAX: usize = 1 << 16;
/// Records that the windows of all streams remember together.
pub const DEDUP_SEEN_MAX: usize = 1 << 20;
/// Records that the window of one stream remembers.
pub const DEDUP_WINDOW_MAX: usize = 1 << 14;
/// The widest hole in a stream's counter that its window spans; a record beyond it is remembered by its key.
pub const DEDUP_GAP_MAX: u64 = 256;

/// People whose name and id are remembered to belong together, and workspaces whose owner is.
pub const PERSONS_MAX: usize = 1 << 16;
/// Model requests whose session, user and model are remembered for the records that follow.
pub const INTERCEPTIONS_MAX: usize = 1 << 15;
/// Boundary sessions whose agent session is remembered.
pub const BOUNDARY_SESSIONS_MAX: usize = 1 << 14;
/// Workspaces and users whose latest model requests are remembered to find the session of a boundary.
pub const MEETINGS_MAX: usize = 1 << 13;
/// Model requests, and requests to the gateway, that are remembered per workspace or user.
pub const MEETING_SIDES_MAX: usize = 16;
/// Workspaces, people, memberships and keys of which it is remembered what the control plane said,
pub const FACTS_MAX: usize = 1 << 18;
/// how many statements of each,
pub const FACT_STATEMENTS_MAX: usize = 8;
/// and the largest file in which they are kept for the next start.
pub const FACTS_FILE_BYTES_MAX: u64 = 128 << 20;
/// Keys that wait until the control plane is asked about them,
pub const WANTED_KEYS_MAX: usize = 1_024;
/// and keys about which it was asked.
pub const WANTED_KEYS_KNOWN_MAX: usize = 1 << 16;
/// The longest host that is brought into its one form; a longer one, which no client takes, is put into lower case only.
pub const HOST_BYTES_MAX: usize = 1_024;
/// The longest name that is remembered; a longer one is not joined.
pub const NAME_BYTES_MAX: usize = 256;
/// The largest file of names that enrichment reads.
pub const NAMES_FILE_BYTES_MAX: u64 = 64 << 20;
/// The largest file of prices.
pub const PRICES_FILE_BYTES_MAX: u64 = 4 << 20;
/// The largest file of a mapping,
pub const MAPPING_FILE_BYTES_MAX: u64 = 1 << 20;
/// its rules, conditions to skip, facts, and tests, each,
pub const MAPPING_TABLES_MAX: usize = 256;
/// the conditions of one of them, the pointers that one column tries, and the parts of one text,
pub const MAPPING_PARTS_MAX: usize = 16;
/// the words of one table of words, and of one condition,
pub const MAPPING_WORDS_MAX: usize = 1_024;
/// the pointers of all,
pub const MAPPING_POINTERS_MAX: usize = 1_024;
/// the longest pointer,
pub const MAPPING_POINTER_BYTES_MAX: usize = 256;
/// its steps, which bound how deep a record is looked into,
pub const MAPPING_POINTER_STEPS_MAX: usize = 16;
/// and the mistakes of one file that are told.
pub const MAPPING_MISTAKES_MAX: usize = 64;

/// The bounds of a number that a source states: no record in the world is beyond them, and the sums of a billion records at them
/// still fit 64 bits. Tokens are those of one record; money is at most 100,000 dollars for it; a year is the longest duration,
/// a pebibyte the largest transfer; exit codes are those of every system, as signed or unsigned 32 bits.
pub const fn bounds_of(quantity: Quantity) -> RangeInclusive<i64> {
    match quantity {
        Quantity::Counter => 0..=1 << 53,
        Quantity::StatusCode => 0..=99_999,
        Quantity::Microseconds => 0..=366 * 86_400_000_000,
        Quantity::Port => 0..=65_535,
        Quantity::Bytes => 0..=1 << 50,
        Quantity::Tokens => 0..=TOKENS_MAX,
        Quantity::MicroDollars => 0..=100_000_000_000,
        Quantity::ExitCode => -(1 << 31)..=(1 << 32) - 1,
    }
}
/// The most tokens that one record tells of.
pub const TOKENS_MAX: i64 = 1_000_000_000;
/// The earliest time that is believed: the beginning of the year 2000, in microseconds since 1970 UTC.
pub const TIME_MIN: i64 = 946_684_800_000_000;
/// A time further in the future than this is no time: the event is taken to have happened when it was seen.
pub const TIME_AHEAD_MAX: Duration = Duration::from_hours(24);

/// An event whose time is further in the future is counted as `future`, since its source's clock is wrong. It is
/// recorded as it is: the source's statement is a fact, and `recorded` next to it shows that it cannot be true.
pub const CLOCK_SKEW_MAX: Duration = Duration::from_mins(5);

/// How long a source that can wait has waited for the ledger when that is told.
pub const LEDGER_WAIT_TOLD: Duration = Duration::from_secs(10);

/// A collector's latest records, by which it is told whether its dialect is the right one.
pub const RECENT_RECORDS: u32 = 256;
/// So many records that were not understood are told, if they are most of the latest ones.
pub const UNPARSED_TOLD: u32 = 3;
/// Samples that are kept per reason.
pub const SAMPLES_PER_REASON: usize = 3;
/// Reasons for which samples are kept per collector.
pub const SAMPLE_REASONS_MAX: usize = 32;
/// Bytes of a line that a sample shows.
pub const SAMPLE_BYTES_MAX: usize = 512;
/// Of the records of one reason, every so-manieth is sampled after the first few.
pub const SAMPLE_EVERY: u64 = 1_000;

/// The log tells of requests that are refused for the same reason this often.
pub const REFUSAL_TOLD_EVERY: Duration = Duration::from_mins(1);

/// Collectors in one configuration.
pub const COLLECTORS_MAX: usize = 256;
/// The longest name of a collector.
pub const COLLECTOR_NAME_BYTES_MAX: usize = 64;
/// Files that one `tail` collector reads.
pub const TAIL_FILES_MAX: usize = 1_024;
/// Files whose offsets one `tail` collector remembers; the ones that were modified first are forgotten first.
pub const TAIL_KNOWN_MAX: usize = 16_384;
/// Names in one directory that a `tail` collector looks at to find a file that was rotated while it did not run.
pub const TAIL_SIBLINGS_MAX: usize = 16_384;
/// Bytes at the start of a file that identify it together with its inode.
pub const TAIL_HEAD_BYTES: usize = 1_024;
/// Contents of files that were cut, which a `tail` collector remembers to find their copies.
pub const TAIL_LIVES_MAX: usize = 64;
/// So many bytes that are the same in two files are no chance: one is a copy of the other.
pub const TAIL_TELLING_BYTES: u64 = 64;
/// Bytes at the end of a file that are compared to tell whether it is a copy.
pub const TAIL_COMPARED_BYTES: u64 = 64 << 10;
/// The largest window that a rotated file's zstd may ask for, as a power of two: 128 MiB, what `--long` uses.
pub const ZSTD_FILE_WINDOW_LOG_MAX: u32 = 27;
/// Bytes that one step takes from one file before the next file gets its turn.
pub const TAIL_STEP_BYTES: usize = 4 << 20;
/// A `tail` collector looks for new bytes at least this often while some come,
pub const TAIL_POLL_MIN: Duration = Duration::from_millis(1);
/// and this often when none come.
pub const TAIL_POLL_MAX: Duration = Duration::from_millis(100);
/// A `tail` collector looks for new and rotated files this often.
pub const TAIL_SCAN_EVERY: Duration = Duration::from_millis(250);
/// The longest time between two ticks of a file system's clock, which is that of FAT. What changes in a directory meanwhile leaves
/// the same time there, so rotated files are looked for once more after it.
pub const TAIL_CLOCK_TICK: Duration = Duration::from_secs(2);
/// How often it is shown how far behind reading is while it waits for the ledger.
pub const TAIL_LAG_EVERY: Duration = Duration::from_secs(1);
/// A rotated file is read until it has been silent for this long; then its unfinished last line is given up.
pub const TAIL_ROTATED_SILENCE: Duration = Duration::from_secs(5);
/// PositionWriter over skipped records only is made durable after this many bytes.
pub const TAIL_PROGRESS_BYTES: u64 = 16 << 20;
/// How long a collector waits after an error before it tries again.
pub const ERROR_PAUSE: Duration = Duration::from_secs(1);
/// Partitions that one `kafka` collector reads at a time; each holds at most two groups.
pub const KAFKA_PARTITIONS_MAX: usize = 1_024;
/// KiB of one partition's records that are fetched ahead.
pub const KAFKA_AHEAD_KIB: usize = 4_096;
/// The most bytes that one answer of a broker may hold, apart from a single larger batch.
pub const KAFKA_FETCH_BYTES_MAX: usize = 16 << 20;
/// The most bytes that an answer with a single larger batch may hold, and that a batch of zstd may have when it is unpacked. The
/// library bounds those of gzip, lz4 and snappy by nothing but the size of an answer.
pub const KAFKA_RECEIVE_BYTES_MAX: usize = 128 << 20;
/// How long a broker has to answer a question about a partition.
pub const KAFKA_ANSWER: Duration = Duration::from_secs(3);
/// What was taken waits at most so long for more before it is appended, also where other partitions never pause.
pub const KAFKA_APPEND_EVERY: Duration = Duration::from_millis(100);
/// A member of which the brokers hear nothing for so long has died, and others get its partitions.
pub const KAFKA_SESSION: Duration = Duration::from_secs(10);
/// How often a collector that waits for the ledger tells the group that it lives.
pub const KAFKA_ALIVE_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked where the partitions stand, and shown how far behind they are.
pub const KAFKA_LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often topics that are not there are looked for.
pub const KAFKA_TOPICS_EVERY: Duration = Duration::from_secs(10);
/// How often offsets are committed back to Kafka, for tools that show the lag of groups.
pub const KAFKA_COMMIT_EVERY: Duration = Duration::from_secs(5);
/// A position that moved over nothing but skipped or control records is made durable after so many offsets,
pub const KAFKA_PROGRESS_OFFSETS: u64 = 10_000;
/// or after so long.
pub const KAFKA_PROGRESS_EVERY: Duration = Duration::from_mins(1);
/// How long a partition waits for another collector of this process that still holds it, before the group is joined anew.
pub const KAFKA_CLAIM_PATIENCE: Duration = Duration::from_secs(30);
/// What keeps a collector from reading though it is connected is over when the library did not say so again for so long. It asks for
/// topics, permissions and records more often.
pub const KAFKA_TOLD_AGAIN: Duration = Duration::from_secs(30);
/// The longest pause before the group is joined anew after an error; the first is [`ERROR_PAUSE`], and each is twice as long.
pub const KAFKA_PAUSE_MAX: Duration = Duration::from_secs(30);
/// How long it is told that records were missing, or that a topic is another one.
pub const KAFKA_TOLD_FOR: Duration = Duration::from_mins(10);
/// Brokers and topics that a `kafka` collector may name, each.
pub const KAFKA_NAMES_MAX: usize = 64;
/// Chunks of standard input that are read ahead.
pub const STDIN_CHUNKS_MAX: usize = 4;

/// How often a `poll` collector reads its lists, in seconds, unless its configuration says it,
pub const POLL_EVERY_SECONDS: u64 = 60;
/// and what that may say.
pub const POLL_EVERY_SECONDS_RANGE: RangeInclusive<u64> = 5..=86_400;
/// The minutes that a configuration may let it read again.
pub const POLL_OVERLAP_RANGE: RangeInclusive<u64> = 0..=7 * 24 * 60;
/// How far before its first start a log is read, unless its configuration says it.
pub const POLL_SINCE: Duration = Duration::from_hours(24);
/// The part of a log that is asked for at once when much of it was not read.
pub const POLL_WINDOW: Duration = Duration::from_hours(24);
/// So far the position of a log in which nothing happens moves before it is made durable by itself.
pub const POLL_PROGRESS: Duration = Duration::from_hours(24);
/// The time between two requests: four a second, where Coder lets a person send eight.
pub const POLL_REQUEST_GAP: Duration = Duration::from_millis(250);
/// How long a connection may take,
pub const POLL_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// and a request with its answer.
pub const POLL_REQUEST_TIMEOUT: Duration = Duration::from_mins(1);
/// The longest answer. Of one that is longer smaller pages are asked for.
pub const POLL_BODY_BYTES_MAX: usize = 16 << 20;
/// The longest tag of a page that is remembered,
pub const POLL_TAG_BYTES_MAX: usize = 256;
/// and tags of one list.
pub const POLL_TAGS_MAX: usize = 256;
/// Rows of one list that are remembered as recorded.
pub const POLL_SEEN_MAX: usize = 1 << 16;
/// Pages of what belongs to one row.
pub const POLL_DETAIL_PAGES_MAX: usize = 64;
/// Keys that are asked for at once.
pub const POLL_KEYS_AT_ONCE: usize = 32;
/// Rows that may still change are read again this often,
pub const POLL_AGAIN_EVERY: Duration = Duration::from_mins(10);
/// and for so long.
pub const POLL_OPEN_FOR: Duration = Duration::from_hours(7 * 24);
/// Of such rows, those that are nearer to each other than this are read together;
pub const POLL_OPEN_GAP: Duration = Duration::from_mins(10);
/// there are at most so many parts of a list that are read again.
pub const POLL_OPEN_RANGES_MAX: usize = 24;
/// The longest stored position of a list, which the ledger takes as an input.
pub const POLL_CURSOR_BYTES_MAX: usize = 4_096;
/// How long a list waits after its first failure; after each further one twice as long,
pub const POLL_BACKOFF_MIN: Duration = Duration::from_secs(1);
/// and no longer than this.
pub const POLL_BACKOFF_MAX: Duration = Duration::from_mins(5);
/// The longest wait that another side may tell it.
pub const POLL_RETRY_AFTER_MAX: Duration = Duration::from_hours(1);
/// How often a list is tried for which somebody has to change something first.
pub const POLL_PARKED_EVERY: Duration = Duration::from_mins(1);
/// Lists of which it is told what is wrong with them.
pub const POLL_TROUBLES_TOLD: usize = 3;
/// The largest file of certificate authorities.
pub const POLL_CA_BYTES_MAX: u64 = 1 << 20;

/// Rows and bytes that are read at once when the memory of duplicates is rebuilt.
pub const REBUILD_ROWS: usize = 16_384;
/// Bytes that are read at once when the memory of duplicates is rebuilt.
pub const REBUILD_BYTES: usize = 32 << 20;
/// Rows of which one file keeps what the memory of duplicates knows: a start reads at most so many rows again.
pub const KEY_FILE_ROWS: u64 = 1 << 15;
/// Rows of which intake hands on what it knows while their file of keys is not written: 56 bytes each at most, so 7 MiB. What is
/// beyond them is read from the ledger.
pub const KEYS_HANDED_ROWS_MAX: u64 = 4 * KEY_FILE_ROWS;
/// How long the file of keys waits for what intake knows of rows that are durable, before the ledger is read.
pub const KEYS_HANDED_PATIENCE: Duration = Duration::from_secs(1);
/// The largest file of keys that is read: 37 bytes a row and its ends.
pub const KEY_FILE_BYTES_MAX: u64 = KEY_FILE_ROWS * 37 + 64;
/// Newest rows of the newest file that are compared with the ledger before any file is believed.
pub const KEY_FILE_CHECK_ROWS: u64 = 256;
/// Rows before the end of the ledger from which joins are learned again after a start: some for each model request that is remembered.
pub const REBUILD_JOIN_ROWS: u64 = 8 * INTERCEPTIONS_MAX as u64;

/// Objects of the effects of one event that are kept,
pub const EFFECT_OBJECTS_MAX: usize = 16;
/// and how long each may be, in bytes.
pub const EFFECT_OBJECT_BYTES_MAX: usize = 512;
/// Of the input of a call, so many bytes in all of its beginning and end are searched for what it names,
pub const NAMES_OF_CALL_BYTES_MAX: usize = 8 << 10;
/// and of what a person said so many.
pub const NAMES_OF_PROMPT_BYTES_MAX: usize = 16 << 10;

const _: () = {
    // A line that was escaped sixfold still fits a value, and one record's events fit a group.
    assert!(LINE_BYTES_MAX * 6 <= ledger::limits::VALUE_BYTES_MAX);
    assert!(RECORD_EVENTS_MAX <= ledger::limits::GROUP_ENTRIES_MAX);
    // What is left of the largest group is room for the ids and lengths of all columns, and for a line that is kept as it is.
    assert!(
        GROUP_BYTES_MAX + RECORD_EVENTS_BYTES_MAX + LINE_BYTES_MAX * 6 <= ledger::limits::GROUP_PART_BYTES_MAX * 3 / 4
    );
    assert!(GROUP_BYTES_MIN <= GROUP_BYTES_MAX && GROUP_BYTES_MAX <= ledger::limits::GROUP_BYTES_MAX);
    assert!(LINE_BYTES_MAX as u64 <= BODY_BYTES_MAX);
    assert!(SYSLOG_MESSAGE_BYTES_MAX <= LINE_BYTES_MAX && SYSLOG_MESSAGE_BYTES_MAX as u64 <= SYSLOG_COUNT_MAX);
    assert!((DEDUP_KEYS_MAX as u64).is_multiple_of(KEY_FILE_ROWS) && KEY_FILE_ROWS <= u32::MAX as u64);
    assert!(DEDUP_KEYS_MAX.is_power_of_two() && DEDUP_KEYS_MAX <= 1 << 22);
    // A key takes 16 bytes in the ring and two entries of 4 bytes in its table.
    assert!(DEDUP_KEYS_MAX * 24 <= 96 << 20);
};
