//! SQL in, rows out: over the hot tail, over segments, and over both, with the same answers.

use ledger::LedgerName;
use operations::access::Role;

use super::*;
use crate::fixtures::{Ledgers, ask, event, principal, request, story};
use crate::output::Format;

/// The story in three layouts: all rows hot, every full segment sealed, and both.
async fn layouts() -> Vec<(&'static str, Ledgers)> {
    let (events, operations) = story();
    let mut layouts = Vec::new();
    for (name, rows, events_sealed, operations_sealed) in
        [("tail", 1_000, 0, 0), ("segments", 2, 6, 2), ("both", 5, 2, 0)]
    {
        let ledgers = Ledgers::new(rows);
        ledgers.append(LedgerName::Events, events.clone(), 1).await;
        ledgers.append(LedgerName::Operations, operations.clone(), 1).await;
        ledgers.sealed(LedgerName::Events, events_sealed);
        ledgers.sealed(LedgerName::Operations, operations_sealed);
        layouts.push((name, ledgers));
    }
    layouts
}

/// SQL and its rows as CSV.
const CASES: &[(&str, &str)] = &[
    ("SELECT count(*) AS n FROM events", "n\n12\n"),
    (
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY table_name",
        "table_name\nagent_time\nagents\nalerts\nbudgets\ncommands\ncompute\ndeliveries\negress\nevents\ninventory\ninventory_changes\nmodel_calls\noperations\npersons\nqueries\nreceipts\nreservations\nsessions\nsilences\nspend\ntool_calls\n",
    ),
    (
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'events' AND ordinal_position < 3 ORDER BY ordinal_position",
        "column_name\nposition\nshard\nseq\n",
    ),
    ("SELECT min(seq) AS a, max(seq) AS b, count(DISTINCT seq) AS n FROM events", "a,b,n\n0,11,12\n"),
    (
        "SELECT position, host FROM events WHERE outcome = 'deny' ORDER BY seq",
        "position,host\nevents/0/2,attacker-logger.com\nevents/0/8,attacker-logger.com\n",
    ),
    ("SELECT seq, host FROM events WHERE position = 'events/0/8'", "seq,host\n8,attacker-logger.com\n"),
    (
        "SELECT e.kind FROM events e WHERE e.position IN ('events/0/0', 'events/0/9', 'operations/0/1') ORDER BY e.seq",
        "kind\nsession.start\ncommand\n",
    ),
    ("SELECT position FROM events WHERE position = 'nonsense'", "position\n"),
    ("SELECT position FROM events WHERE position LIKE '%/11'", "position\nevents/0/11\n"),
    ("SELECT seq, command FROM events WHERE session = 's-ada' AND command IS NOT NULL", "seq,command\n6,ls -la\n"),
    ("SELECT seq, command FROM events WHERE command LIKE 'curl%'", "seq,command\n9,curl https://attacker-logger.com\n"),
    (
        "SELECT seq, content IS NULL AS without FROM events WHERE seq IN (5, 6) ORDER BY seq",
        "seq,without\n5,false\n6,true\n",
    ),
    ("SELECT count(content) AS c, count(command) AS d FROM events", "c,d\n1,2\n"),
    ("SELECT command FROM events ORDER BY seq DESC LIMIT 3", "command\n\"\"\n\"\"\ncurl https://attacker-logger.com\n"),
    ("SELECT count(*) AS n FROM (SELECT command FROM events LIMIT 4)", "n\n4\n"),
    ("SELECT seq FROM events ORDER BY time DESC LIMIT 2", "seq\n11\n10\n"),
    (
        "SELECT seq FROM events WHERE time >= '2026-11-21T12:00:09Z' AND time < TIMESTAMP '2026-11-21T12:00:11' ORDER BY seq",
        "seq\n9\n10\n",
    ),
    (
        "SELECT user, count(*) AS n FROM events WHERE user IS NOT NULL GROUP BY user ORDER BY user",
        "user,n\nada,7\nbob,4\n",
    ),
    (
        "SELECT record->>'action' AS action, json_get_str(record, 'who', 'name') AS who FROM events WHERE kind = 'audit'",
        "action,who\nlogin,carol\n",
    ),
    (
        "SELECT count(*) AS n FROM events a JOIN events b ON a.session = b.session WHERE a.kind = 'egress.http' AND b.kind = 'model.tokens'",
        "n\n3\n",
    ),
    ("SELECT count(*) AS n FROM events WHERE host = 'nowhere.example'", "n\n0\n"),
    ("SELECT action_fp FROM events WHERE action_fp IS NOT NULL", "action_fp\n18446744073709551615\n"),
    ("SELECT count(*) AS n FROM operations WHERE kind = 'alert'", "n\n3\n"),
    (
        "SELECT alert, revision, state, \"count\", host FROM alerts ORDER BY alert",
        "alert,revision,state,count,host\nalert-1,2,updated,2,attacker-logger.com\nalert-2,1,open,1,attacker-logger.com\n",
    ),
    (
        "SELECT sink, first, \"end\", \"count\", excluded FROM receipts",
        "sink,first,end,count,excluded\nsplunk,events/0/0,events/0/7,5,2\n",
    ),
    (
        "SELECT session, events, denied, tokens_out, cost_micros FROM sessions ORDER BY session",
        "session,events,denied,tokens_out,cost_micros\ns-ada,7,1,100,2500000\ns-bob,4,1,50,1000000\n",
    ),
    ("SELECT sum(x) AS s FROM (VALUES (9223372036854775807), (1), (-1)) AS t(x)", "s\n9223372036854775807\n"),
    ("SELECT y, sum(x) AS s FROM (VALUES (1, 2), (1, 3), (2, 4)) AS t(y, x) GROUP BY y ORDER BY y", "y,s\n1,5\n2,4\n"),
    ("SELECT sum(DISTINCT x) AS s FROM (VALUES (2), (2), (3)) AS t(x)", "s\n5\n"),
    ("SELECT sum(x) OVER (ORDER BY x ROWS 1 PRECEDING) AS s FROM (VALUES (1), (2), (3)) AS t(x)", "s\n1\n3\n5\n"),
    ("SELECT sum(x) AS s FROM (VALUES (1.5), (2)) AS t(x)", "s\n3.5\n"),
    ("SELECT sum(tokens_out) AS s FROM events WHERE session = 'nobody'", "s\n\"\"\n"),
    ("SELECT session, events FROM sessions WHERE session = 's-bob'", "session,events\ns-bob,4\n"),
    ("SELECT team, sum(cost_usd) AS usd FROM spend GROUP BY team ORDER BY team", "team,usd\nblue,1.0\nred,2.5\n"),
    (
        "SELECT domain, count(*) AS n FROM egress WHERE outcome = 'deny' GROUP BY domain",
        "domain,n\nattacker-logger.com,2\n",
    ),
    (
        "SELECT command, exit_code FROM commands ORDER BY exit_code",
        "command,exit_code\nls -la,0\ncurl https://attacker-logger.com,7\n",
    ),
    ("SELECT tool, tool_call FROM tool_calls", "tool,tool_call\nBash,t-1\n"),
    (
        "SELECT a.alert, e.host FROM alerts a JOIN events e ON e.position = ANY(a.evidence) ORDER BY a.alert",
        "alert,host\nalert-1,attacker-logger.com\nalert-2,attacker-logger.com\n",
    ),
    ("SELECT unnest(evidence) AS position FROM alerts WHERE alert = 'alert-1'", "position\nevents/0/2\n"),
    ("SELECT count(*) AS n FROM alerts WHERE opened <= recorded AND 'T1567' = ANY(tags)", "n\n2\n"),
    ("SELECT host FROM events WHERE outcome = 'deny' LIMIT 1", "host\nattacker-logger.com\n"),
    ("SELECT count(*) AS n, count(DISTINCT interception) AS i FROM model_calls", "n,i\n3,2\n"),
];

