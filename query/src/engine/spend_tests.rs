//! Money that several feeds tell of is counted once, and what looks for that touches no more than the query does.

use ledger::events::column::{self, COLLECTOR, FAMILY, MODEL, SESSION, SOURCE, TRUST};
use ledger::{Entry, LedgerName};

use crate::fixtures::{Ledgers, ask, event, request};
use crate::output::Format;

const HOUR: i64 = 3_600;

/// The time of this second.
fn moment(second: i64) -> String {
    format!("2026-11-21T{:02}:{:02}:{:02}Z", 12 + second / HOUR, second % HOUR / 60, second % 60)
}

/// What a feed tells of a call in this second: of a session or of none.
fn told(second: i64, session: &str, source: &str, cost: Option<i64>) -> Entry {
    let (family, trust, collector) = match source {
        "kong" | "litellm" | "coder.gateway" => ("gateway", "gateway", "proxy"),
        "forged" => ("gateway", "agent", "hooks"),
        "otel" => ("workspace", "agent", "otel"),
        _ => ("workspace", "agent", "hooks"),
    };
    let texts = [(SOURCE, source), (FAMILY, family), (TRUST, trust), (COLLECTOR, collector), (MODEL, "m")];
    let mut entry = event(second, "model.tokens", &texts);
    if !session.is_empty() {
        entry.set_text(SESSION, session);
    }
    if let Some(cost) = cost {
        entry.set_integer(column::COST_MICROS, cost);
    }
    entry.set_integer(column::TOKENS_OUT, 10);
    entry
}

#[tokio::test]
async fn each_call_is_counted_from_the_best_of_those_who_tell() {
    let ledgers = Ledgers::new(1_000);
    let rows = [
        // A gateway, LiteLLM behind it, the agent's hooks and its transcript; then one that only names itself a gateway.
        told(0, "s", "coder.gateway", Some(100)),
        told(1, "s", "litellm", Some(90)),
        told(2, "s", "codex", Some(80)),
        told(3, "s", "codex.transcript", Some(70)),
        told(4, "s", "forged", Some(1_000)),
        told(5, "s", "coder.gateway", Some(11)),
        // In the next hour the gateway is silent, and in the one after that the agent alone tells, twice.
        told(HOUR, "s", "litellm", Some(50)),
        told(HOUR + 1, "s", "codex", Some(40)),
        told(2 * HOUR, "s", "codex", Some(30)),
        told(2 * HOUR + 1, "s", "otel", Some(30)),
        // Another session has one feed; what has no session is counted whoever tells.
        told(6, "t", "litellm", Some(7)),
        told(7, "", "litellm", Some(3)),
        told(8, "", "kong", Some(2)),
        // The best one has no price for its call: nobody else's is taken for it.
        told(9, "u", "kong", None),
        told(10, "u", "litellm", Some(500)),
    ];
    ledgers.append(LedgerName::Events, rows, 4).await;
    let engine = ledgers.engine();
    let check = async |sql: &str, expected: &str| {
        let answer = ask(&engine, request(sql), Format::Csv).await.unwrap();
        assert_eq!(answer.lines().skip(1).collect::<Vec<_>>().join("|"), expected, "{sql}");
    };
    check("SELECT sum(cost_micros), sum(cost_usd) FROM spend", "173,0.000173").await;
    check(
        "SELECT session, sum(cost_micros), count(*) FILTER (WHERE counted), count(*) FROM spend GROUP BY 1 ORDER BY 1 NULLS LAST",
        "s,161,4,10|t,7,1,1|u,,1,2|,5,2,2",
    )
    .await;
    check("SELECT sum(tokens_out) FROM spend WHERE counted", "80").await;
    check(
        "SELECT source, sum(told_micros) FROM spend WHERE session = 's' AND NOT counted GROUP BY 1 ORDER BY 1",
        "codex,150|codex.transcript,70|forged,1000|litellm,90",
    )
    .await;
    check("SELECT sum(claimed_micros) FROM spend WHERE counted", "30").await;
    check("SELECT session, cost_micros, tokens_out FROM sessions ORDER BY session", "s,161,40|t,7,10|u,,10").await;
    // Who is believed in an hour does not depend on which part of it is asked for.
    for (from, until, expected) in
        [(1, 5, "\"\""), (1, 6, "11"), (0, 1, "100"), (1, HOUR + 1, "61"), (HOUR, 3 * HOUR, "50")]
    {
        let [from, until] = [from, until].map(moment);
        let sql =
            format!("SELECT sum(cost_micros) FROM spend WHERE session = 's' AND time >= '{from}' AND time < '{until}'");
        check(&sql, expected).await;
    }
}

#[tokio::test]
async fn looking_for_others_who_tell_touches_no_more_than_the_query() {
    const ROWS: i64 = 65_000;
    let ledgers = Ledgers::new(20_480);
    let row =
        |at: i64| told(at * 5, &format!("s-{}", at / 100), ["coder.gateway", "litellm"][at as usize % 2], Some(1));
    ledgers.append(LedgerName::Events, (0..ROWS).map(row), 4_096).await;
    ledgers.sealed(LedgerName::Events, 3);
    let engine = ledgers.engine();
    let check = async |what: &str, condition: &str, files: usize, joins: usize| {
        let sql = format!("SELECT {what} FROM spend WHERE {condition}");
        let profile = engine.profile(request(&sql)).await.unwrap();
        assert_eq!(profile.plan.matches(".parquet").count(), files, "{sql}\n{}", profile.plan);
        assert_eq!(profile.plan.matches("HashJoinExec").count(), joins, "{sql}\n{}", profile.plan);
        profile
    };
    let half_a_day = "time < '2026-11-22T00:00:00Z'";
    check("sum(cost_micros)", half_a_day, 2, 1).await;
    check("sum(tokens_out)", half_a_day, 1, 0).await;
    check("team, count(*)", "TRUE GROUP BY team", 3, 0).await;
    let one = check("sum(cost_micros)", "session = 's-3'", 6, 1).await;
    assert_eq!(one.pruning["row_groups_pruned_bloom_filter"].matched, 2, "one row group for each side\n{}", one.plan);
}
