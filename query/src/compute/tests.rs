//! Pieces of any builds, and what SQL says of some.

use std::fmt::Write as _;
use std::sync::Arc;

use ledger::events::column::{
    ACTION, AMOUNT, KIND, ORG, OUTCOME, TARGET, TEAM, TEMPLATE, TRUST, USER, WORKSPACE, WORKSPACE_NAME,
};
use ledger::{Entry, LedgerName, Seq, Timestamp};
use operations::calendar::{DAY, Period};
use proptest::prelude::*;

use super::history::{History, Id, Told, Transition, What};
use super::pieces::{Piece, Pieces, days_from};
use super::rates::{RateTable, Rates, Subject};
use super::stretch::{State, Stretch, stretches};
use crate::engine::Options;
use crate::fixtures::{Ledgers, ask, event, request};
use crate::output::Format;

const HOUR: i64 = 3_600;
/// 2026-11-21T12:00:00Z, the time of second 0.
const NOON: i64 = 1_795_262_400;

/// A row of any workspace: when in seconds before now, which workspace, what.
#[derive(Debug, Clone, Copy)]
struct Row {
    ago: i64,
    workspace: usize,
    /// A build by its number, or a connection.
    build: Option<usize>,
}

const NAMES: [&str; 3] = ["w-1", "w-2", "w-3"];
const BUILDS: [(&str, Transition); 6] = [
    ("b-1", Transition::Start),
    ("b-2", Transition::Stop),
    ("b-3", Transition::Start),
    ("b-4", Transition::Start),
    ("b-5", Transition::Stop),
    ("b-6", Transition::Delete),
];

fn rows() -> impl Strategy<Value = Vec<Row>> {
    // Up to four years ago, by the minute and sometimes at midnight.
    let ago = prop_oneof![0..4 * 366 * DAY, (0..1_400_i64).prop_map(|days| days * DAY), 0..3 * DAY];
    let build = prop_oneof![9 => (0..BUILDS.len()).prop_map(Some), 1 => Just(None)];
    let row = (ago, 0..NAMES.len(), build).prop_map(|(ago, workspace, build)| Row { ago, workspace, build });
    prop::collection::vec(row, 0..40)
}

/// A table whose prices change on any days.
fn table(days: &[i64]) -> RateTable {
    let mut text = "version = \"v\"\n[[rate]]\nname = \"one\"\nworkspaces = [\"w-1\"]\n".to_owned();
    let mut last = 0;
    for (number, day) in days.iter().enumerate() {
        last += day;
        let (year, month, day) = (2023 + last / 336, last / 28 % 12 + 1, last % 28 + 1);
        write!(
            text,
            "[[rate.price]]\nfrom = {year}-{month:02}-{day:02}\nrunning_usd_per_hour = {}.000{number}\n\
             stopped_usd_per_hour = 0.0{number}1\nstorage_usd_per_gib_month = 0.{number}83\nstorage_gib = {}\n",
            number + 1,
            number * 7
        )
        .unwrap();
    }
    RateTable::parse(&text).unwrap()
}

fn now() -> Timestamp {
    Timestamp::from_unix_seconds(NOON)
}

/// Everything that is told of rows in this order.
fn told(rows: &[(usize, Row)], rates: &RateTable) -> Vec<(Stretch, Vec<Piece>)> {
    let mut history = History::default();
    for (seq, row) in rows {
        history.add(&Told {
            what: match row.build {
                Some(build) => What::Build(BUILDS[build].1, Some(BUILDS[build].0)),
                None => What::Connection,
            },
            seq: Seq::new(*seq as u64),
            at: Timestamp::from_unix_seconds(NOON - row.ago),
            workspace: NAMES[row.workspace],
            workspace_name: None,
            template: None,
            org: None,
            team: None,
            user: None,
        });
    }
    let changes = history.take_changes();
    let mut all = Vec::new();
    for changes in changes.chunk_by(|one, other| one.workspace == other.workspace) {
        let workspace: Id = changes[0].workspace;
        let timeline =
            Arc::new(rates.timeline(Subject { workspace: history.names(workspace).workspace, ..Subject::default() }));
        for stretch in stretches(changes, history.seen(workspace), now()) {
            let pieces = Pieces::of(stretch, Arc::clone(&timeline), now()).collect();
            all.push((Stretch { workspace: name(&history, workspace), ..stretch }, pieces));
        }
    }
    all.sort_by_key(|(stretch, _)| (stretch.workspace, stretch.from));
    all
}

/// A number for a workspace that does not depend on the order of rows.
fn name(history: &History, workspace: Id) -> Id {
    let text = history.names(workspace).workspace;
    NAMES.iter().position(|name| *name == text).unwrap() as Id
}

