//! What analysts type, with the answers that PostgreSQL gives.

use ledger::LedgerName;
use ledger::events::column;

use super::*;
use crate::fixtures::{Ledgers, ask, event, request};
use crate::output::Format;

/// Records of three calls.
const RECORDS: [&str; 3] = [
    r#"{"who":"ada","deep":{"level":"one"},"n":1,"list":["x","y"],"ok":true}"#,
    r#"{"who":"bo","deep":{"level":"two"},"n":20,"only":"x","list":["z"],"none":null}"#,
    r#"{"who":"bo","deep":{"level":"two","0":"zero"},"n":3,"only":"x","list":[]}"#,
];

async fn calls() -> Ledgers {
    let ledgers = Ledgers::new(1_000);
    let kinds = ["tool.call", "tool.call", "tool.result"];
    let calls = RECORDS.iter().zip(kinds).enumerate().map(|(second, (record, kind))| {
        event(
            second as i64,
            kind,
            &[(column::RECORD, *record), (column::USER, "mira"), (column::HOST, "Files.acme.example")],
        )
    });
    ledgers.append(LedgerName::Events, calls, 10).await;
    ledgers
}

/// The rows of an answer between bars, or the code of the refusal.
async fn answer(engine: &Engine, sql: &str) -> String {
    match ask(engine, request(sql), Format::Csv).await {
        Ok(rows) => rows.lines().skip(1).collect::<Vec<_>>().join("|"),
        Err(error) => error.code().to_owned(),
    }
}

