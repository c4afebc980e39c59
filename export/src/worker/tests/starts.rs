//! Where a worker begins, what it leaves out, and what is on record when it stands still or is stopped.

use ledger::Position;
use operations::kind::export::{Cut, ExportWindow};

use super::*;
use crate::message::Rendered;
use crate::worker::plan::Pace;

#[test]
fn a_sink_that_starts_now_gets_nothing_old_and_its_receipts_tile_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let world = Shared::default();
    let old = vec![json!({"kind": "note"}); 10];
    *world.lock().unwrap() =
        World { ledger: Some(LedgerName::Events), entries: old, lines_max: 100, ..World::default() };
    paused().block_on(async {
        let _ = timeout(Duration::from_secs(1), worker(&world, dir.path(), 7, "now").run()).await;
        world.lock().unwrap().entries.push(json!({"kind": "note", "target": "new"}));
        let _ = timeout(Duration::from_secs(1), worker(&world, dir.path(), 7, "now").run()).await;
    });
    let world = world.lock().unwrap();
    let ranges: Vec<(u64, u64, u64)> =
        world.receipts().iter().map(|entry| (entry.from.get(), entry.to.get(), entry.record.count)).collect();
    assert_eq!(ranges, [(0, 10, 0), (10, 11, 1)]);
    assert!(world.taken[&0][0].contains("new"));
}

#[test]
fn ten_thousand_excluded_entries_give_one_receipt() {
    let dir = tempfile::tempdir().unwrap();
    let world = Shared::default();
    let entries = vec![json!({"kind": "cursor"}); 25_000];
    *world.lock().unwrap() =
        World { ledger: Some(LedgerName::Operations), entries, lines_max: 100, ..World::default() };
    paused().block_on(async {
        let _ = timeout(Duration::from_mins(1), worker(&world, dir.path(), 1_000, "beginning").run()).await;
    });
    let world = world.lock().unwrap();
    let excluded: Vec<u64> = world.receipts().iter().map(|entry| entry.record.excluded).collect();
    assert_eq!(excluded, [10_000, 10_000]);
}

#[test]
fn a_lane_that_is_stopped_has_its_receipts_on_record() {
    let dir = tempfile::tempdir().unwrap();
    for milliseconds in 0..40 {
        let world = Shared::default();
        let entries = vec![json!({"kind": "note"}); 60];
        *world.lock().unwrap() = World { ledger: Some(LedgerName::Events), entries, lines_max: 7, ..World::default() };
        paused().block_on(async {
            let first = worker(&world, dir.path(), 7, "beginning");
            let stop = first.consumer.stop().clone();
            let (ended, ()) = tokio::join!(first.run(), async {
                sleep(Duration::from_millis(milliseconds * 3)).await;
                stop.cancel();
            });
            ended.unwrap();
            tokio::select! {
                ended = worker(&world, dir.path(), 7, "beginning").run() => panic!("the worker ended: {ended:?}"),
                () = until_done(&world) => {}
            }
        });
        let world = world.lock().unwrap();
        check(&world);
        let doubled: usize = world.taken.values().map(|taken| taken.len() - 1).sum();
        assert!(
            doubled <= world.lines_max,
            "a stop doubles the batch that is on its way at most, not {doubled} records"
        );
    }
}

/// A window goes over many batches, and the one that the earlier process had sent last is not known.
#[test]
fn whatever_an_earlier_process_may_have_sent_is_asked_for_and_nothing_else() {
    let config = fixtures::sink("siem");
    let selection = config.selection([3; 32], "acme.example/agents/events/0");
    let window = ExportWindow { export_seq: 0, records_max: 2, cut: Cut::Full };
    let intent = Some((Seq::FIRST..Seq::new(4), Intended::Window(window)));
    let mut plan = Plan::new(
        Exported { intent, ..Exported::default() },
        2,
        Seq::new(8),
        Pace::Windows { in_flight: 1 },
        Some("plain".to_owned()),
    );
    plan.absorb(&fixtures::events(&vec![json!({"kind": "note"}); 8]), &selection);
    let mut asked = Vec::new();
    for _ in 0..4 {
        plan.leave();
        let batch = plan.propose(|records| Rendered::whole(Vec::new(), records.len())).unwrap();
        asked.push(plan.may_be_sent(&batch));
        let attempt = Attempt { settled: Settled::Acked(Ack::new("ok")), attempts: 1 };
        plan.settle(&batch, vec![attempt], None);
    }
    assert_eq!(asked, [true, true, false, false]);
    let letters = Batch::of_letters(
        Position { ledger: LedgerName::Events, shard: 0, seq: Seq::FIRST },
        fixtures::records(&fixtures::events(&[json!({"kind": "note"})])),
        Rendered::whole(Vec::new(), 1),
    );
    assert!(plan.may_be_sent(&letters));
}
