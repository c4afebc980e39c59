//! Records of real formats through the pipeline into a real ledger, with restarts in between.

use std::sync::Arc;

use ledger::events::column;
use operations::access::{Principal, Trust};

use super::*;
use crate::dialect::{self, DIALECTS, Decoded, Dialect};
use crate::event::{Drafts, Record};
use crate::fixtures::House;
use crate::{clock, limits};

mod parts;
mod protobuf;
mod transcripts;

const INTERCEPTION: &str = "1f0c3a9e-2b7d-4c80-a6f4-7d2b9e0c5a31";
const KEY_OWNER: &str = "6c405053-27e3-484a-9ad7-bcb64e7bfde6";
const KEY_WORKSPACE: &str = "f2bd4e9f-7e27-49fc-961e-be4d1c2aa987";

pub(super) async fn feed<S: AsRef<[u8]>>(house: &House, dialect: &str, records: &[S]) -> Tally {
    feed_in(house, dialect::by_name(dialect).unwrap(), records).await
}

fn intake(house: &House, dialect: &'static dyn Dialect) -> Intake<()> {
    intake_of(house, dialect, Principal::local())
}

fn intake_of(house: &House, dialect: &'static dyn Dialect, principal: Principal) -> Intake<()> {
    let pipeline = Arc::clone(house.collectors.pipeline());
    let channel = Channel::new("test", dialect, pipeline.metrics());
    let patience = Patience::For(Duration::from_secs(1));
    Intake::new(pipeline, channel, Arc::new(principal), patience, (), 0)
}

pub(super) async fn feed_in<S: AsRef<[u8]>>(house: &House, dialect: &'static dyn Dialect, records: &[S]) -> Tally {
    let mut intake = intake(house, dialect);
    for record in records {
        intake.record(record.as_ref(), clock::now(), 0).await.unwrap();
    }
    intake.give_up(clock::now(), 0).await.unwrap();
    intake.finish().await.unwrap();
    intake.tally()
}

fn gateway(fields: &str) -> String {
    format!(
        "{{\"ts\":\"2026-10-03T08:16:04.100000000Z\",\"level\":\"INFO\",\"msg\":\"interception log\",\"fields\":{{\"interception_id\":\"{INTERCEPTION}\",{fields}}}}}"
    )
}

fn start() -> String {
    gateway(&format!(
        "\"record_type\":\"interception_start\",\"initiator_id\":\"{KEY_OWNER}\",\"api_key_id\":\"k1\",\"provider\":\"anthropic\",\
         \"model\":\"claude-sonnet-5\",\"client\":\"Claude Code\",\"client_session_id\":\"s-1\",\"started_at\":\"2026-10-03T08:16:04.000000Z\""
    ))
}

fn tokens(message: &str) -> String {
    gateway(&format!(
        "\"record_type\":\"token_usage\",\"msg_id\":\"{message}\",\"input_tokens\":10,\"output_tokens\":20,\
         \"cache_read_input_tokens\":0,\"cache_write_input_tokens\":0,\"created_at\":\"2026-10-03T08:16:05.000000Z\""
    ))
}

/// The columns of a record's first event, by name.
async fn columns_of(house: &House, dialect: &str, record: &[u8]) -> std::collections::BTreeMap<String, Vec<u8>> {
    let before = house.rows().len();
    let mut intake = intake(house, dialect::by_name(dialect).unwrap());
    intake.record(record, 1_800_000_000_000_000, 0).await.unwrap();
    intake.finish().await.unwrap();
    let rows = house.rows();
    let row = rows.iter().nth(before).unwrap();
    let columns = ledger::events::TABLE.columns.iter();
    columns.filter_map(|column| Some((column.name.to_owned(), row.value(column.id)?.to_vec()))).collect()
}