#[tokio::test]
async fn every_layout_gives_the_same_rows() {
    for (layout, ledgers) in layouts().await {
        let engine = ledgers.engine();
        for (sql, expected) in CASES {
            let text = ask(&engine, request(sql), Format::Csv)
                .await
                .unwrap_or_else(|error| panic!("{layout}: {sql}: {error:?}"));
            assert_eq!(text, *expected, "{layout}: {sql}");
        }
    }
}

#[tokio::test]
async fn every_view_answers_its_example_with_and_without_content() {
    use ledger::events::column::{ACTION, OUTCOME, TARGET, WORKSPACE};
    let (mut events, operations) = story();
    events.push(event(12, "workspace.build", &[(WORKSPACE, "w-1"), (ACTION, "start"), (OUTCOME, "success")]));
    events.push(event(13, "resource", &[(ACTION, "agent_time.bucket"), (TARGET, "day/2026-11-21/2026-11-22")]));
    let ledgers = Ledgers::new(1_000);
    ledgers.append(LedgerName::Events, events, 100).await;
    ledgers.append(LedgerName::Events, inventory_tests::rows(), 100).await;
    ledgers.append(LedgerName::Operations, operations, 100).await;
    let engine = ledgers.engine();
    for view in crate::views::ALL {
        for content in [true, false] {
            let mut wanted = request(view.example);
            wanted.principal = principal("ada", Role::Analyst, content);
            ask(&engine, wanted.clone(), Format::Csv).await.unwrap_or_else(|error| panic!("{}: {error:?}", view.name));
            wanted.sql = format!("SELECT * FROM {}", view.name);
            let all = ask(&engine, wanted, Format::Csv).await.unwrap();
            let header: Vec<&str> = all.lines().next().unwrap_or_default().split(',').collect();
            let expected: Vec<&str> =
                view.columns.iter().filter(|column| content || !column.content).map(|column| column.name).collect();
            assert_eq!(header, expected, "{}", view.name);
            assert!(all.lines().count() > 1, "{} shows something of the story", view.name);
        }
        for column in view.columns {
            assert!(view.column_doc(column).ends_with('.'), "{}.{} has a sentence", view.name, column.name);
        }
    }
}

