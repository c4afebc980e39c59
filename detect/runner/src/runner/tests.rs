//! The runner killed anywhere gives the findings of one uninterrupted run: over a simulated ledger with a clock of its own,
//! where hours pass, and over a real store.

mod ledger_store;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use detect_core::sample::{self, START};
use detect_rules::registry::Rules;
use ledger::consumer::{End, Journal};
use ledger::{Durable, LedgerName, Rows, Seq, Timestamp};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config as ProptestConfig, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use super::journal::History;
use super::*;

/// A journal in memory with the promise of the real one: a commit is whole or absent.
#[derive(Default)]
struct Memory {
    alerts: Vec<String>,
    cursor: Option<String>,
    history: History,
    commits: usize,
}

#[derive(Clone, Default)]
struct MemoryJournal(Arc<Mutex<Memory>>);

impl DetectionJournal for MemoryJournal {
    fn cursor(&self) -> Result<Option<Cursor>, LedgerError> {
        Ok(self.0.lock().unwrap().cursor.as_ref().map(|text| serde_json::from_str(text).unwrap()))
    }

    fn history(&self) -> Result<History, LedgerError> {
        Ok(self.0.lock().unwrap().history.clone())
    }
}

impl Journal for MemoryJournal {
    type Record = JournalRecord;
    type Recorded = Timestamp;

    async fn record(&self, commit: &JournalRecord) -> Result<Timestamp, AppendError> {
        // A place to be killed before it is durable, and one after.
        tokio::task::yield_now().await;
        {
            let mut memory = self.0.lock().unwrap();
            memory.alerts.extend(commit.alerts.iter().map(|alert| serde_json::to_string(alert).unwrap()));
            memory.cursor = Some(serde_json::to_string(&commit.cursor).unwrap());
            memory.history.rules.extend(commit.rules.clone());
            memory.history.outages.extend(&commit.outages);
            memory.commits += 1;
        }
        tokio::task::yield_now().await;
        Ok(Timestamp::EPOCH)
    }
}

/// What a ledger shows over time: rows and heartbeats in the order in which they became durable.
#[derive(Clone, Debug)]
enum Moment {
    Row(Value),
    Heartbeat { second: i64, batch: u64 },
}

/// A ledger that lives while runners come and go.
#[derive(Clone)]
struct Life {
    moments: Arc<Vec<Moment>>,
    /// How many moments have happened: the next one happens when somebody waits for it.
    happened: Arc<AtomicUsize>,
}

impl Life {
    fn new(moments: Vec<Moment>, happened: usize) -> Self {
        Self { moments: Arc::new(moments), happened: Arc::new(AtomicUsize::new(happened)) }
    }

    /// The same life from its start.
    fn again(&self) -> Self {
        Self { moments: self.moments.clone(), happened: Arc::default() }
    }
}

/// A source over a life. After the last moment it waits for ever.
struct MemorySource {
    life: Life,
    /// Moments that had happened when the process started; heartbeats among them are not seen again.
    durable: usize,
    at: usize,
    block: usize,
}

impl MemorySource {
    fn new(life: Life, block: usize) -> Self {
        let durable = life.happened.load(Ordering::Relaxed);
        Self { life, durable, at: 0, block }
    }

    fn rows_before(&self, end: usize) -> Seq {
        let rows = self.life.moments[..end].iter().filter(|moment| matches!(moment, Moment::Row(_)));
        Seq::new(rows.count() as u64)
    }

    fn step(&mut self) {
        self.at += 1;
        self.life.happened.fetch_max(self.at, Ordering::Relaxed);
    }
}

impl Source for MemorySource {
    fn seek(&mut self, from: Seq) {
        let mut rows = Seq::FIRST;
        self.at = self
            .life
            .moments
            .iter()
            .position(|moment| {
                let found = rows == from;
                rows = rows.skip(u64::from(matches!(moment, Moment::Row(_))));
                found
            })
            .unwrap_or(self.life.moments.len());
    }

    fn ledger(&self) -> LedgerName {
        LedgerName::Events
    }