#[tokio::test]
async fn one_odd_string_hides_nothing() {
    let house = House::new("");
    let hook = |odd: &[u8]| {
        let mut record = br#"{"session_id":"s-1","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"rm -rf /srv # "#.to_vec();
        record.extend_from_slice(odd);
        record.extend_from_slice(br#"","timeout":5},"tool_use_id":"t-"#);
        record.extend_from_slice(house.rows().len().to_string().as_bytes());
        record.extend_from_slice(br#""}"#);
        record
    };
    for (odd, end, own) in [
        (&br"\ud83d"[..], "\u{FFFD}", true),
        (br"\x1b[0m", "\u{1b}[0m", false),
        (br"it\'s", "it's", false),
        (b"a\tb\x01", "a\tb\u{1}", false),
        (b"\xff\xfe", "\u{FFFD}\u{FFFD}", false),
        (b"\0", "\0", false),
    ] {
        let record = hook(odd);
        let columns = columns_of(&house, "claude_code", &record).await;
        let text = |name: &str| String::from_utf8_lossy(columns.get(name).map_or(&[][..], Vec::as_slice)).into_owned();
        assert_eq!(text("command"), format!("rm -rf /srv # {end}"));
        assert_eq!((text("kind"), text("session")), ("tool.call".to_owned(), "s-1".to_owned()));
        assert!(text("marks").ends_with("replaced:command"), "{:?}", text("marks"));
        // Its own bytes stay: in the content, or where that must be JSON in UTF-8, beside it.
        assert_eq!(columns.get("content_raw"), (!own).then_some(&record));
        assert_eq!(text("content").contains(r"\ud83d"), own);
    }
    // A secret that was found is in no column, the record's own bytes included.
    let columns = columns_of(&house, "claude_code", &hook(b"ghp_0123456789abcdefghijklmnopqrstuvwxyz \xff")).await;
    assert!(!columns.contains_key("content_raw") && columns.contains_key("redactions"));
    assert!(columns.values().all(|value| !String::from_utf8_lossy(value).contains("ghp_0123")), "{columns:?}");
}

#[tokio::test]
async fn a_line_arrives_when_it_is_read_whenever_its_wrapper_saw_it() {
    let house = House::new("");
    let pipeline = Arc::clone(house.collectors.pipeline());
    let channel = Channel::new("test", dialect::by_name("native").unwrap(), pipeline.metrics());
    let patience = Patience::For(Duration::from_secs(1));
    let mut intake = Intake::new(pipeline, Arc::clone(&channel), Arc::new(Principal::local()), patience, (), 0);
    let received = clock::now();
    intake.record(br#"2025-10-03T08:15:04Z stdout F {"kind":"check"}"#, received, 0).await.unwrap();
    intake.finish().await.unwrap();
    assert_eq!(channel.last_record(), Some(received));
    let seen = house.rows().iter().next().and_then(|row| row.time(column::OBSERVED));
    assert_eq!(seen.map(ledger::Timestamp::unix_micros), crate::timestamp::parse("2025-10-03T08:15:04Z"));
}

#[tokio::test]
async fn joins_survive_a_restart() {
    let names = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(names.path(), format!("[api_keys]\nk1 = \"{KEY_OWNER}_{KEY_WORKSPACE}_session_token\"\n")).unwrap();
    let mut house = House::new(&format!("names = {:?}", names.path()));
    assert_eq!(feed(&house, "coder", &[start(), tokens("m1")]).await.accepted, 2);
    house = house.reopen().await;
    assert_eq!(
        feed(&house, "coder", &[tokens("m2"), tokens("m1"), start()]).await,
        Tally { accepted: 1, duplicates: 2, events: 1, ..Tally::default() }
    );
    let rows = house.rows();
    let columns = [column::KIND, column::SESSION, column::USER, column::MODEL, column::WORKSPACE, column::ATTRIBUTION];
    let shown: Vec<Vec<&str>> =
        rows.iter().map(|row| columns.iter().map(|column| row.text(*column).unwrap()).collect()).collect();
    let who = |kind, attribution| vec![kind, "s-1", KEY_OWNER, "claude-sonnet-5", KEY_WORKSPACE, attribution];
    let joined = who("model.tokens", "joined:interception");
    assert_eq!(shown, [who("model.call", "joined:api-key"), joined.clone(), joined]);
    assert!(
        rows.iter()
            .all(|row| row.text(column::KIND) != Some("model.tokens") || row.integer(column::COST_MICROS).is_some())
    );
}

#[tokio::test]
async fn what_another_record_said_is_searched_for_secrets_too() {
    let token = ["ghp_", &"aB3".repeat(12)].concat();
    let mut house = House::new("");
    let start = start().replace("s-1", &format!("s/{token}"));
    assert_eq!(feed(&house, "coder", &[start, tokens("m1")]).await.accepted, 2);
    house = house.reopen().await;
    assert_eq!(feed(&house, "coder", &[tokens("m2")]).await.accepted, 1);
    let rows = house.rows();
    let sessions: Vec<Option<&str>> = rows.iter().map(|row| row.text(column::SESSION)).collect();
    assert_eq!(sessions, [Some("s/[REDACTED:github_token]"); 3]);
}

#[tokio::test]
async fn a_learned_name_survives_a_restart() {
    let mut house = House::new("");
    let audit = format!(
        r#"{{"ts":"2026-10-03T08:15:09Z","level":"INFO","msg":"audit_log","fields":{{"ID":"a-1","Time":"2026-10-03T08:15:09Z","UserID":"{KEY_OWNER}","ResourceType":"template","Action":"write","StatusCode":200,"actor":{{"id":"{KEY_OWNER}","username":"amara"}}}}}}"#
    );
    assert_eq!(feed(&house, "coder", &[start(), audit, tokens("m1")]).await.accepted, 3);
    assert_eq!(house.column(column::USER), [KEY_OWNER, "amara", "amara"], "nobody had said the name before");
    house = house.reopen().await;
    assert_eq!(feed(&house, "coder", &[tokens("m2")]).await.accepted, 1);
    let principal = Principal { user: Some("mira".to_owned()), ..Principal::local() };
    let mut intake = intake_of(&house, dialect::by_name("coder").unwrap(), principal);
    intake.record(tokens("m3").as_bytes(), clock::now(), 0).await.unwrap();
    intake.finish().await.unwrap();
    assert_eq!(house.column(column::USER), [KEY_OWNER, "amara", "amara", "amara", "mira"]);
    assert_eq!(house.column(column::USER_ID), [KEY_OWNER, KEY_OWNER, KEY_OWNER, KEY_OWNER, ""]);
}

/// Feeds records that a token with this trust carries.
async fn feed_as(house: &House, token: &str, trust: Trust, records: &[String]) -> Tally {
    let coder = dialect::by_name("coder").unwrap();
    let principal = Principal { token: token.to_owned(), trust, ..Principal::local() };
    let mut intake = intake_of(house, coder, principal);
    for record in records {
        intake.record(record.as_bytes(), clock::now(), 0).await.unwrap();
    }
    intake.finish().await.unwrap();
    intake.tally()
}

#[tokio::test]
async fn one_model_call_counts_once_whoever_logs_it_and_the_richer_record_is_kept() {
    let thread = "0a0b0c0d-2b7d-4c80-a6f4-7d2b9e0c5a31";
    // The gateway knows no threads and prints times in its own zone.
    let by_gateway = |line: &str| {
        line.replace("2026-10-03T08:16:04.000000Z", "2026-10-03T10:16:04+02:00")
            .replace("2026-10-03T08:16:05.000000Z", "2026-10-03T10:16:05.000+02:00")
            .replace("\"client_session_id\":\"s-1\"", "\"client_session_id\":\"\"")
    };
    let by_coderd = |line: &str| {
        line.replace(
            "\"client_session_id\":\"s-1\"",
            &format!("\"client_session_id\":\"\",\"thread_root_id\":\"{thread}\""),
        )
    };
    let both = [start(), tokens("m1")];
    for gateway_first in [true, false] {
        let mut house = House::new("");
        let (gateway, coderd) = (both.clone().map(|line| by_gateway(&line)), both.clone().map(|line| by_coderd(&line)));
        // An agent that knows the ids is recorded for itself and keeps nobody from them.
        let forged = feed_as(&house, "t-agent", Trust::Agent, &gateway).await;
        assert_eq!(forged.events, 2);
        let carried = [("t-gateway", Trust::Gateway, &gateway), ("t-coderd", Trust::ControlPlane, &coderd)];
        let order = if gateway_first { [carried[0], carried[1]] } else { [carried[1], carried[0]] };
        let first = feed_as(&house, order[0].0, order[0].1, order[0].2).await;
        assert_eq!((first.accepted, first.conflicts), (2, 0));
        let second = feed_as(&house, order[1].0, order[1].1, order[1].2).await;
        assert_eq!((second.events, second.conflicts), (u64::from(gateway_first), 0), "{gateway_first}");
        super::rebuild::tests::check_handed(&house, 0);
        for _ in 0..2 {
            for (token, trust, lines) in carried {
                assert_eq!(feed_as(&house, token, trust, lines).await.events, 0, "it comes again");
            }
            house = house.reopen().await;
        }
        feed_as(&house, "t-gateway", Trust::Gateway, &[by_gateway(&tokens("m2"))]).await;
        let rows = house.rows();
        let told = |row: &ledger::Row<'_>| row.text(column::TRUST) == Some("gateway");
        let costs = rows.iter().filter(|row| told(row) && row.integer(column::COST_MICROS).is_some()).count();
        assert_eq!(costs, 2, "one for each record of tokens");
        let last = rows.iter().last().unwrap();
        assert_eq!(last.text(column::SESSION), Some(thread), "what follows has the session");
        let added: Vec<_> = rows.iter().filter(|row| row.text(column::KIND) == Some("model.call.more")).collect();
        assert_eq!(added.len(), usize::from(gateway_first));
        for row in added {
            assert_eq!((row.text(column::SESSION), row.text(column::REFERS_TO)), (Some(thread), Some("events/0/2")));
        }
    }
}

#[tokio::test]
async fn a_sender_of_another_organization_keeps_nobody_from_anything() {
    let mut house = House::new("");
    let feed_of = async |house: &House, token: &str, org: Option<&str>, records: &[String]| {
        let principal = Principal { token: token.to_owned(), org: org.map(str::to_owned), ..Principal::local() };
        let mut intake = intake_of(house, dialect::by_name("coder").unwrap(), principal);
        for record in records {
            intake.record(record.as_bytes(), clock::now(), 0).await.unwrap();
        }
        intake.finish().await.unwrap();
        intake.tally()
    };
    let both = [start(), tokens("m1")];
    // Whoever comes first: ours is recorded, once for both of its witnesses, and explained by its own records only.
    let carried = [
        ("t-strange", Some("other"), 2),
        ("t-coderd", Some("acme"), 2),
        ("t-gateway", Some("acme"), 0),
        ("t-local", None, 2),
    ];
    for (token, org, events) in carried {
        let tally = feed_of(&house, token, org, &both).await;
        assert_eq!((tally.events, tally.conflicts), (events, 0), "{token}");
    }
    super::rebuild::tests::check_handed(&house, 0);
    for _ in 0..2 {
        for (token, org, _) in carried {
            assert_eq!(feed_of(&house, token, org, &both).await.events, 0, "{token} again");
        }
        house = house.reopen().await;
    }
    feed_of(&house, "t-gateway", Some("acme"), &[tokens("m2")]).await;
    feed_of(&house, "t-third", Some("third"), &[tokens("m3")]).await;
    let rows = house.rows();
    let last: Vec<_> = rows.iter().skip(6).map(|row| (row.text(column::ORG), row.text(column::SESSION))).collect();
    assert_eq!(last, [(Some("acme"), Some("s-1")), (Some("third"), None)]);
}

#[tokio::test]
async fn what_comes_again_contradicts_nothing() {
    for dialect in DIALECTS {
        let mut house = House::new("");
        let bytes = |example: &&str| dialect::testing::bytes(*dialect, example);
        let examples: Vec<_> = dialect.examples().iter().map(bytes).collect();
        let first = feed(&house, dialect.name(), &examples).await;
        assert_eq!((first.unparsed, first.skipped), (0, 0), "{}", dialect.name());
        let in_memory = feed(&house, dialect.name(), &examples).await;
        super::rebuild::tests::check_handed(&house, 0);
        house = house.reopen().await;
        let rebuilt = feed(&house, dialect.name(), &examples).await;
        for again in [in_memory, rebuilt] {
            assert_eq!(again.conflicts, 0, "{}", dialect.name());
            assert_eq!(again.records(), examples.len() as u64, "{}", dialect.name());
        }
    }
}

/// Each record is a list of events by their ids: `1 2 3`.
pub(super) struct Lists;

impl Dialect for Lists {
    fn name(&self) -> &'static str {
        "lists"
    }

    fn doc(&self) -> &'static str {
        "Lists of ids."
    }

    fn trust(&self) -> Trust {
        Trust::Agent
    }

    fn examples(&self) -> &'static [&'static str] {
        &["1 2"]
    }

    fn decode(&self, record: Record<'_>, _received: i64, drafts: &mut Drafts) -> Decoded {
        for id in record.text().unwrap().split(' ') {
            drafts.add().columns.set_text(column::SOURCE_ID, id);
        }
        Decoded::Events
    }
}

