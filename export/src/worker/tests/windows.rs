//! Many batches under one intent: what that costs, what is recorded when something fails, and that whoever repeats a window
//! makes the same batches.

use ledger::Seq;
use operations::kind::export::ExportIntent;

use super::*;
use crate::worker::state_store::IntentEntry;

/// A world whose ledger closes its batches when it is told to.
fn ledger(name: LedgerName) -> Shared {
    let world = Shared::default();
    *world.lock().unwrap() = World { ledger: Some(name), lines_max: 1_000, closed: Some(0), ..World::default() };
    world
}

impl World {
    /// Records entries in the open batch.
    fn record(&mut self, entries: impl IntoIterator<Item = Value>) {
        self.entries.extend(entries);
        self.batches.resize(self.entries.len(), self.closed.unwrap());
    }

    /// Closes the open batch, if there is something in it.
    fn close(&mut self) {
        let open = self.closed.unwrap();
        if self.batches.last() == Some(&open) {
            self.closed = Some(open + 1);
        }
    }

    fn kinds(&self) -> (usize, usize) {
        let intents = self.recorded.iter().filter(|entry| matches!(entry, StateEntry::Intent(_))).count();
        (intents, self.receipts().len())
    }
}

/// Entries that come so many at once, with a wait after each, and whether the ledger's batch ends with them.
async fn arrive(world: Shared, arrivals: Vec<(u64, usize, bool)>) {
    for (wait_ms, count, closes) in arrivals {
        {
            let mut world = world.lock().unwrap();
            let internal = world.ledger == Some(LedgerName::Operations);
            let kind = |number: usize| if internal && number % 5 == 3 { "cursor" } else { "note" };
            world.record((0..count).map(|number| json!({"kind": kind(number)})));
            if closes {
                world.close();
            }
        }
        sleep(Duration::from_millis(wait_ms)).await;
    }
    // A batch does not stay open for long.
    world.lock().unwrap().close();
}

/// Runs a worker until everything was recorded that is to come, and has its receipt.
async fn finish(world: &Shared, worker: SinkWorker<MemoryFeed, MemoryStateStore>, arrivals: Vec<(u64, usize, bool)>) {
    tokio::select! {
        ended = worker.run() => panic!("the worker ended: {ended:?}"),
        () = async { arrive(world.clone(), arrivals).await; until_done(world).await } => {}
    }
}

#[test]
fn a_sink_that_takes_everything_costs_two_entries_in_five_seconds() {
    let dir = tempfile::tempdir().unwrap();
    let world = ledger(LedgerName::Events);
    // 500 events a second for a minute, as a source sends them: a hundred at once.
    let arrivals = (0..300).map(|number| (200, 100, number % 3 == 2)).collect();
    paused().block_on(finish(&world, worker(&world, dir.path(), 1_024, "beginning"), arrivals));
    let world = world.lock().unwrap();
    check(&world);
    assert_eq!(world.receipts().iter().map(|receipt| receipt.record.count).sum::<u64>(), 30_000);
    assert!(world.bodies.len() >= 100, "what is there is sent soon, in {} batches", world.bodies.len());
    let (intents, receipts) = world.kinds();
    // One receipt at once, since there is none, one in each five seconds, and the last one. With one of each kind for every
    // group of events there were 300 and 300.
    assert!(intents <= 14 && receipts <= 14, "{intents} intents and {receipts} receipts for 30,000 events");
    let whole: u64 = world.receipts().iter().map(|receipt| receipt.record.batches).sum();
    assert_eq!(whole, world.bodies.len() as u64, "receipts say how many batches they stand for");
}

#[test]
fn a_backlog_goes_in_full_batches_with_an_entry_of_each_kind_for_ten_thousand() {
    let dir = tempfile::tempdir().unwrap();
    let world = ledger(LedgerName::Events);
    // They came one by one, each in a batch of the ledger of its own, while nobody was there to send them.
    paused().block_on(arrive(world.clone(), vec![(0, 1, true); 20_400]));
    paused().block_on(finish(&world, worker(&world, dir.path(), 1_024, "beginning"), Vec::new()));
    let world = world.lock().unwrap();
    check(&world);
    // The first receipt comes at once, after one batch; then there are 20, and what is left.
    assert_eq!((world.bodies.len(), world.kinds()), (1 + 20 + 20, (3, 3)));
}

#[test]
fn what_follows_more_that_is_left_out_than_a_window_holds_is_sent() {
    for left_out in [9_999, 10_000, 10_050, 25_000] {
        let dir = tempfile::tempdir().unwrap();
        let world = ledger(LedgerName::Operations);
        let (internal, exported) = (json!({"kind": "cursor"}), json!({"kind": "note"}));
        let mut entries = vec![internal; left_out];
        entries.extend(vec![exported; 5]);
        world.lock().unwrap().record(entries);
        world.lock().unwrap().close();
        paused().block_on(finish(&world, worker(&world, dir.path(), 1_024, "beginning"), Vec::new()));
        check(&world.lock().unwrap());
    }
}

