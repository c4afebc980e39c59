//! The pages of one session of 100,000 records among twice as many: how long each takes, and how large the index is.
//!
//! `cargo bench -p query --bench session_pages [-- records]` prints the times; it is no pass-or-fail test.

use std::sync::Arc;
use std::time::Instant;

use ledger::events::column;
use ledger::{Entry, Group, LedgerName, Options as StoreOptions, Store, Table, Timestamp};
use operations::access::Principal;
use operations::filter::Filter;
use query::sessions::{self, Place, Range};
use query::{AccessCheck, Asker, Engine, Options};

type Failure = Box<dyn std::error::Error>;

const KINDS: [&str; 6] = ["model.call", "tool.call", "command", "egress.http", "egress.http", "file.write"];
const NOON: i64 = 1_795_262_400_000_000;

fn numbered(at: i64) -> Entry {
    let kind = KINDS[(at / 2 % 6) as usize];
    let mut entry = Entry::new();
    entry.set_time(column::TIME, Timestamp::from_unix_micros(NOON + at * 150_000));
    entry.set_text(column::KIND, kind);
    let other = format!("session-{:04}", at % 97);
    entry.set_text(column::SESSION, if at % 2 == 0 { "session-sought" } else { &other });
    entry.set_text(column::SOURCE, "coder.boundary");
    if kind == "egress.http" {
        entry.set_text(column::HOST, &format!("host-{}.acme.example", at % 40));
        entry.set_text(column::OUTCOME, if at % 500 == 6 { "deny" } else { "allow" });
    }
    if kind == "model.call" {
        entry.set_text(column::MODEL, "model-a");
        entry.set_integer(column::COST_MICROS, 12_000 + at % 997);
    }
    entry.set_text(column::COMMAND, &format!("make step-{at}"));
    entry.set_text(
        column::RECORD,
        &format!(r#"{{"number":{at},"message":"a record of some length, as sources write it"}}"#),
    );
    entry
}

fn fill(store: &Store, rows: i64) -> Result<(), Failure> {
    let appender = store.events().appender();
    let mut group = Group::new(Table::of(LedgerName::Events));
    for at in 0..rows {
        group.push(&numbered(at))?;
        if group.is_full() || group.entries() == 4_096 || at == rows - 1 {
            let full = std::mem::replace(&mut group, Group::new(Table::of(LedgerName::Events)));
            appender.try_append(full).map_err(|rejected| rejected.error)?.wait()?;
        }
    }
    Ok(())
}

fn main() -> Result<(), Failure> {
    let records: i64 = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(100_000);
    let directory = tempfile::tempdir()?;
    Store::init(directory.path(), "acme.example/agents")?;
    let store = Store::open(directory.path(), StoreOptions::default())?;
    fill(&store, records * 2)?;
    let engine = Engine::new(store.events().reader(), store.operations().reader(), Options::default())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let asker = Asker { principal: Arc::new(Principal::local()), access: AccessCheck::default() };
    let (id, now) = ("session-sought", Timestamp::from_unix_micros(NOON));
    for run in ["cold", "warm"] {
        let told = |what: &str, started: Instant, size: usize| {
            println!("{run} {} ms: {what}, {size}", started.elapsed().as_millis());
        };
        let started = Instant::now();
        let page = runtime.block_on(sessions::records(&engine, &asker, id, (&Range::default(), now), 201))?;
        told("first page, records", started, page.len());
        let started = Instant::now();
        let last = Range { before: Some(Place { at: i64::MAX, seq: u64::MAX >> 1 }), ..Range::default() };
        told(
            "last page, records",
            started,
            runtime.block_on(sessions::records(&engine, &asker, id, (&last, now), 201))?.len(),
        );
        let started = Instant::now();
        let overview = runtime.block_on(sessions::overview(&engine, &asker, id, 600))?;
        told("overview, buckets", started, overview.map_or(0, |overview| overview.buckets.len()));
        let started = Instant::now();
        let index = serde_json::to_string(&runtime.block_on(sessions::index(&engine, &asker, id))?)?;
        told("index, bytes", started, index.len());
        let started = Instant::now();
        let search = Range {
            filter: Filter::parse(&format!("\"step-{}\"", records * 2 - 2))?,
            content: true,
            ..Range::default()
        };
        told(
            "search for the last record, found",
            started,
            runtime.block_on(sessions::found(&engine, &asker, id, (&search, now)))?.seqs.len(),
        );
        let started = Instant::now();
        let all = Filter::default();
        let listed = sessions::list(&engine, &asker, (&all, now), None, (100, false));
        told("list of sessions, rows", started, runtime.block_on(listed)?.0.len());
    }
    Ok(())
}