#[tokio::test]
async fn a_record_of_many_events_is_kept_by_the_first_that_is_new() {
    let mut house = House::new("");
    for (record, want) in
        [("1 2", (1, 2)), ("2 1", (0, 0)), ("2 3 1 4", (1, 2)), ("4", (0, 0)), ("5", (1, 1)), ("5 1", (0, 0))]
    {
        let tally = feed_in(&house, &Lists, &[record]).await;
        assert_eq!((tally.accepted, tally.events, tally.conflicts), (want.0, want.1, 0), "{record}");
        house = house.reopen().await;
    }
    assert_eq!(house.column(column::SOURCE_ID), ["1", "2", "3", "4", "5"]);
    assert_eq!(house.column(column::RECORD), ["1 2", "", "2 3 1 4", "", "5"]);
}

#[tokio::test]
async fn a_record_of_too_many_events_is_kept_whole() {
    let house = House::new("");
    let list = |from: usize, to: usize| (from..to).map(|id| id.to_string()).collect::<Vec<_>>().join(" ");
    let most = limits::RECORD_EVENTS_MAX;
    let records = [list(0, 9), list(9, 9 + most), list(0, 1 + most)];
    let tally = feed_in(&house, &Lists, &records).await;
    assert_eq!((tally.accepted, tally.unparsed, tally.events), (2, 1, 9 + most as u64 + 1));
    assert_eq!(house.records().last(), records.last());
}

