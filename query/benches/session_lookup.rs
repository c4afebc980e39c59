//! One session of 10,000 events among 10 million rows: what the look-up touches, and how long it takes.
//!
//! `cargo bench -p query --bench session_lookup [-- rows]` prints the plan with its metrics; it is no pass-or-fail test.

use std::sync::Arc;

use ledger::events::column;
use ledger::{Entry, Group, LedgerName, Options as StoreOptions, Store, Table, Timestamp};
use operations::access::Principal;
use query::{AccessCheck, Engine, Limits, Options, Purpose, Request};

type Failure = Box<dyn std::error::Error>;

/// Event number `at` of a fleet of 2,000 sessions; every hundredth row of the middle belongs to the session that is sought.
fn numbered(at: i64, rows: i64) -> Entry {
    let sought = at >= rows / 2 && at < rows / 2 + 1_000_000 && at % 100 == 0;
    let session = if sought {
        "session-01000-sought".to_owned()
    } else {
        format!("session-{:05}", at / 500_000 * 100 + at * 7_919 % 100)
    };
    let mut entry = Entry::new();
    entry.set_time(column::TIME, Timestamp::from_unix_micros(1_795_262_400_000_000 + at * 1_000));
    entry.set_text(column::KIND, if at % 3 == 0 { "egress.http" } else { "tool.call" });
    entry.set_text(column::SESSION, &session);
    entry.set_text(column::HOST, if at % 5 == 0 { "packages.acme.example" } else { "api.acme.example" });
    entry.set_text(column::OUTCOME, if at % 50 == 0 { "deny" } else { "allow" });
    entry.set_text(
        column::RECORD,
        &format!(r#"{{"number":{at},"message":"a record of some length, as sources write it"}}"#),
    );
    entry
}

fn fill(store: &Store, rows: i64) -> Result<(), Failure> {
    let appender = store.events().appender();
    let mut group = Group::new(Table::of(LedgerName::Events));
    let mut last = None;
    for at in 0..rows {
        group.push(&numbered(at, rows))?;
        if group.is_full() || at == rows - 1 {
            let mut full = std::mem::replace(&mut group, Group::new(Table::of(LedgerName::Events)));
            last = Some(loop {
                match appender.try_append(full) {
                    Ok(pending) => break pending,
                    Err(rejected) => full = rejected.group,
                }
                std::thread::sleep(std::time::Duration::from_millis(1));
            });
        }
    }
    if let Some(pending) = last {
        pending.wait()?;
    }
    while store.events().status().unsealed_files > 0 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    Ok(())
}

fn main() -> Result<(), Failure> {
    let rows: i64 = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(10_000_000);
    let directory = tempfile::tempdir()?;
    Store::init(directory.path(), "acme.example/agents")?;
    let store = Store::open(directory.path(), StoreOptions::default())?;
    fill(&store, rows)?;
    let engine = Engine::new(store.events().reader(), store.operations().reader(), Options::default())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let questions = [
        "SELECT time, kind, host, outcome, record FROM events WHERE session = 'session-01000-sought'",
        "SELECT host, outcome, count(*) FROM events WHERE session = 'session-01000-sought' GROUP BY host, outcome",
        "SELECT host, count(*) AS n FROM events WHERE outcome = 'deny' GROUP BY host ORDER BY n DESC",
        "SELECT position, session FROM events ORDER BY time DESC LIMIT 100",
        "SELECT count(*) FROM events WHERE record LIKE '%\"number\":777777,%'",
    ];
    for sql in questions {
        for run in ["cold", "warm"] {
            let principal = Arc::new(Principal::local());
            let request = Request {
                sql: sql.to_owned(),
                principal,
                purpose: Purpose::Page,
                limits: Limits::default(),
                access: AccessCheck::default(),
            };
            let profile = runtime.block_on(engine.profile(request))?;
            println!(
                "{run} {} ms, {} rows, {} bytes scanned: {sql}",
                profile.statistics.elapsed_ms, profile.statistics.rows, profile.statistics.scanned_bytes
            );
            if run == "warm" {
                println!("{}", profile.plan);
                for (name, pruning) in profile.pruning {
                    println!("  {name}: {} left out, {} kept", pruning.pruned, pruning.matched);
                }
            }
        }
    }
    Ok(())
}
