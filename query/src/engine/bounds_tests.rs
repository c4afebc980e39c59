//! Statements at the edge of what is taken: nothing may overflow a stack or plan for ever.

use super::*;
use crate::fixtures::{Ledgers, ask, event, request};
use crate::output::Format;
use ledger::LedgerName;

async fn outcome(engine: &Engine, sql: &str) -> Result<String, &'static str> {
    ask(engine, request(sql), Format::Csv).await.map_err(|error| error.code())
}

/// A beginning, a link to repeat, and an end. The count of links at which a statement is too long differs by kind.
const CHAINS: &[(&str, &str, &str)] = &[
    ("SELECT seq", " + seq", " FROM events"),
    ("SELECT 1", " + 1", ""),
    ("SELECT seq = 1", " OR seq = 1", " FROM events"),
    ("SELECT kind FROM events WHERE seq > 0", " AND seq <> 7", ""),
    ("SELECT kind", " || kind", " FROM events"),
    ("SELECT seq", "::bigint", " FROM events"),
    ("SELECT ", "NOT ", "seq = 1 FROM events"),
    ("SELECT seq = 1", " IS NULL", " FROM events"),
    ("SELECT time", " AT TIME ZONE 'UTC'", " FROM events"),
    ("SELECT record", "->'a'", " FROM events"),
    ("SELECT seq FROM events", " UNION ALL SELECT seq FROM events", ""),
    ("SELECT 1", " EXCEPT SELECT 2", ""),
    ("SELECT 1 FROM events", " CROSS JOIN events e#", ""),
    ("SELECT 1 FROM events", ", events e#", ""),
];

#[tokio::test]
async fn no_chain_overflows_a_stack() {
    let ledgers = Ledgers::new(1_000);
    ledgers.append(LedgerName::Events, [event(1, "audit", &[])], 10).await;
    let engine = ledgers.engine();
    for (begin, link, end) in CHAINS {
        let statement = |links: usize| {
            let chain: String = (0..links).map(|number| link.replace('#', &number.to_string())).collect();
            format!("{begin}{chain}{end}")
        };
        // The longest that is parsed, found by halving.
        let (mut taken, mut refused) = (1, 2 * limits::SQL_CHAIN_MAX);
        while refused - taken > 1 {
            let middle = usize::midpoint(taken, refused);
            match statement::parse(&statement(middle)) {
                Err(QueryError::TooComplex(_)) => refused = middle,
                _ => taken = middle,
            }
        }
        let longest = outcome(&engine, &statement(taken)).await;
        assert!(longest.is_ok() || *link == "NOT ", "{link}: {longest:?}");
        assert_eq!(outcome(&engine, &statement(refused)).await, Err("too_complex"), "{link}");
        assert_eq!(outcome(&engine, &statement(100 * limits::SQL_CHAIN_MAX)).await, Err("too_complex"), "{link}");
    }
}

#[tokio::test]
async fn steps_into_json_that_are_computed_are_few() {
    let ledgers = Ledgers::new(1_000);
    let engine = ledgers.engine();
    for (steps, expected) in [(16, Ok("x\n".to_owned())), (17, Err("sql")), (400, Err("sql"))] {
        let sql = format!("SELECT record{} AS x FROM events", "->kind".repeat(steps));
        assert_eq!(outcome(&engine, &sql).await, expected, "{steps}");
    }
}
