//! Ranges that are sent beside what is new, over a real store and network, with kills; and what their receipts prove.

use std::collections::BTreeMap;

use ledger::operations::column;
use ledger::{Group, Position, ReadLimit, Seq};
use operations::kind::Envelope;
use operations::kind::sink_order::{BACKFILL_END, BackfillMode, BackfillOrder, BackfillOutcome, RangeEnd, SinkOrder};
use serde_json::json;

use super::control::{Begun, ControlError};
use super::orders::{Bench, status, until};
use super::tests::{append_events, receipts};
use super::*;
use crate::receipts::check::check;
use crate::receipts::compare::{Comparison, Extent, compare};
use crate::receipts::{Evidence, ReceiptsReport, copy};

fn at(seq: u64) -> RangeEnd {
    RangeEnd::At(Position { ledger: LedgerName::Events, shard: 0, seq: Seq::new(seq) })
}

fn order(mode: BackfillMode, from: u64, to: Option<u64>) -> BackfillOrder {
    BackfillOrder { mode, from: at(from), to: to.map(at), records_per_second: 1_000_000, reason: None }
}

fn evidence<O>(bench: &Bench, config: &Config, look: impl FnOnce(&Evidence<'_>) -> O) -> O {
    let (events, operations) = (bench.store.events().reader(), bench.store.operations().reader());
    let (sink, until) = (&config.sinks[0], ledger::Timestamp::MAX);
    look(&Evidence { sink, events: &events, operations: &operations, key: [3; 32], until })
}

fn checked(bench: &Bench, config: &Config) -> ReceiptsReport {
    evidence(bench, config, |evidence| check(evidence).unwrap())
}

fn compared(bench: &Bench, config: &Config, lines: &[String]) -> Comparison {
    evidence(bench, config, |evidence| {
        let copy = copy::read(evidence, std::io::Cursor::new(lines.join("\n").into_bytes())).unwrap();
        compare(evidence, copy, Extent::Whole).unwrap()
    })
}

/// How the backfills ended that are over.
fn ends(bench: &Bench) -> Vec<(u64, BackfillOutcome, String)> {
    let limit = ReadLimit { rows: 100_000, bytes: 1 << 26 };
    let rows = bench.store.operations().reader().read(Seq::FIRST, false, limit).unwrap();
    let ends = rows.iter().filter_map(|row| {
        let end = BACKFILL_END.read(&row)?;
        Some((end.number, end.outcome, row.text(column::ACTOR)?.to_owned()))
    });
    ends.collect()
}

async fn until_over(bench: &Bench, count: usize) {
    let mut watch = bench.store.operations().reader().watch().unwrap();
    while ends(bench).len() < count {
        watch.changed().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_sink_was_not_sent_is_sent_beside_what_is_new() {
    for schema in ["plain", "ocsf", "ecs"] {
        let bench = Bench::new().await;
        append_events(&bench.store, 20).await;
        let config = bench.config(&[("siem", json!({"start": "now", "schema": schema}))]);
        let (controls, stop, running) = bench.start(&config);
        until(&controls, "siem", |status| status.next_seq == Seq::new(20)).await;
        append_events(&bench.store, 10).await;
        bench.receipted("siem", 30).await;
        assert_eq!(bench.siems.seen("siem").2, 10);
        // What was not sent cannot be sent again; nothing comes before the beginning but what was left out there.
        let again = controls.backfill("siem", "ada", order(BackfillMode::Again, 5, Some(25))).await.unwrap_err();
        assert!(matches!(again, ControlError::NotSent(_)), "{again}");
        let begun = controls.backfill("siem", "ada", order(BackfillMode::Anew, 3, None)).await.unwrap();
        let Begun { name, number, from, to } = begun;
        assert_eq!((name.as_str(), number), ("siem~backfill-1", 1));
        assert_eq!((from.seq, to.seq), (Seq::new(3), Seq::new(20)), "it goes up to where the sink began");
        append_events(&bench.store, 10).await;
        bench.receipted("siem", 40).await;
        until_over(&bench, 1).await;
        assert_eq!(ends(&bench), [(1, BackfillOutcome::Done, "export".to_owned())]);
        let (_, _, events, once) = bench.siems.seen("siem");
        assert!(events == 37 && once, "{schema}: {events} events, each once");
        stop.cancel();
        running.await.unwrap();
        let report = checked(&bench, &config);
        assert!(report.is_sound(), "{schema}: {report:?}");
        let backfill = &report.streams["events/0~backfill-1"];
        assert_eq!((backfill.from, backfill.to, backfill.sent, backfill.by_other_settings), (3, 20, 17, 0));
        assert_eq!((report.streams["events/0"].sent, report.streams["events/0"].excluded), (20, 20));
        let lines = bench.siems.lines("siem");
        let comparison = compared(&bench, &config, &lines);
        assert!(comparison.is_whole() && comparison.foreign.total == 0, "{schema}: {comparison:?}");
        // A record of the backfill that is lost or changed is named.
        let is_of_backfill = |line: &&String| line.contains("~backfill-1");
        let without: Vec<String> =
            lines.iter().filter(|line| !(is_of_backfill(line) && line.contains("h7.example"))).cloned().collect();
        let missing = compared(&bench, &config, &without).missing;
        assert_eq!(missing.total, 1, "{schema}: {missing:?}");
        assert!(missing.named[0].starts_with("events/0~backfill-1 export_seq 4 "), "{missing:?}");
        bench.store.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sent_is_sent_again_as_it_was_over_a_kill() {
    for schema in ["plain", "ocsf"] {
        let bench = Bench::new().await;
        let sinks = |more: serde_json::Value| {
            let mut settings = json!({"schema": schema});
            settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            bench.config(&[("siem", settings)])
        };
        let config = sinks(json!({}));
        let (controls, stop, running) = bench.start(&config);
        for round in 1..=3 {
            append_events(&bench.store, 10).await;
            bench.receipted("siem", round * 10).await;
        }
        let refused = async |asked: BackfillOrder| controls.backfill("siem", "ada", asked).await.unwrap_err();
        assert!(matches!(refused(order(BackfillMode::Again, 5, Some(31))).await, ControlError::BadRange(_)));
        assert!(matches!(refused(order(BackfillMode::Anew, 0, None)).await, ControlError::BadRange(_)));
        assert!(matches!(refused(order(BackfillMode::Again, 7, Some(7))).await, ControlError::BadRange(_)));
        // It is on record; then the process is killed before it has sent anything, or all.
        controls.backfill("siem", "ada", order(BackfillMode::Again, 5, Some(25))).await.unwrap();
        drop(stop);
        running.abort();
        let _ = running.await;
        let (controls, stop, running) = bench.start(&config);
        append_events(&bench.store, 10).await;
        bench.receipted("siem", 40).await;
        until_over(&bench, 1).await;
        // By other settings it could not be said as it was.
        controls.replace(controls.prepare(&sinks(json!({"filter": "-kind:note"}))).unwrap()).await.unwrap();
        let other = controls.backfill("siem", "ada", order(BackfillMode::Again, 5, Some(25))).await.unwrap_err();
        assert!(matches!(other, ControlError::OtherSettings(_)), "{other}");
        stop.cancel();
        running.await.unwrap();
        let lines = bench.siems.lines("siem");
        let mut by_id = BTreeMap::<String, Vec<&String>>::new();
        for line in lines.iter().filter(|line| line.contains("egress.http")) {
            let id = serde_json::from_str::<serde_json::Value>(line).unwrap()["fields"]["id"].to_string();
            by_id.entry(id).or_default().push(line);
        }
        assert_eq!(by_id.len(), 40);
        for (id, lines) in &by_id {
            let seq: u64 = id.trim_matches('"').rsplit('/').next().unwrap().parse().unwrap();
            assert_eq!(lines.len() >= 2, (5..25).contains(&seq), "{id} came {} times", lines.len());
            assert!(lines.iter().all(|line| *line == lines[0]), "{schema}: {id} is not what it was");
        }
        let report = checked(&bench, &config);
        assert!(report.is_sound(), "{schema}: {report:?}");
        let backfill = &report.streams["events/0~backfill-1"];
        assert_eq!((backfill.from, backfill.to, backfill.sent), (5, 25, 20));
        assert_eq!(report.streams["events/0"].sent, 40, "the sink's own stream tiles as before");
        // A receiver that knows records again has each once, which is as good.
        let mut once = lines.clone();
        once.sort();
        once.dedup();
        assert!(compared(&bench, &config, &once).is_whole());
        bench.store.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backfill_holds_up_nothing_and_can_be_paused_and_cancelled() {
    let bench = Bench::new().await;
    for _ in 0..3 {
        append_events(&bench.store, 600).await;
    }
    let config = bench.config(&[("siem", json!({"start": "now"}))]);
    let (controls, stop, running) = bench.start(&config);
    until(&controls, "siem", |status| status.next_seq == Seq::new(1_800)).await;
    let slow = BackfillOrder { records_per_second: 1, ..order(BackfillMode::Anew, 0, None) };
    let name = controls.backfill("siem", "ada", slow).await.unwrap().name;
    bench.receipted(&name, 1).await;
    // The next batch would go after minutes, what is new goes at once.
    append_events(&bench.store, 10).await;
    bench.receipted("siem", 1_810).await;
    let first = receipts(&bench.store, &name, LedgerName::Events).last().unwrap().1;
    let shown = status(&controls, &name);
    assert_eq!((shown.next_seq, shown.lag), (first, Seq::new(1_800).distance_from(first)));
    assert!(shown.backfill.is_some_and(|backfill| backfill.of == "siem" && backfill.by == "ada"));
    assert_eq!(controls.monitors().len(), 2, "its end is no lag");
    // It goes on where it was after a kill.
    drop(stop);
    running.abort();
    let _ = running.await;
    let offline = crate::status(&config, &bench.store.events().reader(), &bench.store.operations().reader()).unwrap();
    assert!(offline.iter().any(|status| status.sink == name && status.next_seq == first));
    let (controls, stop, running) = bench.start(&config);
    bench.receipted(&name, first.get() + 1).await;
    // A sink that stands still sends nothing of it either.
    controls.order("siem", "ada", SinkOrder::Pause { reason: None }).await.unwrap();
    until(&controls, &name, |status| status.paused).await;
    controls.order("siem", "ada", SinkOrder::Resume).await.unwrap();
    until(&controls, &name, |status| !status.paused && status.started.is_some()).await;
    let unknown = controls.order("siem", "ada", SinkOrder::Cancel { backfill: 2 }).await;
    assert!(matches!(unknown, Err(ControlError::NoBackfill(2))), "{unknown:?}");
    controls.order("siem", "bob", SinkOrder::Cancel { backfill: 1 }).await.unwrap();
    assert_eq!(ends(&bench), [(1, BackfillOutcome::Cancelled, "bob".to_owned())]);
    assert_eq!(controls.status().get().len(), 2, "nothing is shown of it");
    stop.cancel();
    running.await.unwrap();
    let (_, _, events, once) = bench.siems.seen("siem");
    assert!(events < 1_810 && once, "{events} events");
    let report = checked(&bench, &config);
    assert!(report.is_sound() && report.streams["events/0~backfill-1"].sent > 0, "{report:?}");
    // What is said to be done and is not is found.
    let envelope = Envelope { subject: "siem", actor: "export", ..Envelope::default() };
    let end = operations::kind::sink_order::BackfillEnd { number: 1, outcome: BackfillOutcome::Done };
    let mut group = Group::new(&ledger::operations::TABLE);
    group.push(&BACKFILL_END.entry(&envelope, &end).unwrap()).unwrap();
    bench.store.operations().appender().append(group).await.unwrap();
    let report = checked(&bench, &config);
    assert!(report.problems_total == 1 && report.problems[0].what.contains("said to be done"), "{report:?}");
    bench.store.stop();
}