/// Each row: a condition on the three records, and how many it holds for.
const CONDITIONS: &[(&str, &str)] = &[
    ("record->>'who' = 'bo'", "2"),
    ("'bo' = record->>'who'", "2"),
    ("record->>'who' <> 'ada'", "2"),
    ("record->>'who' != 'ada'", "2"),
    ("record->>'who' > 'ada'", "2"),
    ("record->>'who' <= 'ada'", "1"),
    ("record->>'who' IN ('bo', 'cy')", "2"),
    ("record->>'who' NOT IN ('bo', 'cy')", "1"),
    ("record->>'only' IS NULL", "1"),
    ("record->>'only' IS NOT NULL", "2"),
    ("record->>'none' IS NULL", "3"),
    ("record->>'who' LIKE 'b%'", "2"),
    ("record->>'who' NOT LIKE 'b%'", "1"),
    ("record->>'who' ILIKE 'B_'", "2"),
    ("record->>'who' BETWEEN 'b' AND 'c'", "2"),
    ("record->>'who' ~ '^b'", "2"),
    ("record->>'who' !~ '^b'", "1"),
    ("record->>'who' ~* '^B'", "2"),
    ("record->>'who' SIMILAR TO '(a|b)%'", "3"),
    ("record->>'who' SIMILAR TO 'a'", "0"),
    ("record->>'who' NOT SIMILAR TO 'ad_'", "2"),
    ("record->>'who' IS DISTINCT FROM 'bo'", "1"),
    ("NOT record->>'who' = 'bo'", "1"),
    ("kind = 'tool.call' AND record->>'who' = 'bo'", "1"),
    ("record->>'who' = 'ada' OR record->>'who' = 'bo' AND kind = 'tool.call'", "2"),
    ("record->>'who' || '!' = 'bo!'", "2"),
    ("'<' || record->>'who' = '<bo'", "2"),
    ("(record->>'n')::int > 2", "2"),
    ("(record->>'n')::bigint BETWEEN 2 AND 20", "2"),
    ("(record->'n')::int + 1 = 2", "1"),
    ("CAST(record->>'ok' AS boolean)", "1"),
    ("record->'deep'->>'level' = 'two'", "2"),
    ("record->'list'->>0 = 'x'", "1"),
    ("record->'list'->>-1 = 'y'", "1"),
    ("record->'deep' IS NOT NULL", "3"),
    ("record->'who' = '\"bo\"'", "2"),
    ("record->'who' = 'bo'", "sql"),
    ("record #>> '{deep,level}' = 'two'", "2"),
    ("record#>>'{list,0}' = 'z'", "1"),
    ("record #>> '{deep,0}' = 'zero'", "1"),
    ("record #> '{deep}' ->> 'level' = 'one'", "1"),
    ("record #>> 'deep' = 'x'", "sql"),
    ("record @> '{\"who\":\"bo\"}'", "2"),
    ("record @> '{\"list\":[\"y\"]}' AND kind = 'tool.call'", "1"),
    ("'{\"who\":\"bo\",\"x\":1}' <@ record", "0"),
    ("record @> 'bo'", "execution"),
    ("record::jsonb->>'who' = 'bo'", "2"),
    ("(record::json)->>'who' = 'bo'", "2"),
    ("json_extract_path_text(record, 'deep', 'level') = 'two'", "2"),
    ("record->>'n' > 2", "sql"),
    ("coalesce(record->>'only', 'none') = 'none'", "1"),
    ("nullif(record->>'who', 'bo') IS NULL", "2"),
    ("lower(record->>'who') = ANY(ARRAY['bo', 'cy'])", "2"),
    ("user = 'mira' AND \"user\" = 'mira'", "3"),
    ("host ILIKE 'files.%'", "3"),
    ("time > now() - interval '20 years'", "3"),
    ("time > now() - '20 years'::interval", "3"),
    ("time::date = '2026-11-21'", "3"),
    ("time::date = date '2026-11-21'", "3"),
    ("extract(epoch FROM time) = 1795262400", "1"),
    ("date_part('hour', time AT TIME ZONE 'Europe/Berlin') = 13", "3"),
    ("date_trunc('day', time, 'Europe/Berlin') = '2026-11-21T00:00:00+01:00'", "3"),
    ("to_char(time, 'YYYY-MM-DD HH24:MI:SS') = '2026-11-21 12:00:01'", "1"),
    ("to_char(time, '%H:%M') = '12:00'", "3"),
    ("to_char(time, 'Julian') = 'x'", "sql"),
    ("seq = any('{1,2}')", "sql"),
    ("record ? 'only'", "2"),
    ("NOT record ? 'only'", "1"),
    ("record->'list' ? 'z' AND record ? 'who'", "1"),
    ("record ?| ARRAY['only', 'nothing']", "2"),
    ("record ?& ARRAY['only', 'nothing']", "0"),
    ("record ?| 'only'", "sql"),
    ("record ?| ARRAY['a', 'b', 'c'] ?| ARRAY['a', 'b', 'c'] ?| ARRAY['a', 'b', 'c'] ?| ARRAY['a', 'b', 'c']", "sql"),
    ("record ? (CASE WHEN seq = 0 THEN 'who' ELSE 'none' END)", "2"),
    ("record->'deep' = '{ \"level\": \"one\" }'", "1"),
    ("record->'deep' <> '{\"0\":\"zero\",\"level\":\"two\"}'", "2"),
    ("record->'list' = '[\"x\", \"y\"]'", "1"),
    ("2 ^ 3 = 8 AND mod(7, 4) = 3", "3"),
    ("time::varchar(10) = '2026-11-21'", "3"),
    ("CAST(host AS CHAR(5)) = 'Files'", "3"),
    ("date(time) = '2026-11-21'", "3"),
    ("to_date('21/11/2026', 'DD/MM/YYYY') = date '2026-11-21'", "3"),
    ("to_timestamp('2026-11-21 12:00', 'YYYY-MM-DD HH24:MI') <= time", "3"),
    ("time AT TIME ZONE 'Nowhere' > now()", "sql"),
    ("record->>'who' LIKE 'b!o' ESCAPE '!'", "2"),
    ("record->>'who' NOT ILIKE 'b!_' ESCAPE '!'", "3"),
    ("host REGEXP '^Files'", "3"),
    ("host ~ '('", "sql"),
    ("regexp_replace(host, '[a', '') = 'x'", "sql"),
    ("regexp_like(host, concat('(', host))", "execution"),
    ("1^1^1^1^1^1^1^1^1^1^1^1^1^1^1^1^1^1^1^1 = 1", "too_complex"),
    ("substring(host FROM '[a-z]+[.]') = 'iles.'", "3"),
];

