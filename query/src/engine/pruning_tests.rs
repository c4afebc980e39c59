//! One session among many rows: what a look-up touches, shown by the plan's own metrics.

use ledger::events::column::{COMMAND, RECORD, SESSION, SOURCE};
use ledger::{Entry, LedgerName};

use crate::fixtures::{Ledgers, event, request};
use crate::profile::Pruning;

const ROWS: i64 = 400_000;
const SEGMENT_ROWS: u64 = 131_072;
/// The session's events: they lie in one row group of the second segment.
const NEEDLE: std::ops::Range<i64> = 200_000..210_000;

/// Event number `at`: one of 1,000 sessions whose names lie on both sides of the one that is looked for.
fn numbered(at: i64) -> Entry {
    let session = if NEEDLE.contains(&at) {
        "session-500-needle".to_owned()
    } else {
        format!("session-{:03}", at * 7_919 % 1_000)
    };
    let mut entry = event(at, "command", &[(SESSION, &session), (SOURCE, "coder.boundary")]);
    entry.set_text(RECORD, &format!(r#"{{"n":{at}}}"#));
    if at % 4 == 0 {
        entry.set_text(COMMAND, &format!("make step-{at}"));
    }
    entry
}

#[tokio::test]
async fn a_session_touches_only_the_row_groups_it_must() {
    let ledgers = Ledgers::new(SEGMENT_ROWS);
    ledgers.append(LedgerName::Events, (0..ROWS).map(numbered), 4_096).await;
    ledgers.sealed(LedgerName::Events, 3);
    let engine = ledgers.engine();

    let look_up = "SELECT time, record FROM events WHERE session = 'session-500-needle'";
    let profile = engine.profile(request(look_up)).await.unwrap();
    assert_eq!(profile.statistics.rows, 10_000);
    let pruning = |name: &str| profile.pruning.get(name).copied().unwrap_or_default();
    let touched = pruning("row_groups_pruned_bloom_filter");
    assert_eq!(touched.matched, 1, "one row group of six is read\n{}", profile.plan);
    let by_ranges = pruning("row_groups_pruned_statistics");
    assert_eq!(touched.pruned + by_ranges.pruned, 5, "{}", profile.plan);
    let pages = pruning("page_index_pages_pruned");
    assert!(pages.pruned > pages.matched, "most pages of that row group are skipped\n{}", profile.plan);

    let commands = "SELECT max(command) AS last, count(command) AS n FROM events WHERE session = 'session-500-needle'";
    let profile = engine.profile(request(commands)).await.unwrap();
    assert_eq!(profile.counters["content_rows_read"], 2_500, "{}", profile.plan);

    let by_time = "SELECT count(*) FROM events WHERE time < '2026-11-22T00:00:00Z'";
    let profile = engine.profile(request(by_time)).await.unwrap();
    let files = profile.plan.matches(".parquet").count();
    assert_eq!(files, 1, "two of three segments are left out before they are opened\n{}", profile.plan);

    let one = "SELECT session FROM events WHERE position = 'events/0/131072'";
    let profile = engine.profile(request(one)).await.unwrap();
    assert_eq!(profile.statistics.rows, 1);
    assert_eq!(profile.pruning["row_groups_pruned_statistics"], Pruning { pruned: 1, matched: 1 }, "{}", profile.plan);

    let counted = engine.profile(request("SELECT count(*) FROM events")).await.unwrap();
    assert_eq!(counted.statistics.scanned_bytes, 0, "nothing is read to count\n{}", counted.plan);

    let latest = "SELECT * FROM events ORDER BY time DESC LIMIT 100";
    let profile = engine.profile(request(latest)).await.unwrap();
    assert_eq!(profile.statistics.rows, 100);
    let groups =
        profile.pruning["row_groups_pruned_statistics"].pruned + profile.counters["row_groups_pruned_dynamic_filter"];
    let left_out = groups + profile.pruning["files_ranges_pruned_statistics"].pruned;
    assert!(left_out > 0, "older files or row groups are left out once newer rows are known\n{}", profile.plan);
}
