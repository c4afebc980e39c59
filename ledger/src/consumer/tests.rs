//! The loop of a consumer over a real store: whatever refuses, stops or dies, rows come in order and after the recorded cursor
//! exactly the rest.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use tokio::sync::Notify;

use super::*;
use crate::events::column as event;
use crate::operations::column;
use crate::{Appender, Entry, Group, Options, ReadLimit, Reader, Receipt, Store};

/// What a journal does with one group.
#[derive(Debug, Clone, Copy)]
enum Answer {
    Takes,
    IsFull,
    HasNoSpace,
    /// The process dies before the group is durable,
    Dies,
    /// or when nobody has heard yet that it is.
    DiesAfter,
}

/// The `operations` ledger with answers that are known in advance; when there are no more, it takes everything.
#[derive(Clone)]
struct Answering {
    appender: Appender,
    answers: Arc<Mutex<VecDeque<(Answer, bool)>>>,
    stop: CancellationToken,
    died: Arc<Notify>,
}

impl Journal for Answering {
    type Record = Group;
    type Recorded = Receipt;

    async fn record(&self, group: &Group) -> Result<Receipt, AppendError> {
        let (answer, stops) = self.answers.lock().unwrap().pop_front().unwrap_or((Answer::Takes, false));
        if stops {
            self.stop.cancel();
        }
        if matches!(answer, Answer::IsFull) {
            return Err(AppendError::Full { retry_after: Duration::from_millis(100) });
        }
        let recorded = match answer {
            Answer::Takes | Answer::DiesAfter => self.appender.try_append(group.clone()).unwrap().await,
            _ => Err(AppendError::NoSpace { reserve_bytes: 1 }),
        };
        if matches!(answer, Answer::Dies | Answer::DiesAfter) {
            self.died.notify_one();
            std::future::pending::<()>().await;
        }
        recorded
    }
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// Notes which rows it was given and records its cursor after every so many of them, and with the last. Stops when it was
/// given the last.
struct Noting {
    recorder: Recorder<Answering>,
    stop: CancellationToken,
    every: usize,
    since: usize,
    given: Vec<Seq>,
}

impl Process for Noting {
    type Error = Failure;

    async fn process(&mut self, batch: &Batch) -> Result<(), Halt<Failure>> {
        self.given.extend(batch.rows.iter().map(|row| row.position.seq));
        self.since += batch.rows.len();
        if self.since >= self.every || (self.since > 0 && batch.is_last) {
            self.recorder.record(&cursor_group(batch.rows.next_seq)).await?;
            self.since = 0;
        }
        if batch.is_last {
            self.stop.cancel();
        }
        Ok(())
    }
}

fn group(ledger: LedgerName, kind: &str, to: u64) -> Group {
    let mut entry = Entry::new();
    match ledger {
        LedgerName::Events => entry.set_text(event::KIND, kind),
        LedgerName::Operations => entry.set_text(column::KIND, kind),
    }
    if ledger == LedgerName::Operations {
        entry.set_text(column::TO, &to.to_string());
    }
    let mut group = Group::new(crate::Table::of(ledger));
    group.push(&entry).unwrap();
    group
}

fn cursor_group(to: Seq) -> Group {
    group(LedgerName::Operations, "cursor", to.get())
}

/// The newest recorded cursor.
fn recorded(operations: &Reader) -> Seq {
    let (mut cursor, mut from) = (Seq::FIRST, Seq::FIRST);
    loop {
        let rows = operations.read(from, false, ReadLimit { rows: 1_000, bytes: 1 << 20 }).unwrap();
        let mine = rows.iter().filter(|row| row.text(column::KIND) == Some("cursor"));
        cursor = mine.last().map_or(cursor, |row| row.text(column::TO).unwrap().parse().unwrap());
        if rows.is_empty() {
            return cursor;
        }
        from = rows.next_seq;
    }
}

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    Store::init(dir.path(), "acme.example/agents").unwrap();
    let store = Store::open(dir.path(), Options { reserve_bytes: 0, ..Options::default() }).unwrap();
    (dir, store)
}