#[tokio::test]
async fn a_record_whose_events_are_too_large_together_is_kept_whole() {
    let mut house = House::new("");
    let batch = |session: usize| {
        let call = |id: usize| {
            format!(
                "{{\"tool_name\":\"Bash\",\"tool_input\":{{\"command\":\"ls\"}},\"tool_use_id\":\"t{id}\",\
                 \"tool_response\":\"Permission to use Bash with command ls has been denied.\"}}"
            )
        };
        let calls = (0..64).map(call).collect::<Vec<_>>().join(",");
        let session = "s".repeat(session);
        format!("{{\"session_id\":\"{session}\",\"hook_event_name\":\"PostToolBatch\",\"tool_calls\":[{calls}]}}")
    };
    let records = [batch(9), batch(900_000)];
    let tally = feed(&house, "claude_code", &records).await;
    // The batch, its calls, and the other batch as it came.
    assert_eq!((tally.accepted, tally.unparsed, tally.events), (1, 1, 66));
    // What was recorded can be read by a start.
    house = house.reopen().await;
    let kinds = house.column(column::KIND);
    assert_eq!((kinds.len(), kinds.last().map(String::as_str)), (66, Some("unparsed")));
}

#[tokio::test]
async fn large_and_many_records_fill_several_groups() {
    let mut house = House::new("");
    let lines: Vec<String> = (0..9_000)
        .map(|n| format!("{{\"kind\":\"check\",\"source_id\":\"{n}\",\"content\":\"{}\"}}", "x".repeat(n % 900)))
        .collect();
    assert_eq!(feed(&house, "native", &lines).await.accepted, 9_000);
    house = house.reopen().await;
    assert_eq!(feed(&house, "native", &lines).await.duplicates, 9_000);
    let ids = house.column(column::SOURCE_ID);
    assert!(ids.iter().enumerate().all(|(at, id)| *id == at.to_string()) && ids.len() == 9_000);
}