/// What a stretch costs in one sum: rate × time over all prices, divided once.
fn whole(stretch: &Stretch, rates: &RateTable) -> (Option<i64>, Option<i64>) {
    let timeline = rates.timeline(Subject { workspace: NAMES[stretch.workspace as usize], ..Subject::default() });
    let end = stretch.until.map_or(now(), |(until, _)| until);
    let (mut cost, mut storage) = (None, None);
    for (number, (from, applied)) in timeline.iter().enumerate() {
        let until = timeline.get(number + 1).map_or(Timestamp::MAX, |(next, _)| *next).min(end);
        let micros = until.micros_since((*from).max(stretch.from));
        if micros <= 0 {
            continue;
        }
        let price = applied.unwrap().price;
        let hourly = if stretch.state == State::Running { price.running } else { price.stopped };
        *cost.get_or_insert(0) += i128::from(hourly.as_micros()) * i128::from(micros);
        *storage.get_or_insert(0) += i128::from(price.storage.unwrap().as_micros()) * i128::from(micros);
    }
    let money = |sum: Option<i128>, per: i128| sum.map(|sum| (sum / per) as i64);
    (money(cost, 3_600_000_000), money(storage, 730 * 3_600_000_000))
}

fn sum(values: impl Iterator<Item = Option<i64>>) -> Option<i64> {
    values.flatten().fold(None, |sum, value| Some(sum.unwrap_or(0) + value))
}

proptest! {
    #[test]
    fn the_order_of_rows_and_telling_them_again_change_nothing(
        rows in rows(),
        seed in any::<u64>(),
        days in prop::collection::vec(1..300_i64, 1..5),
    ) {
        let rows: Vec<(usize, Row)> = rows.into_iter().enumerate().collect();
        let mut other = [rows.clone(), rows.clone()].concat();
        let mut state = seed | 1;
        for at in (1..other.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            other.swap(at, (state >> 33) as usize % (at + 1));
        }
        let rates = table(&days);
        prop_assert_eq!(told(&rows, &rates), told(&other, &rates));
    }

    #[test]
    fn pieces_tile_their_stretches_and_cutting_changes_no_sum(
        rows in rows(),
        days in prop::collection::vec(1..300_i64, 1..5),
    ) {
        let rows: Vec<(usize, Row)> = rows.into_iter().enumerate().collect();
        let rates = table(&days);
        let all = told(&rows, &rates);
        for two in all.windows(2).filter(|two| two[0].0.workspace == two[1].0.workspace) {
            prop_assert!(two[0].0.until.is_some_and(|(until, _)| until <= two[1].0.from), "{:?}", two);
            prop_assert!(two[0].0.state != two[1].0.state || two[0].0.until.unwrap().0 < two[1].0.from);
        }
        for (stretch, pieces) in &all {
            let end = stretch.until.map_or(now(), |(until, _)| until);
            prop_assert_eq!((pieces[0].started, pieces.last().unwrap().ended), (stretch.from, stretch.until.map(|_| end)));
            prop_assert!(pieces.windows(2).all(|two| two[0].ended == Some(two[1].started)));
            for piece in pieces {
                let last = Timestamp::from_unix_micros(piece.ended.unwrap_or(end).unix_micros() - 1);
                let second = piece.started.unix_seconds();
                let period = if second < days_from(now()) { Period::Month } else { Period::Day };
                prop_assert_eq!(period.window(second, 0), period.window(last.unix_seconds(), 0), "{:?}", piece);
                prop_assert_eq!(piece.day.unix_seconds(), Period::Day.window(second, 0).start);
                prop_assert_eq!(piece.rate.is_some(), piece.cost.is_some());
            }
            prop_assert_eq!(pieces.iter().map(|piece| piece.seconds).sum::<i64>(), end.micros_since(stretch.from) / 1_000_000);
            let sums = (sum(pieces.iter().map(|piece| piece.cost)), sum(pieces.iter().map(|piece| piece.storage)));
            prop_assert_eq!(sums, whole(stretch, &rates), "{:?}", stretch);
            prop_assert!(pieces.len() <= 4 * 12 + 432 + days.len(), "few rows for years");
        }
    }

    #[test]
    fn a_new_price_leaves_what_was_before_as_it_was(rows in rows(), days in prop::collection::vec(1..300_i64, 2..5)) {
        let rows: Vec<(usize, Row)> = rows.into_iter().enumerate().collect();
        let (old, new) = (table(&days[..days.len() - 1]), table(&days));
        let change = new.timeline(Subject { workspace: "w-1", ..Subject::default() }).last().unwrap().0;
        let before = |rates: &RateTable| {
            let pieces = told(&rows, rates).into_iter().flat_map(|(stretch, pieces)| {
                pieces.into_iter().map(move |piece| (stretch.workspace, piece))
            });
            let over = pieces.filter(|(_, piece)| piece.ended.is_some_and(|ended| ended < change));
            over.collect::<Vec<_>>()
        };
        prop_assert_eq!(before(&old), before(&new));
    }
}