/// One life of the consumer: what is there before it, how it reads and records, and what happens to it.
#[derive(Debug, Clone)]
struct Life {
    rows: u64,
    batch_rows: usize,
    every: usize,
    drains: bool,
    /// What the journal says, and whether the stop comes then.
    answers: Vec<(Answer, bool)>,
}

fn lives() -> impl Strategy<Value = Vec<Life>> {
    let answer = prop_oneof![
        4 => Just(Answer::Takes),
        2 => Just(Answer::IsFull),
        2 => Just(Answer::HasNoSpace),
        1 => Just(Answer::Dies),
        1 => Just(Answer::DiesAfter),
    ];
    let answers = prop::collection::vec((answer, prop::bool::weighted(0.2)), 0..6);
    let life = (0u64..12, 1usize..6, 1usize..8, any::<bool>(), answers)
        .prop_map(|(rows, batch_rows, every, drains, answers)| Life { rows, batch_rows, every, drains, answers });
    prop::collection::vec(life, 1..6)
}

/// Lives until it is stopped, dies, or was given everything. Returns what it was given.
async fn live(store: &Store, life: &Life) -> Vec<Seq> {
    for _ in 0..life.rows {
        store.events().appender().append(group(LedgerName::Events, "egress.http", 0)).await.unwrap();
    }
    let stop = CancellationToken::new();
    let answering = Answering {
        appender: store.operations().appender(),
        answers: Arc::new(Mutex::new(life.answers.iter().copied().collect())),
        stop: stop.clone(),
        died: Arc::default(),
    };
    let died = Arc::clone(&answering.died);
    let limit = ReadLimit { rows: life.batch_rows, bytes: 1 << 20 };
    let mut consumer = Consumer::of(store.events().reader(), false, limit, Monitor::new("test"), stop.clone());
    consumer.seek(recorded(&store.operations().reader()));
    let mut consumer = if life.drains { consumer.draining() } else { consumer };
    let recorder = consumer.recorder(answering);
    let mut noting = Noting { recorder, stop, every: life.every, since: 0, given: Vec::new() };
    tokio::select! {
        ended = consumer.run(&mut noting) => ended.unwrap(),
        () = died.notified() => {}
    }
    noting.given
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the order of stops, crashes and refusals: rows come in order and without a gap from the recorded cursor on, a
    /// cursor is never ahead of what was given, and in the end everything was.
    #[test]
    fn after_the_recorded_cursor_comes_exactly_the_rest(lives in lives()) {
        let (_dir, store) = store();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let operations = store.operations().reader();
        let last = Life { rows: 1, batch_rows: 3, every: 5, drains: true, answers: Vec::new() };
        for life in lives.iter().chain([&last]) {
            let before = recorded(&operations);
            let given = runtime.block_on(live(&store, life));
            let after = recorded(&operations);
            let next = before.skip(given.len() as u64);
            prop_assert_eq!(given, (before.get()..next.get()).map(Seq::new).collect::<Vec<_>>());
            prop_assert!((before..=next).contains(&after), "{} is not in {}..={}", after, before, next);
        }
        prop_assert_eq!(recorded(&operations), store.events().reader().durable().unwrap().next_seq);
        store.stop();
    }
}

/// Makes an entry and an event that it caused durable whenever everything of `operations` was given.
struct Causing<'a> {
    store: &'a Store,
    stop: CancellationToken,
    caused: u64,
    given: Vec<(LedgerName, Seq)>,
}

impl Process for Causing<'_> {
    type Error = Failure;

    fn seek(&mut self, cursor: Seq, _: &Durable) -> Result<Seq, Failure> {
        if self.caused < 5 {
            for ledger in [LedgerName::Operations, LedgerName::Events] {
                let cause = group(ledger, "cause", self.caused);
                let queued = self.store.ledger(ledger).appender().try_append(cause).unwrap();
                tokio::task::block_in_place(|| queued.wait())?;
            }
            self.caused += 1;
        }
        Ok(cursor)
    }

    async fn process(&mut self, batch: &Batch) -> Result<(), Halt<Failure>> {
        let rows = batch.rows.iter().filter(|row| match batch.ledger {
            LedgerName::Events => true,
            LedgerName::Operations => row.text(column::KIND) == Some("cause"),
        });
        self.given.extend(rows.map(|row| (batch.ledger, row.position.seq)));
        if self.given.iter().filter(|(ledger, _)| *ledger == LedgerName::Events).count() == 5 {
            self.stop.cancel();
        }
        Ok(())
    }
}