#[tokio::test]
async fn conditions_hold_as_in_postgresql() {
    let ledgers = calls().await;
    let engine = ledgers.engine();
    let mut wrong = Vec::new();
    for (condition, expected) in CONDITIONS {
        let seen = answer(&engine, &format!("SELECT count(*) FROM events WHERE {condition}")).await;
        if seen != *expected {
            wrong.push(format!("{condition}: {seen}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each row: a statement and its rows, or the code of the refusal.
const STATEMENTS: &[(&str, &str)] = &[
    ("SELECT record->'who' FROM events WHERE seq = 1", r#""""bo""""#),
    ("SELECT record->'deep'->'level' FROM events WHERE seq = 0", r#""""one""""#),
    ("SELECT record#>>'{list}' FROM events WHERE seq = 1", r#""[""z""]""#),
    ("SELECT record->>'who' AS who, count(*) FROM events GROUP BY 1 ORDER BY 2 DESC, 1;", "bo,2|ada,1"),
    ("SELECT record->>'who' AS who, count(*) AS n FROM events GROUP BY record->>'who' ORDER BY n", "ada,1|bo,2"),
    ("-- a remark\nSELECT 1 /* another */ ;", "1"),
    ("SELECT count(*) FILTER (WHERE record->>'who' = 'bo') FROM events", "2"),
    ("SELECT count(DISTINCT record->>'who') FROM events", "2"),
    ("SELECT string_agg(record->>'who', ';' ORDER BY seq) FROM events", "ada;bo;bo"),
    (
        "SELECT DISTINCT ON (record->>'who') record->>'who' AS who, seq FROM events ORDER BY record->>'who', seq DESC",
        "ada,0|bo,2",
    ),
    ("SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seq) FROM events", "1.0"),
    ("SELECT seq FROM events ORDER BY seq LIMIT 1 OFFSET 1", "1"),
    ("SELECT seq FROM events ORDER BY seq FETCH FIRST 2 ROWS ONLY", "0|1"),
    ("SELECT seq FROM events ORDER BY seq OFFSET 1 ROW FETCH NEXT ROW ONLY", "1"),
    ("SELECT seq FROM events ORDER BY seq FETCH FIRST 1 ROWS WITH TIES", "sql"),
    ("SELECT value FROM generate_series(1, 3)", "1|2|3"),
    ("SELECT upper(user) FROM events LIMIT 1", "MIRA"),
    ("SELECT CASE WHEN record->>'who' = 'bo' THEN 1 ELSE 0 END AS bo FROM events ORDER BY seq", "0|1|1"),
    ("SELECT unnest(ARRAY[1,2])", "1|2"),
    ("SELECT count(*) FROM events GROUP BY GROUPING SETS ((kind), ()) ORDER BY 1", "1|2|3"),
    ("SHOW TABLES; SELECT 1", "sql"),
    ("SELECT count(*) FROM events TABLESAMPLE BERNOULLI (10)", "sql"),
    ("SELECT jsonb_array_elements_text(record->'list') AS word FROM events ORDER BY 1", "x|y|z"),
    ("SELECT DISTINCT jsonb_object_keys(record->'deep') AS key FROM events ORDER BY 1", "0|level"),
    ("SELECT every(seq < 3), variance(seq) FROM events", "true,1.0"),
    ("SELECT current_setting('x')", "sql"),
];

#[tokio::test]
async fn statements_answer_as_in_postgresql() {
    let ledgers = calls().await;
    let engine = ledgers.engine();
    let mut wrong = Vec::new();
    for (sql, expected) in STATEMENTS {
        let seen = answer(&engine, sql).await;
        if seen != *expected {
            wrong.push(format!("{sql}: {seen}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn lists_stand_beside_their_rows() {
    let ledgers = calls().await;
    let engine = ledgers.engine();
    let with = "WITH a AS (SELECT seq, json_texts(record->'list') AS words FROM events) SELECT a.seq, w.word FROM a";
    for (from, expected) in [
        (", unnest(a.words) AS w(word)", "0,x|0,y|1,z"),
        (" CROSS JOIN LATERAL unnest(a.words) AS w(word)", "0,x|0,y|1,z"),
        (" CROSS JOIN unnest(words) w(word)", "0,x|0,y|1,z"),
        (" JOIN unnest(a.words) AS w(word) ON w.word <> 'x'", "0,y|1,z"),
        (" LEFT JOIN LATERAL unnest(a.words) AS w(word) ON true", "0,x|0,y|1,z|2,"),
        (", unnest(a.words) AS w(word) JOIN events e ON e.record->'list'->>0 = w.word", "0,x|1,z"),
        (" CROSS JOIN unnest(a.words, a.words) AS w(word, other)", "sql"),
    ] {
        assert_eq!(answer(&engine, &format!("{with}{from} ORDER BY 1, 2")).await, expected, "{from}");
    }
    let named = "WITH a AS (SELECT json_texts(record->'list') AS words FROM events) SELECT word FROM a, unnest(a.words) AS word ORDER BY 1";
    assert_eq!(answer(&engine, named).await, "x|y|z");
}

#[tokio::test]
async fn what_there_is_can_be_asked_in_many_ways() {
    let ledgers = calls().await;
    let engine = ledgers.engine();
    for (sql, expected) in [
        ("\\d", "model_calls"),
        ("\\dt", "model_calls"),
        ("SHOW TABLES", "model_calls"),
        ("\\d egress", "bytes_out"),
        ("DESCRIBE egress", "bytes_out"),
        ("SHOW COLUMNS FROM egress", "bytes_out"),
        ("SELECT column_name FROM information_schema.columns WHERE table_name = 'egress'", "bytes_out"),
    ] {
        assert!(answer(&engine, sql).await.contains(expected), "{sql}");
    }
    assert_eq!(answer(&engine, "\\du").await, "sql");
}