/// Runs a worker over four batches of five until it is in trouble with the last one, and looks at what is on record then.
fn troubled(world: &Shared, fault: Fault, change: impl FnOnce(&mut SinkWorker<MemoryFeed, MemoryStateStore>)) {
    let dir = tempfile::tempdir().unwrap();
    world.lock().unwrap().entries = vec![json!({"kind": "note"}); 20];
    paused().block_on(async {
        let mut worker = worker(world, dir.path(), 7, "beginning");
        change(&mut worker);
        let trouble = async {
            while world.lock().unwrap().bodies.len() < 3 {
                sleep(Duration::from_millis(1)).await;
            }
            let ends = |world: &World| world.receipts().iter().map(|receipt| receipt.to.get()).collect::<Vec<_>>();
            assert_eq!(ends(&world.lock().unwrap()), [5], "the first is told at once, the next ones together");
            world.lock().unwrap().faults = vec![fault; 9].into();
            sleep(Duration::from_millis(6_500)).await;
            assert_eq!(ends(&world.lock().unwrap()), [5, 15], "what was taken before is not repeated");
        };
        tokio::select! {
            ended = worker.run() => panic!("the worker ended: {ended:?}"),
            () = trouble => {}
        }
    });
    let world = world.lock().unwrap();
    let Some(StateEntry::Intent(IntentEntry { from, to, record: Intended::Batch(intent) })) = world.recorded.last()
    else {
        panic!("the batch in trouble has an intent of its own: {:?}", world.recorded.last());
    };
    assert_eq!((from.get(), to.get(), intent.export_seq, intent.count), (15, 20, 15, 5));
}

/// The same with a process that follows after a kill, which sends that batch again as it was.
fn recovered(world: &Shared) {
    world.lock().unwrap().faults.clear();
    let dir = tempfile::tempdir().unwrap();
    // More that belongs to the same batch of the ledger by then does not change it.
    world.lock().unwrap().entries.push(json!({"kind": "note"}));
    paused().block_on(finish_only(world, dir.path()));
    let world = world.lock().unwrap();
    check(&world);
    let sizes: Vec<usize> = world.bodies.iter().map(|body| body.lines().count()).collect();
    assert!(sizes.ends_with(&[5, 1]) && sizes[..sizes.len() - 1].iter().all(|size| *size == 5), "{sizes:?}");
}

async fn finish_only(world: &Shared, dir: &std::path::Path) {
    tokio::select! {
        ended = worker(world, dir, 7, "beginning").run() => panic!("the worker ended: {ended:?}"),
        () = until_done(world) => {}
    }
}

fn fives() -> Shared {
    let world = Shared::default();
    *world.lock().unwrap() = World { ledger: Some(LedgerName::Events), lines_max: 100, ..World::default() };
    world
}

#[test]
fn what_was_taken_is_recorded_as_soon_as_something_fails() {
    for fault in
        [Fault::Refused, Fault::Limited, Fault::Busy, Fault::TakenAndFailed, Fault::TakenAndCut, Fault::Unauthorised]
    {
        let world = fives();
        troubled(&world, fault, |_| {});
        recovered(&world);
    }
}

#[test]
fn what_was_taken_is_recorded_while_a_receiver_thinks() {
    let world = fives();
    world.lock().unwrap().acks = Some(Vec::new());
    // A batch is acknowledged after 3.5 s, and the one in trouble, the fourth, is not taken for lost before 15.5 s.
    troubled(&world, Fault::Unacknowledged, |worker| worker.timing.receipt_every = Duration::from_secs(9));
    recovered(&world);
}

#[test]
fn the_intent_of_one_batch_is_repeated_as_it_was_whatever_the_ledger_holds_by_now() {
    let dir = tempfile::tempdir().unwrap();
    let world = fives();
    let record = ExportIntent { export_seq: 0, count: 7, sha256: String::new(), hidden: Vec::new() };
    let intent = IntentEntry { from: Seq::FIRST, to: Seq::new(7), record: Intended::Batch(record) };
    world.lock().unwrap().recorded.push(StateEntry::Intent(intent));
    world.lock().unwrap().entries = vec![json!({"kind": "note"}); 20];
    paused().block_on(finish_only(&world, dir.path()));
    let world = world.lock().unwrap();
    check(&world);
    let sizes: Vec<usize> = world.bodies.iter().map(|body| body.lines().count()).collect();
    assert_eq!(sizes, [7, 3, 5, 5]);
}