    fn cursor(&self) -> Seq {
        self.rows_before(self.at)
    }

    fn look(&mut self) -> Result<Durable, LedgerError> {
        self.durable()
    }

    fn nothing(&self) -> Rows {
        Rows::new(LedgerName::Events, 0, self.cursor())
    }

    async fn changed(&mut self) -> Result<(), LedgerError> {
        std::future::pending().await
    }

    fn end(&self) -> Option<End> {
        None
    }

    fn next_until(&mut self, _: &Durable) -> Result<Option<Rows>, LedgerError> {
        let mut rows = Rows::new(LedgerName::Events, 0, self.rows_before(self.at));
        while rows.len() < self.block {
            match self.life.moments.get(self.at) {
                Some(Moment::Row(event)) => {
                    sample::push(&mut rows, event, event["second"].as_i64().unwrap(), 1).unwrap();
                }
                // Whoever reads what was durable before it started sees rows only.
                Some(Moment::Heartbeat { .. }) if self.at < self.durable => {}
                Some(Moment::Heartbeat { second, batch }) if rows.is_empty() => {
                    rows.batches_until = batch + 1;
                    rows.recorded_until = Timestamp::from_unix_seconds(START + second);
                    self.step();
                    return Ok(Some(rows));
                }
                _ => break,
            }
            self.step();
        }
        Ok((!rows.is_empty()).then_some(rows))
    }

    fn durable(&self) -> Result<Durable, LedgerError> {
        let end = self.life.happened.load(Ordering::Relaxed);
        let last = self.life.moments[..end].iter().rev().map(|moment| match moment {
            Moment::Row(event) => (event["second"].as_i64().unwrap(), event["batch"].as_u64().unwrap()),
            Moment::Heartbeat { second, batch } => (*second, *batch),
        });
        let (second, batch) = last.clone().next().unwrap_or_default();
        Ok(Durable {
            next_seq: self.rows_before(end),
            recorded_until: Timestamp::from_unix_seconds(START + second),
            batches: batch + 1,
        })
    }
}

/// A ledger's life: bursts, idle hours with heartbeats, outages without, old events.
fn moments() -> impl Strategy<Value = Vec<Moment>> {
    let step = (0u8..20, 0u8..4, 0u8..4, 0i64..30);
    proptest::collection::vec(step, 20..150).prop_map(|steps| {
        let (mut second, mut batch, mut moments) = (0, 0, Vec::new());
        for (form, workspace, domain, gap) in steps {
            match form {
                0 => {
                    second += 40 + gap * 60;
                    batch += 1;
                }
                1..=2 => {
                    for _ in 0..gap * 4 {
                        second += 10;
                        batch += 1;
                        moments.push(Moment::Heartbeat { second, batch });
                    }
                }
                _ => second += gap / 8,
            }
            batch += 1;
            let outcome = if form % 5 == 3 { "allow" } else { "deny" };
            let mut event = json!({"second": second, "batch": batch, "kind": "egress.http", "outcome": outcome, "method": "POST",
                "domain": format!("d{domain}.example"), "workspace": format!("w{workspace}")});
            if form == 9 {
                event["time"] = json!((START - 5_000) * 1_000_000);
            }
            moments.push(Moment::Row(event));
        }
        for number in 1..100 {
            moments.push(Moment::Heartbeat { second: second + number * 10, batch: batch + number as u64 });
        }
        moments
    })
}

fn options(dir: &Path, quiet_seconds: u32) -> RunnerOptions {
    let mut rules = Rules::default();
    rules.egress_denied_post.quiet_seconds = quiet_seconds;
    RunnerOptions { snapshot_events: 16, ..RunnerOptions::new(rules.into(), sample::key(), dir.to_owned()) }
}

fn core(source: MemorySource, journal: MemoryJournal, options: RunnerOptions) -> Core<MemorySource, MemoryJournal> {
    let consumer = Consumer::new(source, Monitor::new("detection"), CancellationToken::new());
    Core { consumer, journal, options, metrics: Metrics::default() }
}