/// A build of `w-1` that the control plane tells of.
fn build(second: i64, id: &str, transition: &str, outcome: &str) -> Entry {
    of("w-1", second, id, transition, outcome)
}

fn of(workspace: &str, second: i64, id: &str, transition: &str, outcome: &str) -> Entry {
    let target = format!("workspace_build/{id}");
    let mut entry = event(
        second,
        "workspace.build",
        &[(WORKSPACE, workspace), (ACTION, transition), (TARGET, &target), (TRUST, "control_plane"), (TEAM, "red")],
    );
    if !outcome.is_empty() {
        entry.set_text(OUTCOME, outcome);
    }
    entry
}

fn rates() -> Rates {
    let text = "version = \"v\"\n[[rate]]\nname = \"go\"\ntemplates = [\"t-go\"]\n\
                [[rate.price]]\nfrom = 2026-01-01\nrunning_usd_per_hour = 0.5\nstopped_usd_per_hour = 0.01\n\
                storage_usd_per_gib_month = 0.73\nstorage_gib = 100\n\
                [[rate.price]]\nfrom = 2026-11-23\nrunning_usd_per_hour = 1\n";
    Rates::of(RateTable::parse(text).unwrap())
}

/// What SQL says of entries.
async fn answer(entries: Vec<Entry>, sql: &str) -> String {
    let ledgers = Ledgers::new(1_000);
    ledgers.append(LedgerName::Events, entries, 3).await;
    let engine = ledgers.engine_with(Options { rates: rates(), threads: Some(2), ..Options::default() });
    let answer = ask(&engine, request(sql), Format::Csv).await.unwrap();
    answer.lines().skip(1).collect::<Vec<_>>().join("|")
}

#[tokio::test]
async fn hours_and_money_are_told_by_day_and_price() {
    let entries = || {
        let workspace = [
            (WORKSPACE, "w-1"),
            (WORKSPACE_NAME, "ada-go"),
            (TEMPLATE, "t-go"),
            (ORG, "acme"),
            (USER, "ada"),
            (ACTION, "workspace"),
            (TRUST, "control_plane"),
        ];
        vec![
            build(HOUR, "b-1", "start", "success"),
            // Polled later, and again: one build.
            build(HOUR + 40, "b-1", "start", "success"),
            build(HOUR + 40, "b-1", "start", "success"),
            event(HOUR, "inventory", &workspace),
            // Runs already, or did not come to pass.
            build(5 * HOUR, "b-2", "start", "success"),
            build(6 * HOUR, "b-3", "stop", "error"),
            build(6 * HOUR, "b-4", "stop", ""),
            // 2026-11-23T01:30:00Z.
            build(37 * HOUR + HOUR / 2, "b-5", "stop", "success"),
            build(40 * HOUR, "b-6", "delete", "success"),
            // What an agent claims, and a workspace without a rate.
            {
                let mut forged = build(41 * HOUR, "b-7", "start", "success");
                forged.set_text(TRUST, "agent");
                forged
            },
            of("w-2", 0, "b-8", "start", "success"),
            of("w-2", 2 * HOUR, "b-9", "delete", "success"),
        ]
    };
    let check = async |sql: &str, expected: &str| {
        assert_eq!(answer(entries(), sql).await, expected, "{sql}");
        // Whatever comes first.
        assert_eq!(answer(entries().into_iter().rev().collect(), sql).await, expected, "{sql}");
    };
    check(
        "SELECT date_part('day', day) AS d, state, seconds, rate, cost_micros, storage_micros FROM compute WHERE workspace = 'w-1' ORDER BY started",
        // 11 hours, a day, an hour and a half at the new price, and a stopped rest that it tells nothing of.
        "21,running,39600,go,5500000,1100000|22,running,86400,go,12000000,2400000|23,running,5400,go,1500000,|23,stopped,9000,go,0,",
    )
    .await;
    check("SELECT seconds, rate, cost_micros, storage_micros FROM compute WHERE workspace = 'w-2'", "7200,,,").await;
    check("SELECT sum(cost_micros) FROM compute WHERE day = '2026-11-22'", "12000000").await;
    check(
        "SELECT sum(cost_micros) FROM compute WHERE day >= '2026-11-22' AND started < '2026-11-23T00:30:00Z'",
        "13500000",
    )
    .await;
    check("SELECT sum(cost_micros), sum(seconds) FROM compute WHERE '2026-11-21T23:00:00Z' > day", "5500000,46800")
        .await;
    check(
        "SELECT DISTINCT workspace_name, template, \"user\", team, org, began FROM compute WHERE workspace = 'w-1'",
        "ada-go,t-go,ada,red,acme,build",
    )
    .await;
    check("SELECT count(*) FROM compute WHERE ended IS NULL", "0").await;
    check("SELECT count(DISTINCT since), count(*) FROM compute", "3,5").await;
    let positions = "SELECT position, end_position FROM compute WHERE workspace = 'w-1' AND end_position IS NOT NULL ORDER BY started";
    assert_eq!(answer(entries(), positions).await, "events/0/0,events/0/7|events/0/7,events/0/8");
}