#[tokio::test]
async fn a_duplicate_is_acknowledged_only_when_the_original_is_durable() {
    let house = House::new("");
    let (mut one, mut two) = (intake(&house, &Lists), intake(&house, &Lists));
    one.record(b"1 2", 0, 1).await.unwrap();
    let both = async move {
        two.record(b"3", 0, 1).await.unwrap();
        two.record(b"2", 0, 2).await.unwrap();
        two.finish().await.unwrap();
        two.tally()
    };
    tokio::pin!(both);
    assert!(futures::poll!(&mut both).is_pending(), "the original is in a group that is still filled");
    one.finish().await.unwrap();
    assert_eq!(both.await, Tally { accepted: 1, duplicates: 1, events: 1, ..Tally::default() });
    let mut ids = house.column(column::SOURCE_ID);
    ids.sort();
    assert_eq!(ids, ["1", "2", "3"]);
}

#[tokio::test]
async fn a_duplicate_of_what_was_never_recorded_is_recorded() {
    let house = House::new("");
    let (mut one, mut two) = (intake(&house, &Lists), intake(&house, &Lists));
    one.record(b"1", 0, 1).await.unwrap();
    {
        let waiting = two.record(b"1", 0, 1);
        tokio::pin!(waiting);
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(one);
        waiting.await.unwrap();
    }
    two.finish().await.unwrap();
    assert_eq!((two.tally().accepted, house.column(column::SOURCE_ID)), (1, vec!["1".to_owned()]));
}