#[test]
fn what_an_earlier_process_began_is_cut_as_it_was_although_something_fails_now() {
    let dir = tempfile::tempdir().unwrap();
    let world = fives();
    world.lock().unwrap().entries = vec![json!({"kind": "note"}); 20];
    paused().block_on(async {
        let killed = async {
            while world.lock().unwrap().bodies.len() < 3 {
                sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            ended = worker(&world, dir.path(), 7, "beginning").run() => panic!("the worker ended: {ended:?}"),
            () = killed => {}
        }
        // Two batches have no receipt. The first of them is not taken at once now, and neither may the second change.
        world.lock().unwrap().faults = vec![Fault::Busy].into();
        finish_only(&world, dir.path()).await;
    });
    let world = world.lock().unwrap();
    check(&world);
    let sizes: Vec<usize> = world.bodies.iter().map(|body| body.lines().count()).collect();
    assert_eq!(sizes, [5; 6]);
}

#[test]
fn a_process_that_only_failed_leaves_one_batch_to_repeat_and_the_rest_free() {
    let dir = tempfile::tempdir().unwrap();
    let world = fives();
    world.lock().unwrap().entries = vec![json!({"kind": "note"}); 20];
    world.lock().unwrap().faults = vec![Fault::TakenAndCut; 9].into();
    paused().block_on(async {
        let _ = timeout(Duration::from_secs(1), worker(&world, dir.path(), 7, "beginning").run()).await;
        world.lock().unwrap().faults.clear();
        world.lock().unwrap().entries.resize(60, json!({"kind": "note"}));
        finish_only(&world, dir.path()).await;
    });
    let world = world.lock().unwrap();
    check(&world);
    let mut sizes: Vec<usize> = world.bodies.iter().map(|body| body.lines().count()).collect();
    sizes.dedup();
    assert_eq!(sizes, [5, 55], "who is behind is sent full batches");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whoever_repeats_makes_the_same_batches(
        operations in any::<bool>(),
        arrivals in proptest::collection::vec(
            (0u64..900, prop_oneof![9 => 1usize..40, 1 => 300usize..1_100], any::<bool>()), 1..30),
        faults in proptest::collection::vec((0u64..4_000, passing()), 0..8),
        ends in proptest::collection::vec((1u64..4_000, 1usize..600, any::<bool>()), 0..10),
        window_entries in 20u64..2_000,
        receipt_every in 50u64..4_000,
        acknowledged in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let world = ledger(if operations { LedgerName::Operations } else { LedgerName::Events });
        world.lock().unwrap().acks = acknowledged.then(Vec::new);
        let worker = |block| {
            let mut worker = worker(&world, dir.path(), block, "beginning");
            worker.timing.window_entries = window_entries;
            worker.timing.receipt_every = Duration::from_millis(receipt_every);
            worker
        };
        paused().block_on(async {
            let arriving = tokio::spawn(arrive(world.clone(), arrivals));
            let failing = world.clone();
            let faulty = tokio::spawn(async move {
                for (wait_ms, fault) in faults {
                    sleep(Duration::from_millis(wait_ms)).await;
                    failing.lock().unwrap().faults.push_back(fault);
                }
            });
            for (wait_ms, block, stopped) in ends {
                let worker = worker(block);
                let stop = worker.consumer.stop().clone();
                let ended = if stopped {
                    let (ended, ()) = tokio::join!(worker.run(), async {
                        sleep(Duration::from_millis(wait_ms)).await;
                        stop.cancel();
                    });
                    ended
                } else {
                    timeout(Duration::from_millis(wait_ms), worker.run()).await.unwrap_or(Ok(()))
                };
                ended.unwrap();
                // A start closes the batch that the last process left open.
                world.lock().unwrap().close();
            }
            tokio::select! {
                ended = worker(7).run() => panic!("the worker ended: {ended:?}"),
                () = async { arriving.await.unwrap(); faulty.await.unwrap(); until_done(&world).await } => {}
            }
        });
        let world = world.lock().unwrap();
        check(&world);
        let mut batch_of = BTreeMap::<u64, &str>::new();
        for body in &world.bodies {
            for line in body.lines() {
                let line: Value = serde_json::from_str(line).unwrap();
                let number = line["fields"]["export_seq"].as_str().unwrap().parse().unwrap();
                let before = batch_of.entry(number).or_insert(body);
                prop_assert_eq!(*before, body.as_str(), "{} went in another batch", number);
            }
        }
    }
}

/// What fails in between holds up the cursor, and what follows it is not sent twice.
#[test]
fn several_batches_are_on_their_way_at_once_and_the_cursor_passes_no_hole() {
    for (in_flight, faults) in [(1, vec![]), (4, vec![]), (4, vec![Fault::Busy; 3]), (16, vec![Fault::TakenAndCut; 5])]
    {
        let dir = tempfile::tempdir().unwrap();
        let world = ledger(LedgerName::Events);
        paused().block_on(arrive(world.clone(), vec![(0, 1, true); 10_000]));
        world.lock().unwrap().in_flight = in_flight;
        // The first batch is alone: it has its receipt at once.
        world.lock().unwrap().faults = std::iter::repeat_n(Fault::None, 5).chain(faults.clone()).collect();
        paused().block_on(finish(&world, worker(&world, dir.path(), 1_024, "beginning"), Vec::new()));
        let world = world.lock().unwrap();
        check(&world);
        assert_eq!(world.on_their_way_max, usize::from(in_flight));
        let taken: usize = world.taken.values().map(Vec::len).sum();
        let repeated = faults.iter().filter(|fault| **fault == Fault::TakenAndCut).count() * 500;
        assert!(taken <= 10_000 + repeated, "{taken} records were taken, {in_flight} on their way, {faults:?}");
    }
}