#[tokio::test]
async fn what_goes_on_has_no_end_and_what_was_only_seen_says_so() {
    let connection = |workspace: &str, second: i64, status: &str| {
        event(second, "connection", &[(WORKSPACE, workspace), (ACTION, status), (TRUST, "control_plane")])
    };
    let entries = || {
        vec![
            connection("w-1", HOUR, "connected"),
            connection("w-1", 2 * HOUR, "connected"),
            connection("w-1", 0, "disconnected"),
            build(3 * HOUR, "b-2", "stop", "success"),
            of("w-2", HOUR, "b-1", "start", "success"),
            // Nothing says that it ran before, or when it ended.
            connection("w-3", HOUR, "connected"),
            of("w-4", HOUR, "b-4", "stop", "success"),
            of("w-4", 2 * HOUR, "b-5", "delete", "success"),
            of("w-4", 3 * HOUR, "b-6", "stop", "success"),
        ]
    };
    let closed = "SELECT workspace, state, began, seconds, position, end_position FROM compute WHERE end_position IS NOT NULL ORDER BY 1";
    assert_eq!(
        answer(entries(), closed).await,
        "w-1,running,seen,7200,events/0/0,events/0/3|w-4,stopped,build,3600,events/0/6,events/0/7"
    );
    let open = "SELECT workspace, state, began FROM compute WHERE ended IS NULL ORDER BY 1";
    assert_eq!(answer(entries(), open).await, "w-1,stopped,build|w-2,running,build");
    // The moment is one in the whole query: whatever is summed up goes on until now.
    let whole = "SELECT sum(seconds) = CAST((CAST(now() AS BIGINT) / 1000 - CAST(min(since) AS BIGINT)) / 1000000 AS BIGINT) FROM compute \
                 WHERE workspace = 'w-2'";
    assert_eq!(answer(entries(), whole).await, "true");
}

#[tokio::test]
async fn a_plan_reads_only_the_rows_about_builds_and_another_table_holds_from_the_next_query_on() {
    let ledgers = Ledgers::new(1_000);
    let mut entries: Vec<Entry> = (0..500).map(|second| event(second, "command", &[(WORKSPACE, "w-1")])).collect();
    entries.push(build(0, "b-1", "start", "success"));
    entries.push(build(HOUR, "b-2", "delete", "success"));
    ledgers.append(LedgerName::Events, entries, 100).await;
    let rates = Rates::default();
    let engine = ledgers.engine_with(Options { rates: rates.clone(), threads: Some(2), ..Options::default() });
    let sql = "SELECT cost_micros, rate FROM compute";
    let profile = engine.profile(request(sql)).await.unwrap();
    assert!(profile.plan.contains("ComputeExec: columns=[rate, cost_micros]"), "{}", profile.plan);
    assert_eq!(ask(&engine, request(sql), Format::Csv).await.unwrap(), "cost_micros,rate\n,\n");
    let text =
        "version = \"v\"\n[[rate]]\nname = \"all\"\n[[rate.price]]\nfrom = 2026-01-01\nrunning_usd_per_hour = 2\n";
    rates.replace(RateTable::parse(text).unwrap());
    assert_eq!(ask(&engine, request(sql), Format::Csv).await.unwrap(), "cost_micros,rate\n2000000,all\n");
}

#[tokio::test]
async fn a_bucket_of_agent_time_counts_as_it_was_told_last() {
    let bucket = |second: i64, target: &str, amount: i64| {
        let mut entry = event(second, "resource", &[(ACTION, "agent_time.bucket"), (TARGET, target)]);
        entry.set_integer(AMOUNT, amount);
        entry
    };
    let mut share = bucket(0, "day/x/y", 9);
    share.set_text(ACTION, "agent_time.share");
    let mut other = bucket(0, "day/x/y", 9);
    other.set_text(KIND, "audit");
    let entries = vec![
        bucket(0, "day/2026-11-20/2026-11-21", 5_000),
        bucket(0, "day/2026-11-21/2026-11-22", 100),
        bucket(0, "day/2026-11-21/2026-11-22", 300),
        share,
        other,
    ];
    let sql = "SELECT \"interval\", until, milliseconds, seq FROM agent_time ORDER BY until";
    assert_eq!(answer(entries, sql).await, "day,2026-11-21,5000,0|day,2026-11-22,300,2");
}