#[test]
fn what_caused_a_row_is_given_before_it() {
    let (_dir, store) = store();
    let limit = ReadLimit { rows: 1, bytes: 1 << 20 };
    let stop = CancellationToken::new();
    let mut causing = Causing { store: &store, stop: stop.clone(), caused: 0, given: Vec::new() };
    let mut consumer = Consumer::of(store.events().reader(), false, limit, Monitor::new("test"), stop)
        .after(store.operations().reader(), limit);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(consumer.run(&mut causing)).unwrap();
    let mut causes = 0;
    for (ledger, seq) in &causing.given {
        match ledger {
            LedgerName::Operations => causes += 1,
            LedgerName::Events => assert!(causes > seq.get(), "event {seq} came before its cause: {:?}", causing.given),
        }
    }
    store.stop();
}

/// Looks at what is shown while it is busy and while nothing has space.
#[test]
fn lag_cursor_and_waits_are_shown() {
    let (_dir, store) = store();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    for _ in 0..3 {
        store.events().appender().try_append(group(LedgerName::Events, "egress.http", 0)).unwrap().wait().unwrap();
    }
    let (stop, monitor) = (CancellationToken::new(), Monitor::new("test"));
    assert_eq!((monitor.status().condition, monitor.status().lag), (Condition::Idle, 0));
    let limit = ReadLimit { rows: 2, bytes: 1 << 20 };
    let mut consumer = Consumer::of(store.events().reader(), false, limit, monitor.clone(), stop.clone());
    let answering = Answering {
        appender: store.operations().appender(),
        answers: Arc::new(Mutex::new(VecDeque::from([(Answer::Takes, false), (Answer::HasNoSpace, false)]))),
        stop: stop.clone(),
        died: Arc::default(),
    };
    let mut noting =
        Noting { recorder: consumer.recorder(answering), stop: stop.clone(), every: 2, since: 0, given: Vec::new() };
    let waits = async {
        while !matches!(monitor.status().condition, Condition::WaitsForSpace(_)) {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let (ended, ()) = runtime.block_on(async { tokio::join!(consumer.run(&mut noting), waits) });
    ended.unwrap();
    drop(consumer);
    let ConsumerStatus { condition, cursor, lag, .. } = monitor.status();
    assert_eq!(
        (condition, cursor, lag),
        (Condition::Idle, Seq::new(3), 1),
        "it stopped while it waited with the last row"
    );
    store.events().appender().try_append(group(LedgerName::Events, "egress.http", 0)).unwrap().wait().unwrap();
    assert_eq!(monitor.status().lag, 2, "the lag is that of now");
    monitor.holds(2);
    assert_eq!(monitor.status().lag, 3, "what was read and is not done is a part of it");
    monitor.stands(&store.operations().reader(), Seq::FIRST);
    let ConsumerStatus { ledger, lag, .. } = monitor.status();
    assert_eq!(
        (ledger, lag),
        (Some(LedgerName::Operations), 1),
        "one that stands still has the recorded cursor before it"
    );
    store.stop();
}

/// Takes as many batches as it is told to, and never comes back from the next one.
struct Stuck {
    takes: usize,
    is_stuck: Arc<Notify>,
}

impl Process for Stuck {
    type Error = Failure;

    async fn process(&mut self, _: &Batch) -> Result<(), Halt<Failure>> {
        if self.takes == 0 {
            self.is_stuck.notify_one();
            std::future::pending::<()>().await;
        }
        self.takes -= 1;
        Ok(())
    }
}

#[test]
fn one_that_never_comes_back_from_a_batch_is_behind() {
    let check = |needs_rows: bool, takes: usize, lag: u64| {
        let (_dir, store) = store();
        let append = || store.events().appender().try_append(group(LedgerName::Events, "egress.http", 0)).unwrap();
        for _ in 0..5 {
            append().wait().unwrap();
        }
        let (monitor, stop) = (Monitor::new("test"), CancellationToken::new());
        let (events, limit) = (store.events().reader(), ReadLimit { rows: 2, bytes: 1 << 20 });
        let mut consumer = if needs_rows {
            Consumer::of(events, false, limit, monitor.clone(), stop)
        } else {
            Consumer::of_news(events, monitor.clone(), stop)
        };
        let is_stuck = Arc::new(Notify::new());
        let mut stuck = Stuck { takes, is_stuck: is_stuck.clone() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut running = std::pin::pin!(consumer.run(&mut stuck));
            let given = async {
                for _ in 0..takes {
                    // It asks for more when nothing is left, and is told of this one.
                    if !needs_rows {
                        while monitor.status().lag > 0 {
                            tokio::task::yield_now().await;
                        }
                        append().await.unwrap();
                    }
                }
                is_stuck.notified().await;
            };
            tokio::select! {
                biased;
                () = given => {}
                _ = &mut running => panic!("it ended"),
            }
            assert_eq!(monitor.status().lag, lag, "needs rows: {needs_rows}, took {takes} batches");
            append().await.unwrap();
            assert_eq!(monitor.status().lag, lag + 1, "the lag is that of now");
        });
        store.stop();
    };
    check(true, 0, 5);
    check(true, 1, 3);
    check(true, 2, 1);
    check(false, 0, 5);
    check(false, 1, 1);
}

/// Counts how often it is called, and wants to be called again each second.
struct Passing {
    stop: CancellationToken,
    called: usize,
    given: usize,
}

impl Process for Passing {
    type Error = Failure;

    fn due(&self) -> Option<Duration> {
        Some(Duration::from_secs(1))
    }

    async fn process(&mut self, batch: &Batch) -> Result<(), Halt<Failure>> {
        (self.called, self.given) = (self.called + 1, self.given + batch.rows.len());
        if self.called == 5 {
            self.stop.cancel();
        }
        Ok(())
    }
}

#[test]
fn whoever_needs_no_rows_is_told_that_there_are_some_and_when_it_is_time() {
    let (_dir, store) = store();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    store.events().appender().try_append(group(LedgerName::Events, "egress.http", 0)).unwrap().wait().unwrap();
    let stop = CancellationToken::new();
    let mut passing = Passing { stop: stop.clone(), called: 0, given: 0 };
    let monitor = Monitor::new("test");
    let mut consumer = Consumer::of_news(store.events().reader(), monitor.clone(), stop);
    runtime.block_on(consumer.run(&mut passing)).unwrap();
    assert_eq!((passing.called, passing.given, monitor.status().cursor), (5, 0, Seq::new(1)));
    store.stop();
}

#[test]
fn one_that_asks_for_batches_hears_the_stop_and_loses_nothing_when_it_waits_in_vain() {
    let (_dir, store) = store();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let append = || store.events().appender().try_append(group(LedgerName::Events, "egress.http", 0)).unwrap();
    let stop = CancellationToken::new();
    let limit = ReadLimit { rows: 2, bytes: 1 << 20 };
    let mut consumer = Consumer::of(store.events().reader(), false, limit, Monitor::new("test"), stop.clone());
    runtime.block_on(async {
        let mut given = Vec::new();
        for _ in 0..3 {
            append().await.unwrap();
            while let Ok(batch) = tokio::time::timeout(Duration::from_secs(1), consumer.next_batch::<Failure>()).await {
                given.extend(batch.unwrap().rows.iter().map(|row| row.position.seq));
            }
        }
        assert_eq!(given, [0, 1, 2].map(Seq::new));
        stop.cancel();
        append().await.unwrap();
        assert!(matches!(consumer.next_batch::<Failure>().await, Err(Halt::Stopped)));
        assert!(matches!(consumer.unless_stopped(async {}).await, Err::<(), Halt<Failure>>(Halt::Stopped)));
        assert_eq!(consumer.try_next_batch().unwrap().map(|batch| batch.rows.len()), Some(1), "it is still there");
    });
    store.stop();
}