/// Runs for at most `polls` polls of the future, then drops it, as a kill would.
fn run(life: &Life, journal: &MemoryJournal, options: RunnerOptions, block: usize, polls: usize) {
    let source = MemorySource::new(life.clone(), block);
    let mut future = std::pin::pin!(core(source, journal.clone(), options).run());
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..polls {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(result) => panic!("the runner stopped: {result:?}"),
            Poll::Pending => {}
        }
    }
}

/// Enough polls for any life in these tests to be over.
const FOREVER: usize = 5_000;

#[test]
fn killed_a_hundred_times_it_finds_the_same() {
    let seed: u64 = std::env::var("SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(rand_seed);
    println!("seed {seed} (set SEED to run it again)");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut runner =
        TestRunner::new_with_rng(ProptestConfig::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let life = loop {
        let moments = moments().new_tree(&mut runner).unwrap().current();
        if moments.len() > 300 {
            break Life::new(moments, 0);
        }
    };

    let dir = tempfile::tempdir().unwrap();
    let whole = MemoryJournal::default();
    run(&life.again(), &whole, options(dir.path(), 60), 7, FOREVER);
    let expected = whole.0.lock().unwrap().alerts.clone();
    assert!(expected.len() > 20, "the life is eventful");

    let killed = MemoryJournal::default();
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..100 {
        let (polls, block) = (1usize..60, 1usize..40).new_tree(&mut runner).unwrap().current();
        run(&life, &killed, options(dir.path(), 60), block, polls);
    }
    run(&life, &killed, options(dir.path(), 60), 7, FOREVER);
    let found = killed.0.lock().unwrap().alerts.clone();
    assert_eq!(found.iter().zip(&expected).find(|(found, expected)| found != expected), None);
    assert_eq!(found.len(), expected.len());
    let ids: BTreeSet<&String> = expected.iter().collect();
    assert_eq!(ids.len(), expected.len(), "no revision twice");
}

/// A seed for this run: the address of a fresh allocation would do, the system's randomness is plainer.
fn rand_seed() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_kills_any_blocks_and_lost_snapshots_find_the_same(
        moments in moments(),
        kills in proptest::collection::vec((1usize..80, 1usize..40, 0u8..3), 0..8),
        block in 1usize..50,
    ) {
        let life = Life::new(moments, 0);
        let dir = tempfile::tempdir().unwrap();
        let whole = MemoryJournal::default();
        run(&life.again(), &whole, options(dir.path(), 60), block, FOREVER);
        let killed = MemoryJournal::default();
        let dir = tempfile::tempdir().unwrap();
        for (polls, block, fate) in kills {
            // For a while the state is too large for a snapshot.
            let snapshot_bytes = if fate == 1 { 0 } else { u64::MAX };
            run(&life, &killed, RunnerOptions { snapshot_bytes, ..options(dir.path(), 60) }, block, polls);
            if fate == 2 {
                std::fs::remove_dir_all(dir.path()).unwrap();
            }
        }
        run(&life, &killed, options(dir.path(), 60), 11, FOREVER);
        let (whole, killed) = (whole.0.lock().unwrap(), killed.0.lock().unwrap());
        prop_assert_eq!(&whole.alerts, &killed.alerts);
    }

    #[test]
    fn rules_change_at_a_position_that_every_replay_repeats(moments in moments(), first in 1usize..200, second in 1usize..200) {
        let life = Life::new(moments, 0);
        let journal = MemoryJournal::default();
        let dir = tempfile::tempdir().unwrap();
        run(&life, &journal, options(dir.path(), 60), 5, first);
        run(&life, &journal, options(dir.path(), 20), 5, second);
        let before = journal.0.lock().unwrap().alerts.clone();
        let cursor = journal.cursor().unwrap();
        // Without snapshots the whole ledger is replayed, each part under its own rules.
        std::fs::remove_dir_all(dir.path()).unwrap();
        run(&life, &journal, options(dir.path(), 20), 5, FOREVER);
        let memory = journal.0.lock().unwrap();
        prop_assert_eq!(&memory.alerts[..before.len()], &before[..]);
        prop_assert!(memory.history.rules.len() <= 2);
        let unique: BTreeSet<&String> = memory.alerts.iter().collect();
        prop_assert_eq!(unique.len(), memory.alerts.len(), "no revision twice; cursor was {:?}", cursor);
    }
}

#[test]
fn a_state_too_large_for_a_snapshot_is_found_again_in_the_ledger() {
    let denied = |second: i64, batch: u64| {
        json!({"second": second, "batch": batch, "kind": "egress.http", "outcome": "deny", "method": "POST",
            "domain": "attacker-logger.com", "workspace": format!("w{batch}")})
    };
    // An outage after each event.
    let life = (0..3 * OUTAGES_MAX as i64).map(|number| Moment::Row(denied(number * 1_000, number as u64)));
    let life = Life::new(life.collect(), 0);
    let small = |dir: &Path| RunnerOptions { snapshot_bytes: 0, ..options(dir, 60) };
    let (whole, killed) = (MemoryJournal::default(), MemoryJournal::default());
    let dir = tempfile::tempdir().unwrap();
    run(&life.again(), &whole, options(dir.path(), 60), 7, FOREVER);
    let dir = tempfile::tempdir().unwrap();
    run(&life, &killed, options(dir.path(), 60), 1, 200);
    assert_eq!(killed.cursor().unwrap().unwrap().snapshots.len(), SNAPSHOTS_KEPT);
    for polls in [60, 200, 400, FOREVER] {
        run(&life, &killed, small(dir.path()), 1, polls);
        let cursor = killed.cursor().unwrap().unwrap();
        assert!(cursor.outages.len() <= OUTAGES_MAX, "{} outages", cursor.outages.len());
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    let (whole, killed) = (whole.0.lock().unwrap(), killed.0.lock().unwrap());
    assert!(whole.alerts.len() > 30 && whole.alerts == killed.alerts);
}

#[test]
fn a_ledger_that_was_rolled_back_stops_the_runner() {
    let dir = tempfile::tempdir().unwrap();
    let journal = MemoryJournal::default();
    let event = |second: i64| Moment::Row(json!({"second": second, "batch": 0, "kind": "audit"}));
    run(&Life::new(vec![event(0), event(1), event(2)], 0), &journal, options(dir.path(), 60), 5, FOREVER);
    let source = MemorySource::new(Life::new(vec![event(0)], 1), 1);
    let mut future = std::pin::pin!(core(source, journal, options(dir.path(), 60)).run());
    let error = loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            break result.unwrap_err();
        }
    };
    let RunnerError::RolledBack { durable, cursor } = error else { panic!("{error}") };
    assert_eq!((durable.get(), cursor.get()), (1, 3));
}

#[test]
fn what_is_old_at_the_first_start_is_backfill_and_stays_so() {
    let dir = tempfile::tempdir().unwrap();
    let journal = MemoryJournal::default();
    let denied = |second: i64, workspace: &str| {
        Moment::Row(
            json!({"second": second, "batch": second / 10, "kind": "egress.http", "outcome": "deny", "method": "POST",
            "domain": "attacker-logger.com", "workspace": workspace}),
        )
    };
    let life = Life::new(vec![denied(0, "old"), denied(1_000, "new"), denied(1_001, "later")], 2);
    run(&life, &journal, options(dir.path(), 60), 1, 12);
    run(&life, &journal, options(dir.path(), 60), 1, FOREVER);
    let alerts: Vec<Value> =
        journal.0.lock().unwrap().alerts.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let opened: Vec<(&str, bool)> = alerts
        .iter()
        .filter(|alert| alert["state"] == "open")
        .map(|alert| (alert["who"]["workspace"].as_str().unwrap(), alert["backfill"].as_bool().unwrap()))
        .collect();
    assert_eq!(opened, [("old", true), ("new", false), ("later", false)]);
}