/// A query whose column is made of itself twice, level by level.
fn doubled(step: &str, first: &str, from: &str, levels: usize) -> String {
    let inner = (0..levels)
        .fold(format!("SELECT {first} AS a FROM {from}"), |inner, _| format!("SELECT {step} AS a FROM ({inner})"));
    format!("SELECT max(length(a)) FROM ({inner}) WHERE a <> a")
}

async fn refused(engine: &Engine, request: Request, expected: &str) {
    let sql = request.sql.clone();
    let outcome = ask(engine, request, Format::Csv).await;
    assert_eq!(outcome.map_err(|error| error.code()), Err(expected), "{sql}");
}

#[tokio::test]
async fn errors_say_where_in_the_statement() {
    let engine = Ledgers::new(1_000).engine();
    let check = async |sql: &str, first: &str| {
        let error = ask(&engine, request(sql), Format::Csv).await.unwrap_err().to_string();
        assert_eq!(error.lines().next().unwrap_or_default(), first, "{sql}");
    };
    check(
        "SELECT time,\n  nothing\nFROM events",
        "Schema error: No field named nothing. It stands at Line: 2, Column: 3.",
    )
    .await;
    let qualified = "Schema error: No field named e.nothing. Did you mean 'e.domain'? It stands at Line: 1, Column: 8.";
    check("SELECT e.nothing FROM egress e", qualified).await;
    let parsed = "SQL error: ParserError(\"Expected: end of statement, found: c at Line: 1, Column: 12\")";
    check("SELECT a b c FROM events", parsed).await;
}

