//! The runner over a real store: alerts, cursor and snapshots survive kills, and nothing is recorded twice.

use ledger::events::{self, column};
use ledger::operations::column as operation;
use ledger::{Entry, Group, Options, ReadLimit, Seq, Store, Timestamp};

use super::*;

async fn append(store: &Store, from: usize, count: usize) {
    let mut group = Group::new(&events::TABLE);
    let mut entry = Entry::new();
    for number in from..from + count {
        entry.clear();
        entry.set_text(column::KIND, "egress.http");
        entry.set_text(column::OUTCOME, if number.is_multiple_of(3) { "allow" } else { "deny" });
        entry.set_text(column::METHOD, "POST");
        entry.set_text(column::DOMAIN, &format!("d{}.example", number % 7));
        entry.set_text(column::WORKSPACE, &format!("w{}", number % 5));
        group.push(&entry).unwrap();
    }
    store.events().appender().append(group).await.unwrap();
}

fn records(store: &Store, kind: &str) -> Vec<String> {
    let reader = store.operations().reader();
    let (mut from, mut found) = (Seq::FIRST, Vec::new());
    loop {
        let rows = reader.read(from, false, ReadLimit { rows: 1_000, bytes: 1 << 20 }).unwrap();
        if rows.is_empty() {
            return found;
        }
        from = rows.next_seq;
        let of_kind = rows.iter().filter(|row| row.text(operation::KIND) == Some(kind));
        found.extend(of_kind.map(|row| row.text(operation::RECORD).unwrap().to_owned()));
    }
}

/// What one engine finds in everything that is durable, as one uninterrupted run would.
fn uninterrupted(store: &Store, live_from: Timestamp) -> Vec<String> {
    let rows = store.events().reader().read(Seq::FIRST, true, ReadLimit { rows: 100_000, bytes: 1 << 26 }).unwrap();
    let mut engine = options(Path::new("unused"), 600).rules.engine(sample::key(), live_from);
    let mut findings = Findings::new();
    for row in rows.iter() {
        let second = row.recorded.unix_seconds();
        for second in engine.progress().clock.second.unwrap_or(second) + 1..=second {
            engine.advance(second, false, &mut findings);
        }
        engine.observe(&row, &mut findings);
    }
    findings.alerts().iter().map(|alert| serde_json::to_string(alert).unwrap()).collect()
}

/// Waits until every group that a dropped runner had queued is durable: a killed process has no queue any more.
async fn drain(store: &Store) {
    let mut entry = Entry::new();
    entry.set_text(operation::KIND, "note");
    let mut group = Group::new(&ledger::operations::TABLE);
    group.push(&entry).unwrap();
    store.operations().appender().append(group).await.unwrap();
}

/// Runs until the cursor is at the end of the events, or for a number of turns of the runtime, then drops the runner.
async fn turn(store: &Store, dir: &Path, turns: Option<usize>) {
    let options = RunnerOptions { snapshot_events: 300, ..options(dir, 600) };
    let runner = Runner::new(store.events(), store.operations(), options);
    let end = store.events().reader().durable().unwrap().next_seq;
    let journal = LedgerJournal::new(store.operations().reader(), store.operations().appender(), 0);
    let done = async {
        let mut turns = turns;
        loop {
            tokio::task::yield_now().await;
            match &mut turns {
                Some(0) => return,
                Some(left) => *left -= 1,
                None if journal.cursor().unwrap().is_some_and(|cursor| cursor.progress.next_seq == end) => return,
                None => {}
            }
        }
    };
    tokio::select! {
        result = Box::pin(runner.run(CancellationToken::new())) => panic!("the runner stopped: {result:?}"),
        () = done => {}
    }
}

#[tokio::test]
async fn killed_over_a_real_store_it_records_every_finding_once() {
    let data = tempfile::tempdir().unwrap();
    let snapshots = tempfile::tempdir().unwrap();
    Store::init(data.path(), "acme.example/agents").unwrap();
    // Recorded time must move past the last row for the cursor to be written.
    let options = Options { heartbeat: std::time::Duration::from_millis(50), ..Options::default() };
    let store = Store::open(data.path(), options).unwrap();
    for round in 0..100 {
        append(&store, round * 20, 20).await;
        turn(&store, snapshots.path(), Some(round * 7 % 40)).await;
        drain(&store).await;
    }
    turn(&store, snapshots.path(), None).await;
    let cursor: Cursor = serde_json::from_str(records(&store, "cursor").last().unwrap()).unwrap();
    let found = records(&store, "alert");
    assert!(found.len() > 30, "{} findings", found.len());
    let expected = uninterrupted(&store, cursor.progress.live_from);
    assert_eq!(found.iter().zip(&expected).find(|(found, expected)| found != expected), None);
    assert_eq!(found.len(), expected.len());
    store.stop();
}

#[tokio::test]
async fn a_full_disk_keeps_no_stop_waiting_and_loses_nothing() {
    let data = tempfile::tempdir().unwrap();
    let snapshots = tempfile::tempdir().unwrap();
    Store::init(data.path(), "acme.example/agents").unwrap();
    let open = |reserve_bytes| {
        let heartbeat = std::time::Duration::from_millis(50);
        Store::open(data.path(), Options { heartbeat, reserve_bytes, ..Options::default() }).unwrap()
    };
    let store = open(Options::default().reserve_bytes);
    append(&store, 0, 400).await;
    store.stop();
    // No disk has so much, so that every entry is refused.
    let full = open(u64::MAX);
    let runner = Runner::new(full.events(), full.operations(), options(snapshots.path(), 600));
    let stop = CancellationToken::new();
    let running = tokio::spawn(runner.run(stop.clone()));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!running.is_finished(), "it waits for space");
    stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(records(&full, "alert").len(), 0);
    full.stop();
    let store = open(Options::default().reserve_bytes);
    turn(&store, snapshots.path(), None).await;
    let cursor: Cursor = serde_json::from_str(records(&store, "cursor").last().unwrap()).unwrap();
    let expected = uninterrupted(&store, cursor.progress.live_from);
    assert!(!expected.is_empty());
    assert_eq!(records(&store, "alert"), expected);
    store.stop();
}