#[tokio::test]
async fn a_request_that_coderd_and_the_socket_tell_is_one_event() {
    let line = r#"{"ts":"2026-10-03T08:15:09.2Z","level":"INFO","msg":"boundary_request","fields":{"owner":"mira","decision":"deny","session_id":"6f0a2c4e-1111-4d39-9c77-aa5a9b7f1d60","sequence_number":7,"workspace_id":"f1bd4e9f-2222-49fc-961e-be4d1c2aa987","http_method":"POST","http_url":"https://drop.attacker-logger.com/collect?a=b","event_time":"2026-10-03T08:15:05.733000657Z"}}"#;
    let frame = r#"[["tag",2],["message",[["logs",[["logs",[["time",[["seconds",1791015305],["nanos",733000657]]],["http_request",[["method","POST"],["url","https://drop.attacker-logger.com/collect?a=b"]]],["sequence_number",7]]],["session_id","6f0a2c4e-1111-4d39-9c77-aa5a9b7f1d60"]]]]]]"#;
    let socket = dialect::by_name("boundary_socket").unwrap();
    let frame = dialect::testing::bytes(socket, frame);
    for is_socket_first in [true, false] {
        let house = House::new("");
        let mut seen = Vec::new();
        for is_socket in [is_socket_first, !is_socket_first] {
            seen.push(if is_socket {
                feed(&house, "boundary_socket", &[&frame]).await
            } else {
                feed(&house, "coder", &[line]).await
            });
        }
        assert_eq!((seen[0].accepted, seen[1].duplicates, seen[1].conflicts), (1, 1, 0), "{is_socket_first} {seen:?}");
    }
}