#[tokio::test]
async fn hostile_queries_meet_their_limits() {
    let (events, operations) = story();
    let ledgers = Ledgers::new(1_000);
    ledgers.append(LedgerName::Events, events, 100).await;
    ledgers.append(LedgerName::Operations, operations, 100).await;
    let engine = ledgers.engine();
    let long = "x".repeat(10_000);
    let short = "x".repeat(500);
    let million = "(SELECT value AS v FROM generate_series(1, 1000000))".to_owned();
    let bombs: Vec<String> = (0..24).map(|n| format!("b{} AS (SELECT x.c FROM b{n} x, b{n} y)", n + 1)).collect();
    let cases = [
        (format!("SELECT a.v FROM {million} a, {million} b"), "limit_rows"),
        (format!("SELECT count(*) FROM {million} a, {million} b WHERE a.v * b.v % 7 = 3"), "limit_time"),
        (format!("SELECT concat('{long}', v) AS x FROM {million} ORDER BY x"), "limit_memory"),
        (format!("WITH b0 AS (SELECT 1 AS c), {} SELECT count(*) FROM b24", bombs.join(", ")), "too_complex"),
        (format!("SELECT count(*) FROM {million} a, {million} b WHERE a.v * b.v < 0"), "limit_time"),
        (
            format!("SELECT count(*) FROM {million} a JOIN {million} b ON a.v % 2 = b.v % 2 AND a.v * b.v < 0"),
            "limit_time",
        ),
        (
            "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r".to_owned(),
            "limit_time",
        ),
        ("SELECT repeat('x', 2000000000)".to_owned(), "sql"),
        (
            format!("SELECT {}'x'{}", "replace(".repeat(9), format!(", 'x', '{}')", "x".repeat(20)).repeat(9)),
            "limit_memory",
        ),
        (format!("SELECT max(replace(concat('{long}', v), 'x', '{long}')) FROM {million}"), "limit_memory"),
        (doubled("a || a", "concat('xxxxxxxx', v)", &million, 10), "limit_memory"),
        (doubled("concat(a, a)", "concat('xxxxxxxx', v)", &million, 10), "limit_memory"),
        (doubled("a + a", "v", &million, 30).replace("max(length", "max(abs"), "too_complex"),
        (
            format!(
                "SELECT max(n) FROM (SELECT max(concat('{short}', a.v, b.v)) OVER () AS n FROM {million} a, {million} b)"
            ),
            "limit_memory",
        ),
        ("SELECT * FROM '/etc/passwd'".to_owned(), "sql"),
        ("SELECT * FROM read_parquet('/etc/passwd')".to_owned(), "sql"),
        ("SELECT * INTO stolen FROM events".to_owned(), "read_only"),
        ("SELECT nothing FROM events".to_owned(), "sql"),
        ("SELECT 1 / (seq - seq) FROM events".to_owned(), "execution"),
        ("SELECT sum(x) FROM (VALUES (9223372036854775807), (1)) AS t(x)".to_owned(), "execution"),
        ("SELECT sum(x) FROM (VALUES (-9223372036854775807), (-2)) AS t(x)".to_owned(), "execution"),
        (
            "SELECT y, sum(x) FROM (VALUES (1, 9223372036854775807), (1, 1)) AS t(y, x) GROUP BY y".to_owned(),
            "execution",
        ),
        ("SELECT sum(x) OVER () FROM (VALUES (9223372036854775807), (1)) AS t(x)".to_owned(), "execution"),
        ("SELECT sum(DISTINCT x) FROM (VALUES (9223372036854775807), (1)) AS t(x)".to_owned(), "execution"),
        ("DROP TABLE events".to_owned(), "read_only"),
    ];
    for (sql, expected) in cases {
        let mut hostile = request(&sql);
        hostile.limits =
            Limits { time: Duration::from_secs(if expected == "limit_time" { 1 } else { 60 }), ..Limits::default() };
        refused(&engine, hostile, expected).await;
    }
    let mut wide = request(&format!("SELECT concat('{long}', value) FROM generate_series(1, 1000)"));
    wide.limits.bytes = 1 << 20;
    refused(&engine, wide, "limit_bytes").await;
    let after = ask(&engine, request("SELECT count(*) AS n FROM events"), Format::Csv).await;
    assert_eq!(after.unwrap(), "n\n12\n", "the engine still answers");
}

#[tokio::test]
async fn queries_at_the_same_time_are_bounded_and_a_dropped_one_makes_room() {
    let ledgers = Ledgers::new(1_000);
    let engine = ledgers.engine_with(Options { queries_max: Some(1), ..Options::default() });
    let endless = "SELECT a.value FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b";
    let running = engine.run(request(endless)).await.unwrap();
    refused(&engine, request("SELECT 1"), "busy").await;
    assert_eq!(engine.running(), 1);
    drop(running);
    while ask(&engine, request("SELECT 1"), Format::Csv).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn content_needs_a_permission_and_leaves_a_record() {
    let (events, _) = story();
    let ledgers = Ledgers::new(1_000);
    ledgers.append(LedgerName::Events, events, 100).await;
    let engine = ledgers.engine();
    let asking = |sql: &str, role, content, purpose| Request {
        principal: principal("eve", role, content),
        purpose,
        ..request(sql)
    };
    let typed = Purpose::AdHoc("http");

    for sql in [
        "SELECT command FROM events",
        "SELECT seq FROM events WHERE content LIKE '%x%'",
        "SELECT command FROM commands",
        "SELECT content FROM operations",
        "SELECT task FROM agents",
    ] {
        refused(&engine, asking(sql, Role::Analyst, false, typed), "content_permission").await;
    }
    for sql in ["SELECT * FROM events", "SELECT count(*) FROM egress"] {
        refused(&engine, asking(sql, Role::Auditor, true, typed), "role").await;
    }
    refused(&engine, asking("SELECT 1", Role::Ingest, true, typed), "role").await;
    let entries = "SELECT kind, actor, record->>'via' AS via, json_as_text(record, 'columns') AS columns, content FROM operations WHERE kind <> 'query' OR revision = 1 ORDER BY seq";
    let before = ask(&engine, request(entries), Format::Csv).await.unwrap();
    assert!(!before.contains("content.read") && !before.contains("SELECT 1"), "what was refused did not run: {before}");

    for (sql, purpose) in [
        ("SELECT count(*) FROM events", Purpose::Page),
        ("SELECT count(*) FROM events", typed),
        ("SELECT max(command) FROM commands", Purpose::Page),
        ("SELECT max(task) FROM agents", Purpose::Page),
        ("EXPLAIN SELECT command FROM events", typed),
        ("SELECT * FROM events WHERE seq = 6", typed),
    ] {
        ask(&engine, asking(sql, Role::Analyst, true, purpose), Format::Csv).await.unwrap();
    }
    let expected = "content.read,local,,[\"operations.content\"],\n\
        query,eve,http,,SELECT count(*) FROM events\n\
        content.read,eve,,[\"events.command\"],\n\
        content.read,eve,,\"[\"\"agents.task\"\"]\",\n\
        query,eve,http,,EXPLAIN SELECT command FROM events\n\
        query,eve,http,,SELECT * FROM events WHERE seq = 6\n\
        content.read,eve,,\"[\"\"events.command\"\",\"\"events.content\"\",\"\"events.content_raw\"\",\"\"events.effect_objects\"\",\"\"events.file\"\"]\",\n";
    let expected = expected
        .replace("[\"operations.content\"]", "\"[\"\"operations.content\"\"]\"")
        .replace(",[\"events.command\"],", ",\"[\"\"events.command\"\"]\",");
    let after = ask(&engine, request(entries), Format::Csv).await.unwrap();
    assert_eq!(after.strip_prefix(&before), Some(expected.as_str()));
}

/// The entries of typed queries: revision, outcome, rows and text.
async fn recorded(engine: &Engine) -> String {
    let sql =
        "SELECT revision, \"to\", record->>'rows' AS rows, content FROM operations WHERE kind = 'query' ORDER BY seq";
    ask(engine, request(sql), Format::Csv).await.unwrap()
}

#[tokio::test]
async fn a_typed_query_is_recorded_before_anything_is_done_for_it_and_when_it_ended() {
    let ledgers = Ledgers::new(1_000);
    let engine = ledgers.engine();
    let endless = "SELECT a.value FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b";
    let mut expected = "revision,to,rows,content\n".to_owned();
    for (sql, outcome, rows) in [
        ("SELECT 1", "complete", 1),
        ("SELEC 1", "sql", 0),
        ("DROP TABLE events", "read_only", 0),
        ("SELECT 1 / (value - 1) FROM generate_series(1, 2)", "execution", 0),
        (endless, "cancelled", 0),
        ("SELECT 2", "cancelled", 0),
    ] {
        let typed = Request { purpose: Purpose::AdHoc("http"), ..request(sql) };
        if sql == endless {
            drop(engine.run(typed).await.unwrap());
        } else if outcome == "cancelled" {
            // Who asked is gone before even the beginning is recorded.
            let mut run = Box::pin(engine.run(typed));
            assert!(futures::poll!(&mut run).is_pending());
        } else {
            let _ = ask(&engine, typed, Format::Csv).await;
        }
        let text = if sql.contains(',') { format!("\"{sql}\"") } else { sql.to_owned() };
        expected = format!("{expected}1,,,{text}\n2,{outcome},{rows},\n");
        // Nobody waits for the entry of the end; it comes.
        let mut seen = recorded(&engine).await;
        while seen.lines().count() < expected.lines().count() {
            seen = recorded(&engine).await;
        }
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
async fn a_query_ends_when_its_token_does() {
    let ledgers = Ledgers::new(1_000);
    let engine = ledgers.engine();
    let stands = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let asked = Arc::clone(&stands);
    let endless =
        "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b WHERE a.value * b.value < 0";
    let access = AccessCheck::while_true(move || asked.swap(false, std::sync::atomic::Ordering::Relaxed));
    let outcome = ask(&engine, Request { access, ..request(endless) }, Format::Csv).await;
    assert_eq!(outcome.map_err(|error| error.code()), Err("unauthorized"));
}

#[tokio::test]
async fn a_directory_answers_like_the_process_that_writes_it() {
    for (layout, ledgers) in layouts().await {
        let (inside, beside) = (ledgers.engine(), Engine::open(&ledgers.path(), Options::default()).unwrap());
        for sql in [
            "DESCRIBE egress",
            "SHOW COLUMNS FROM events",
            "SELECT * FROM events ORDER BY seq",
            "SELECT * FROM alerts ORDER BY alert",
        ] {
            let expected = ask(&inside, request(sql), Format::Csv).await.unwrap();
            assert_eq!(ask(&beside, request(sql), Format::Csv).await.unwrap(), expected, "{layout}: {sql}");
        }
    }
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(Engine::open(empty.path(), Options::default()).err().map(|error| error.code()), Some("ledger"));
}

/// Whatever the path of the data directory is made of, and however it is written, sealed rows are found.
#[tokio::test]
async fn any_path_of_the_data_directory_can_be_queried() {
    use std::os::unix::ffi::OsStrExt;
    let names: [&[u8]; 8] = [
        b"data",
        b"with space",
        b"per%cent %2F",
        b"ha#sh?q",
        "\u{fc}n\u{ef}".as_bytes(),
        b"tab\tline\n",
        b"\xff",
        b"a\\b",
    ];
    for name in names {
        let directory = tempfile::tempdir().unwrap();
        let up = "../".repeat(std::env::current_dir().unwrap().components().count() - 1);
        let data = std::path::PathBuf::from(up + &directory.path().to_str().unwrap()[1..]);
        let data = data.join(std::ffi::OsStr::from_bytes(name));
        assert!(data.is_relative());
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(std::path::absolute(&data).unwrap(), &link).unwrap();
        let dotted = data.join("../link/./");
        for (round, path) in [&data, &link, &dotted].into_iter().enumerate() {
            let events = crate::fixtures::story().0;
            let ledgers = Ledgers::at(path, events.len() as u64);
            ledgers.append(LedgerName::Events, events, 20).await;
            ledgers.sealed(LedgerName::Events, round + 1);
            let sql = "SELECT count(host) > 0 AS h, count(content) > 0 AS c FROM events";
            for engine in [ledgers.engine(), Engine::open(path, Options::default()).unwrap()] {
                let answer = ask(&engine, request(sql), Format::Csv).await;
                assert_eq!(answer.unwrap(), "h,c\ntrue,true\n", "{}", path.display());
            }
        }
    }
}

#[tokio::test]
async fn a_row_is_in_exactly_one_side_while_segments_are_sealed() {
    let ledgers = Ledgers::new(50);
    let engine = ledgers.engine();
    let numbered = |from: i64| (from..from + 37).map(|second| crate::fixtures::event(second, "audit", &[]));
    for round in 0..20 {
        ledgers.append(LedgerName::Events, numbered(round * 37), 10).await;
        let rows = (round + 1) * 37;
        let counted = ask(
            &engine,
            request("SELECT count(time) AS a, count(DISTINCT seq) AS b, max(seq) + 1 AS c FROM events"),
            Format::Csv,
        );
        assert_eq!(counted.await.unwrap(), format!("a,b,c\n{rows},{rows},{rows}\n"));
        let counted = ask(&engine, request("SELECT count(*) AS n FROM events"), Format::Csv);
        assert_eq!(counted.await.unwrap(), format!("n\n{rows}\n"));
    }
}
